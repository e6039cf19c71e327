"""`mdk token`."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from mdk_runtime.cli import main


def test_create_and_verify(
    key_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made is read, from an argument or stdin; `verify` fails where a server would refuse."""
    given = ["token", "create", "--key", str(key_folder), "--kid", "ed", "--tenant", "acme", "--scope", "read,admin"]
    assert main([*given, "--expires", "12h", "--subject", "ann"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["token", "verify", "--key", str(key_folder), token]) == 0
    monkeypatch.setattr("sys.stdin", StringIO(f"{token}\n"))
    assert main(["token", "verify", "--key", str(key_folder / "ed.pem")]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert shown[0] == shown[1]
    assert shown[0].pop("expires").endswith("+00:00")
    assert shown[0] == {"tenant": "acme", "scopes": ["read", "admin"], "subject": "ann", "key": "ed"}
    assert main(["token", "verify", "--key", str(key_folder / "rsa.pem"), token]) == 1
    assert capsys.readouterr().err == "mdk: token_invalid: the token is not one of this server's\n"
    assert (
        main(["token", "create", "--key", str(key_folder / "secret.key"), "--tenant", "t", "--expires", "never"]) == 0
    )
    token = capsys.readouterr().out.strip()
    assert main(["token", "verify", "--key", str(key_folder), token]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "tenant": "t", "scopes": ["read", "register", "write"], "subject": "", "expires": None, "key": "secret"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--tenant", "t"], "--kid is missing; there are ed, rsa, secret"),
        (["--tenant", "t", "--kid", "x"], "there is no key called 'x' that signs; expected a secret or a private key"),
        (["--tenant", "../x"], "--tenant is '../x'; expected 1 to 100 letters, digits and . _ @ + -"),
        (["--tenant", "t", "--kid", "ed", "--scope", "root"], "--scope has 'root'; expected words of read, register"),
        (["--tenant", "t", "--kid", "ed", "--expires", "x"], "--expires is 'x'; expected seconds, 0 or more, such as"),
    ],
)
def test_what_no_token_is_made_of(
    given: list[str], said: str, key_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what would be right."""
    assert main(["token", "create", "--key", str(key_folder), *given]) == 1
    assert capsys.readouterr().err.startswith(f"mdk: {said}")
