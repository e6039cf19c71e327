# `make demo` and `make test` each work as the first and only command on a machine with Python 3.11.

PYTHON ?= python3.11
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: console check-console console-tools browser screenshots soak help setup generate check-generated format lint types test javascript test-unit test-service bench build demo check clean mutations

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: .venv/ready ## Make .venv with everything in it

.venv/ready: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not on the path; give another one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

generate: .venv/ready ## Write generated/ and the examples' packages from their specs
	$(BIN)/mdkgen generate spec generated
	$(BIN)/mdkgen generate examples/chat/spec examples/chat/generated
	$(BIN)/mdkgen generate examples/jobs/spec examples/jobs/generated
	$(BIN)/mdkgen explain --all > docs/errors.md
	$(BIN)/mdkgen ir --describe > docs/ir.md
	$(BIN)/mdkgen docs spec docs
	$(BIN)/mdkgen docs spec runtime/mdk_runtime/console/docs --only html --pieces
	$(BIN)/mdkgen textmate > editors/vscode/mdkspec.tmLanguage.json
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console; else echo "not done, because npm is missing: make console"; fi

check-generated: .venv/ready ## Fail if a generated file is not what its spec makes
	$(BIN)/mdkgen generate --check spec generated
	$(BIN)/mdkgen generate --check examples/chat/spec examples/chat/generated
	$(BIN)/mdkgen generate --check examples/jobs/spec examples/jobs/generated
	$(BIN)/mdkgen explain --all | diff docs/errors.md -
	$(BIN)/mdkgen ir --describe | diff docs/ir.md -
	$(BIN)/mdkgen docs --check spec docs
	$(BIN)/mdkgen docs --check spec runtime/mdk_runtime/console/docs --only html --pieces
	$(BIN)/mdkgen textmate | diff editors/vscode/mdkspec.tmLanguage.json -

SPECS := spec examples/chat/spec examples/jobs/spec

format: .venv/ready ## Format handwritten code and specs
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mdkgen format $(SPECS)

lint: .venv/ready ## Style, and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mdkgen format --check $(SPECS)
	for folder in $(SPECS); do $(BIN)/mdkgen lint $$folder || exit 1; done

types: .venv/ready ## mypy --strict and pyright strict
	$(BIN)/mypy
	$(BIN)/pyright

PROTOCOL := console/src/pages/protocol/protocol.json

console: .venv/ready console-tools ## Build the web console from console/ into the package, where it is committed
	$(BIN)/mdkgen ir spec | node console/protocol.mjs spec > $(PROTOCOL).new && mv $(PROTOCOL).new $(PROTOCOL)
	npm --prefix console run --silent build

check-console: .venv/ready console-tools ## Fail if the built console is not what its source makes
	$(BIN)/mdkgen ir spec | node console/protocol.mjs spec | diff $(PROTOCOL) -
	npm --prefix console run --silent types
	npm --prefix console run --silent build -- --check

console-tools: console/node_modules/.ready

console/node_modules/.ready: console/package-lock.json
	npm --prefix console ci --silent
	@touch $@

browser: ## What the tests in a browser need, if it can be installed
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && { apt-get update && apt-get install -y chromium; } >/dev/null 2>&1; } || true

screenshots: .venv/ready browser ## Pictures of the console for the README
	PYTHONPATH=tests $(BIN)/python -m browser.screenshots docs/images

# Two processes: most tests wait for others more than they compute. What shares a browser or a slow set-up stays together.
SIDE_BY_SIDE := --numprocesses 2 --dist loadgroup --no-loadscope-reorder

test: .venv/ready javascript browser ## Every test
	$(BIN)/pytest $(SIDE_BY_SIDE)
	@command -v node >/dev/null || { echo "not run, because node is missing: every test in tests/js and console/tests"; test -z "$$CI"; }
	@command -v chromium >/dev/null || { echo "not run, because chromium is missing: every test in tests/browser"; test -z "$$CI"; }

javascript: ## What the tests in JavaScript need, if there is Node
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/.ready console-tools; fi

node_modules/.ready: package-lock.json
	npm ci --silent
	@touch $@

test-unit: .venv/ready ## The tests that need no socket and no process
	$(BIN)/pytest tests/unit tests/property tests/golden tests/conformance tests/simulation

test-service: .venv/ready ## The tests with real servers
	$(BIN)/pytest tests/service

mutations: .venv/ready ## How many mutants of the specs the checker finds, into docs/verification.md
	PYTHONPATH=tests $(BIN)/python tests/unit/mdkgen/test_mutations.py

bench: .venv/ready ## Measurements, a JSON line each
	$(BIN)/python bench/generate.py
	$(BIN)/python bench/verify.py
	$(BIN)/python bench/lsp.py
	$(BIN)/python bench/client.py
	$(BIN)/python bench/memory.py
	$(BIN)/python bench/storage.py
	$(BIN)/python bench/server_queries.py
	$(BIN)/python bench/server_fanout.py
	$(BIN)/python bench/server_logs.py

soak: .venv/ready ## The long tests, with the full numbers: an hour or two
	MDK_KILL_ROUNDS=100 $(BIN)/pytest tests/service/test_server_durability.py
	MDK_FUZZ_FRAMES=100000 $(BIN)/pytest -s tests/service/test_server_fuzz.py
	MDK_MODEL_EXAMPLES=500 $(BIN)/pytest --timeout 3600 tests/property/test_storage_model.py
	$(BIN)/python bench/server_queries.py --rows 10000000
	$(BIN)/python bench/server_fanout.py --only fanout --connections 10000

build: .venv/ready ## The wheel, and a look into it
	$(BIN)/pytest tests/packaging

demo: .venv/ready ## A server, two services, a client; one is killed
	$(BIN)/mdk demo

check: check-generated check-console lint types test ## What CI runs

clean: ## Remove what was made
	rm -rf .venv node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
