"""The specification's parameters, with what the application gives anew."""

from __future__ import annotations

import math
from collections.abc import Mapping


def checked_parameters(defaults: Mapping[str, float], given: Mapping[str, float] | None) -> Mapping[str, float]:
    """All parameters by name.

    Raises:
        TypeError: A name that the specification does not have.
        ValueError: A value that is not a finite number above 0.
    """
    given = given or {}
    for name, value in given.items():
        if name not in defaults:
            known = ", ".join(sorted(defaults)) or "none"
            raise TypeError(f"the specification has no parameter {name!r}; it has: {known}")
        if isinstance(value, bool) or not math.isfinite(value) or value <= 0:
            raise ValueError(f"the parameter {name!r} is {value!r}; expected a finite number above 0")
    return {**defaults, **given}
