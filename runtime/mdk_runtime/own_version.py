"""The version of this package."""

from __future__ import annotations

from functools import cache


@cache
def own_version() -> str:
    """As it is installed; 0 where there are only its sources."""
    from importlib.metadata import PackageNotFoundError, version  # Slow to import, and not needed at the start.

    try:
        return version("mdk")
    except PackageNotFoundError:
        return "0"
