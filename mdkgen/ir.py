"""The model as JSON: what plugins, documentation and comparisons between versions read.

Every object of the model becomes an object with its class under `kind`, then its fields in order.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from mdkgen.model import Spec

FORMAT = 1
"""Counts the changes of this form that a reader would notice."""


def to_json(spec: Spec) -> str:
    """The whole model as text: the same bytes for the same spec."""
    return json.dumps({"format": FORMAT, **_plain(spec)}, indent=1, ensure_ascii=True) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    return _items(value) if isinstance(value, tuple) else value


def _items(values: Any) -> list[Any]:
    return [_plain(value) for value in values]
