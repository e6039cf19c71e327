"""How important a log message is."""

from __future__ import annotations

LEVELS = ("CRITICAL", "ERROR", "WARN", "INFO", "DEBUG")
"""Most important first; a level's rank is its place here."""
CRITICAL, ERROR, WARN, INFO, DEBUG = range(len(LEVELS))
DEFAULT_RANK = INFO
"""What is sent on unless a session says otherwise."""


def threshold(name: object) -> int:
    """The rank down to which a session sends. A name that nobody knows lets only CRITICAL through, as it always did."""
    if name is None:
        return DEFAULT_RANK
    text = name.upper() if isinstance(name, str) else ""
    return LEVELS.index(text) if text in LEVELS else CRITICAL
