"""The command line as a user meets it."""

from __future__ import annotations

import pytest

from service.servers import run


def test_help_names_the_commands() -> None:
    """And each command's help its options, with their defaults."""
    status, said, _ = run("--help")
    assert status == 0
    assert "server" in said
    assert "demo" in said
    status, said, _ = run("server", "--help")
    assert status == 0
    for option in ("--host", "--port", "--data", "--ready-file", "--grace", "--insecure"):
        assert option in said
    assert "8765" in said


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ((), "COMMAND"),
        (("nonsense",), "nonsense"),
        (("server", "--port", "x"), "--port is 'x'; expected a number from 0 to 65535"),
        (("server", "--port", "65536"), "--port is '65536'; expected a number from 0 to 65535"),
        (("server", "--grace", "-1"), "--grace is '-1'; expected seconds, 0 or more"),
        (("server", "--host", "0.0.0.0"), "say --insecure"),
    ],
)
def test_wrong_usage(options: tuple[str, ...], wrong: str) -> None:
    """Status 2, and what is wrong, without a traceback."""
    status, said, complaint = run(*options)
    assert (status, said) == (2, "")
    assert wrong in complaint
    assert "Traceback" not in complaint
