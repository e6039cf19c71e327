"""Which version of a service answers a request for another."""

from __future__ import annotations


def _major_minor(version: str) -> tuple[int | str, int]:
    """A major that is no number only equals itself; a minor that is no number counts as 0."""
    major, _, rest = version.strip().partition(".")
    minor = rest.partition(".")[0]
    return (int(major) if major.isdecimal() else major, int(minor) if minor.isdecimal() else 0)


def version_matches(requested: str | None, actual: str | None) -> bool:
    """Majors are equal and the actual minor is not smaller; the patch does not count. No request takes any."""
    if not requested:
        return True
    if not actual:
        return False
    wanted_major, wanted_minor = _major_minor(requested)
    major, minor = _major_minor(actual)
    return wanted_major == major and wanted_minor <= minor
