"""What is marked `@sensitive` is sent and read as anything else, and shown to nobody."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import traceback
from pathlib import Path
from typing import Any

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.documents.markdown import render as markdown
from mdkgen.documents.schema import render as schema
from mdkgen.emitters import emit
from mdkgen.model import Spec
from mdkgen.output import write

TEXT = """
mdkspec 1
namespace secrets_told
version 1.0

record Login {
  user: string
  @sensitive
  password: string
}

message Hello as "hello" {
  login: Login
  @sensitive
  token?: string
  @sensitive
  pins: list<int> = []
  @sensitive
  hint: string | null = null
  others: list<Login> = []
}

protocol P {
  transport websocket { path: "/", tag: "type", message_max: 64KiB }
  roles one connects, two accepts
  unknown message -> drop
  illegal message -> drop
  malformed message -> drop
  reconnect 1s .. 2s x 2 jitter 0
  role one { start state Up { call say(hello: Hello) -> send hello } }
  role two { start state Up { recv Hello(m) -> tell told(m) } }
}
"""
NODE = """
import { inspect } from "node:util";
import { CODEC, Hello, Login } from "./js/index.js";
const login = new Login({ user: "ada", password: "xyzzy" });
const hello = new Hello({ login, token: "plugh", others: [login] });
const read = CODEC.decode(CODEC.encode(hello));
console.log(inspect(read, { breakLength: Infinity, depth: 5 }));
console.log(read.login.password, read.token);
"""


@pytest.fixture(scope="module")
def spec() -> Spec:
    """The checked specification."""
    compilation = compile_texts({"a.mdkspec": TEXT})
    assert compilation.spec is not None, compilation.diagnostics
    return compilation.spec


@pytest.fixture(scope="module")
def folder(spec: Spec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated packages."""
    made = tmp_path_factory.mktemp("secrets")
    write(emit(spec, ["python", "js"]), made)
    return made


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The one in Python."""
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module("secrets_told")


def test_no_text_shows_a_secret(package: Any) -> None:
    """`repr`, `str`, formats, lists of records, what rich shows, a traceback: all say that there is one, and not which."""
    login = package.Login(user="ada", password="xyzzy")
    hello = package.Hello(login=login, token="plugh", pins=[4711], others=[login])
    assert repr(login) == "Login(user='ada', password=<sensitive>)"
    whole = (
        "Hello(login=Login(user='ada', password=<sensitive>), token=<sensitive>, pins=<sensitive>, hint=None, "
        "others=[Login(user='ada', password=<sensitive>)])"
    )
    assert [repr(hello), str(hello), f"{hello}"] == [whole] * 3
    assert [name for name, value in hello.__rich_repr__() if repr(value) == "<sensitive>"] == ["token", "pins"]
    try:
        raise ValueError(hello)
    except ValueError as error:
        text = "".join(traceback.format_exception(error))
    assert "plugh" not in text
    assert "xyzzy" not in text


def test_what_is_absent_is_no_secret(package: Any) -> None:
    """That nothing was given may be said."""
    hello = package.Hello(login=package.Login(user="ada", password="xyzzy"))
    assert "token=UNSET, pins=<sensitive>, hint=None" in repr(hello)


def test_it_is_sent_as_anything_else(package: Any) -> None:
    """Only texts for people are without it."""
    hello = package.Hello(login=package.Login(user="ada", password="xyzzy"), token="plugh", hint="magic")
    frame = package.CODEC.encode(hello)
    assert b'"password":"xyzzy"' in frame
    read = package.CODEC.decode(frame)
    assert (read, read.token, read.hint) == (hello, "plugh", "magic")


def test_the_peer_s_wrong_secret_is_not_told(package: Any) -> None:
    """An error of the codec names the place, not the value."""
    with pytest.raises(Exception, match=r"login\.password") as caught:
        package.CODEC.decode('{"type":"hello","login":{"user":"ada","password":4711}}')
    assert "4711" not in str(caught.value)


def test_javascript_shows_none_either(folder: Path) -> None:
    """Of Node: `console.log` and whatever else inspects."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    (folder / "run.mjs").write_text(NODE)
    done = subprocess.run([node, "run.mjs"], cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    assert done.stderr == ""
    assert done.stdout == (
        "Hello { login: Login { user: 'ada', password: <sensitive> }, token: <sensitive>, pins: <sensitive>, hint: null, "
        "others: [ Login { user: 'ada', password: <sensitive> } ] }\nxyzzy plugh\n"
    )


def test_documents_say_so(spec: Spec) -> None:
    """Markdown in words, JSON Schema as an annotation that tools may read."""
    assert "| `token` | `string` | may be absent, sensitive |" in markdown(spec)
    assert '"x-sensitive": true' in schema(spec)["send.schema.json"]
