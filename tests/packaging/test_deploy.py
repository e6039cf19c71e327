"""What `deploy/` holds is right as far as it can be seen here: nothing is installed, no container is started."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from mdk_runtime.server.configuration import options
from mdk_runtime.server.settings import HTTP_PORT_DEFAULT, PORT_DEFAULT
from service.access import issue
from service.servers import server

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "mdk-server.service"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL",
    "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def test_the_unit(tmp_path: Path) -> None:
    """Systemd takes it without a word, where there is systemd; what it starts has these options."""
    text = UNIT.read_text()
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names have capitals
    parser.read_string(text)
    command = parser["Service"]["ExecStart"].split()
    assert command[0].endswith("/mdk")
    assert command[1] == "server"
    flags = [one.removeprefix("--").replace("-", "_") for one in command if one.startswith("--")]
    assert set(flags) <= {*options(), "config"}
    assert parser["Service"]["ExecReload"].split() == ["/bin/kill", "-HUP", "$MAINPID"]
    assert float(parser["Service"]["TimeoutStopSec"]) > 5
    if shutil.which("systemd-analyze") is None:
        pytest.skip("read, but not verified: there is no systemd-analyze here")
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(command[0], sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    copy.write_text(text.replace(command[0], sys.executable).replace("ProtectSystem", "ProtectSistem"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert "ProtectSistem" in done.stderr, "verifying finds something, then"


def steps() -> list[tuple[str, str]]:
    """Instructions and their arguments."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined]


def test_the_dockerfile() -> None:
    """Known instructions, stages that exist, forms that are JSON, settings and ports that the server has."""
    found = steps()
    assert {name for name, _ in found} <= INSTRUCTIONS
    assert found[0][0] == "FROM"
    stages = {one.split()[2] for name, one in found if name == "FROM" and " AS " in one}
    used = {stage for name, one in found if name == "COPY" for stage in re.findall(r"--from=(\S+)", one)}
    assert used <= stages
    for name, argument in found:
        if name == "HEALTHCHECK":
            argument = argument.partition(" CMD ")[2]
        if name in ("ENTRYPOINT", "HEALTHCHECK"):
            assert all(isinstance(one, str) for one in json.loads(argument))
    variables = {name for one in found if one[0] == "ENV" for name in re.findall(r"(MDK_SERVER_\w+)=", one[1])}
    assert variables
    assert {name.removeprefix("MDK_SERVER_").lower() for name in variables} <= set(options())
    assert dict(found)["EXPOSE"].split() == [str(PORT_DEFAULT), str(HTTP_PORT_DEFAULT)]
    assert f" or {HTTP_PORT_DEFAULT})" in dict(found)["HEALTHCHECK"]
    assert [one for name, one in found if name == "USER"][-1] != "root"


@pytest.mark.parametrize("has_tls", [False, True])
def test_the_health_check_finds_the_server(tmp_path: Path, has_tls: bool) -> None:
    """On the port, and by the scheme, that the variables name; where nothing listens it fails."""
    options = issue(tmp_path, trustme.CA()) if has_tls else ()
    command = [sys.executable, *json.loads(dict(steps())["HEALTHCHECK"].partition(" CMD ")[2])[1:]]
    with server(tmp_path, "--http", *options) as running:
        variables = {"MDK_SERVER_HTTP_PORT": str(urlsplit(running.ready["http"]).port)}
        if has_tls:
            variables["MDK_SERVER_TLS_CERT"] = "/certificate"
        environment = {**os.environ, **variables}
        assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 1


def test_what_the_dockerfile_copies_is_enough(tmp_path: Path) -> None:
    """A wheel can be built of it, with the extra that the image installs."""
    source = tmp_path / "source"
    source.mkdir()
    for name, argument in steps():
        if name == "COPY" and "--from" not in argument:
            *files, target = argument.split()
            for file in files:
                at = ROOT / file
                if at.is_dir():
                    shutil.copytree(at, source / target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(at, source / target)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(tmp_path), str(source)], check=False, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr
    (install,) = re.findall(r'"\.\[(\w+)\]"', DOCKERFILE.read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert install in project["optional-dependencies"]
