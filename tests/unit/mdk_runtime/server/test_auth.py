"""Who is let in, and who waits."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from mdk_runtime.core.server.grants import EVERYTHING, ORDINARY, Grant
from mdk_runtime.server import attempts as attempts_module
from mdk_runtime.server import auth
from mdk_runtime.server.attempts import Attempts
from mdk_runtime.server.auth import DEFAULT_TENANT, Gate, tenant_of
from mdk_runtime.server.errors import PackagesMissing
from mdkspec_runtime.links.aio import Refusal
from unit.mdk_runtime.server.keyring import (
    NOW_S,
    keys_of,
    signed,
)


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = NOW_S

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_without_keys_each_token_is_its_own_tenant() -> None:
    """A folder name from which the token cannot be had, the same each time, another for another token."""
    gate = Gate()
    names = {tenant_of(token) for token in ("a", "b", "../../etc", "a/b", "ü\udcff", "default", "x" * 5000)}
    assert len(names) == 7
    assert all(name.removeprefix("token-").isalnum() and len(name) == 38 for name in names)
    assert gate.admit("a", "h") == Grant(tenant_of("a"), EVERYTHING)
    assert gate.admit("", "h") == Grant(DEFAULT_TENANT, EVERYTHING)
    assert DEFAULT_TENANT not in names


def test_who_is_refused(key_folder: Path) -> None:
    """401 with a word for programs and a text for people, counted by the word."""
    gate = Gate([key_folder], wall=Clock(), monotonic=Clock())
    for token, error in (
        ("", "token_missing"),
        ("x", "token_invalid"),
        (signed({"aud": "t", "exp": 1}), "token_expired"),
    ):
        denial = gate.admit(token, "h")
        assert isinstance(denial, Refusal)
        assert (denial.status, denial.error) == (HTTPStatus.UNAUTHORIZED, error)
        assert denial.headers == {"WWW-Authenticate": "Bearer"}
        assert gate.failures[error] == 1
    assert gate.admit(signed({"aud": "t"}), "h") == Grant("t", ORDINARY, key=keys_of(key_folder)["secret"].fingerprint)


def test_too_many_failures(key_folder: Path) -> None:
    """After so many an address waits, also with a new token that is good; the others and known good tokens don't."""
    clock = Clock()
    gate = Gate([key_folder], failures_max=3, wall=clock, monotonic=clock)
    known, fresh = signed({"aud": "t"}), signed({"aud": "u"})
    assert isinstance(gate.admit(known, "1.2.3.4"), Grant)
    for _ in range(3):
        assert isinstance(gate.admit("wrong", "1.2.3.4"), Refusal)
    for token in ("wrong", fresh):
        denial = gate.admit(token, "::ffff:1.2.3.4")
        assert isinstance(denial, Refusal)
        assert (denial.status, denial.headers) == (HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "21"})
        assert denial.error == "too_many_failures"
    assert isinstance(gate.admit(known, "1.2.3.4"), Grant)
    assert isinstance(gate.admit(fresh, "1.2.3.5"), Grant)
    clock.now += 20.001
    assert isinstance(gate.admit("wrong", "1.2.3.4"), Refusal)
    assert gate.failures == {"token_invalid": 4, "too_many_failures": 2}
    for _ in range(10):
        assert isinstance(gate.admit("", "5.5.5.5"), Refusal)
        assert isinstance(gate.admit(signed({"aud": "t", "exp": 1}), "5.5.5.5"), Refusal)
    fine = gate.admit(signed({"aud": "v"}), "5.5.5.5")
    assert isinstance(fine, Grant), "who shows none, or one that was good once, guesses nothing"


def test_attempts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses and tokens come; a /64 counts as one; 0 counts nothing."""
    monkeypatch.setattr(attempts_module, "ADDRESSES_MAX", 10)
    monkeypatch.setattr(attempts_module, "GOOD_MAX", 10)
    attempts = Attempts(1)
    for number in range(100):
        attempts.failed(f"10.0.0.{number}", "t", now=0.0)
        attempts.succeeded(str(number))
    assert len(attempts) == 10
    assert attempts.wait_s("10.0.0.99", "x", now=0.0) == 60.0
    assert attempts.wait_s("10.0.0.99", "99", now=0.0) == attempts.wait_s("10.0.0.1", "x", now=0.0) == 0.0
    assert attempts.wait_s("10.0.0.99", "1", now=0.0) == 60.0
    attempts.failed("2001:db8::1%eth0", "t", now=0.0)
    assert attempts.wait_s("2001:db8::ffff", "x", now=0.0) == 60.0
    assert attempts.wait_s("2001:db8:0:1::1", "x", now=0.0) == 0.0
    assert attempts.wait_s("no address", "x", now=0.0) == 0.0
    unlimited = Attempts(0)
    unlimited.failed("h", "t", now=0.0)
    unlimited.succeeded("t")
    assert (len(unlimited), unlimited.wait_s("h", "t", now=0.0)) == (0, 0.0)


def test_keys_are_read_again(key_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On request; if they cannot be used, those of before hold, and the log says why."""
    gate = Gate([key_folder])
    (key_folder / "secret.key").write_bytes(b"short")
    assert not gate.reload()
    assert "those of before hold: the key" in caplog.text
    assert isinstance(gate.admit(signed({"aud": "t"}), "h"), Grant)
    (key_folder / "secret.key").write_bytes(b"n" * 32)
    with caplog.at_level("INFO"):
        assert gate.reload()
    assert "keys: ed (EdDSA), rsa (RS256), secret (HS256)" in caplog.text
    assert isinstance(gate.admit(signed({"aud": "t"}), "h"), Refusal)
    assert Gate().reload()


def test_without_the_packages(key_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "mdk_runtime.server.keys", None)
    with pytest.raises(
        PackagesMissing, match=r'--key needs packages that are not installed: pip install "mdk\[server\]"'
    ):
        Gate([key_folder])
    assert auth.Gate().admit("x", "h")
