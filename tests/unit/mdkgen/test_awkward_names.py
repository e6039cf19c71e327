"""Names that the generated modules use themselves, and a specification may use as well."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.emitters import emit
from mdkgen.output import write

ROOT = Path(__file__).parents[3]
SPEC = """
mdkspec 1
namespace awkward_names
version 1.0

record Role { to_string?: string  value_of?: int  proto as "__proto__"?: string }
record Record { roles: map<Role> = {} }
open enum Machine { IDLE }
message Send as "send" { record: Record  machine: Machine = "IDLE" }
message Tell as "tell" { role?: Role }
message Timer as "timer" { number?: int }
message Transition as "transition" { number: int }
message Call as "call" { request?: int }
message Release as "release" { request?: int }
message Field as "field" { }
message Hangup as "hangup" { reason: string = "" }

protocol P {
  transport websocket { path: "/", tag: "type", message_max: 64KiB }
  roles one connects, other accepts
  unknown message -> drop
  illegal message -> fail "illegal"
  malformed message -> drop
  close with Hangup(reason = CODE)
  reconnect 1s .. 2s x 2 jitter 0
  delivery timers {
    from one
    message Timer
    number number from 1
    ack Transition.number each
    resend on connect
    buffer 10 or 64KiB drop_oldest
  }
  request calls {
    from one
    message Call.request
    reply Release.request
    timeout 5s
    pending 10
  }
  role one {
    connection flag asked = false
    start state Up {
      call say(record: Record) -> send Send(record = record), set asked
      every 10s when asked     -> send Field()
      recv Tell(m)             -> tell told(m.role)
      recv Hangup              -> hangup
    }
  }
  role other {
    start state Up {
      recv Send(m)  -> tell sent(m.record)
      recv Timer(m) -> tell timed(m)
      recv Call(m)  -> tell called(m)
      recv Field    -> send Tell()
      recv Hangup   -> hangup
    }
  }
}
"""

NODE = """
import { CODEC, Record, Role, Send } from "./js/index.js";
const sent = new Send({ record: new Record({ roles: { a: new Role({ proto: "p" }), b: new Role({}) } }) });
const read = CODEC.decode(CODEC.encode(sent));
console.log(read.record.roles.a.proto, read.record.roles.b.proto, read.record.roles.b.toString_);
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated packages."""
    compilation = compile_texts({"a.mdkspec": SPEC})
    assert [one.message for one in compilation.diagnostics] == []
    assert compilation.spec is not None
    made = tmp_path_factory.mktemp("awkward")
    write(emit(compilation.spec, ["python", "js"]), made)
    return made


def test_a_package_works_whose_messages_are_called_as_parts_of_the_engine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides and the strategies are there; a message arrives as it was sent."""
    monkeypatch.syspath_prepend(str(folder))
    package: Any = importlib.import_module("awkward_names")
    testing: Any = importlib.import_module("awkward_names.testing")
    assert testing.PSimulation.TestCase is not None

    class Handler:
        def told(self, role: object) -> None: ...

    one = package.POne(Handler())
    one.start(now=0.0)
    one.connected(now=0.0)
    one.say(package.Record(roles={"a": package.Role(proto="p")}), now=0.0)
    (frame,) = one.take_output()
    assert package.CODEC.decode(frame) == package.Send(record=package.Record(roles={"a": package.Role(proto="p")}))


def test_its_types_are_right(folder: Path) -> None:
    """Mypy, strict, finds nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "awkward_names"],
        cwd=folder, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 7 source files\n")


def test_javascript_keeps_what_every_object_has_apart(folder: Path) -> None:
    """A field that is absent is absent, whatever it is called, and the key `__proto__` is a key like any other."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    (folder / "run.mjs").write_text(NODE)
    done = subprocess.run([node, "run.mjs"], cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    assert (done.stdout, done.stderr) == ("p undefined undefined\n", "")


def test_typescript_takes_it(folder: Path) -> None:
    """Records called Record and Field are what they are, not what TypeScript calls so."""
    compiler = ROOT / "node_modules/.bin/tsc"
    if not compiler.exists():
        pytest.skip("needs typescript")
    done = subprocess.run(
        [compiler, "--strict", "--noEmit", "--module", "nodenext", "--target", "es2023", "--allowJs", "--checkJs",
         *(f"js/{path.name}" for path in sorted((folder / "js").glob("*.js")))],
        cwd=folder, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.stdout == ""
