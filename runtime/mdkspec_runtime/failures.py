"""Errors of the application, held back until the machine is in order again."""

from __future__ import annotations


def raise_all(errors: list[Exception]) -> None:
    """Raise what was held back: nothing, the one error, or all of them in a group."""
    if not errors:
        return
    if len(errors) == 1:
        raise errors[0]
    raise ExceptionGroup("the handler raised several errors", errors)
