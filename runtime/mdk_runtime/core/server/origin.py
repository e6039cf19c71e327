"""Whose message it is, as far as the table knows: what storage cannot see from the message itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mdk_protocol.messages import InteractionEvent, Log, ProtocolError

Message = Log | InteractionEvent
"""What is stored."""


class Origin(NamedTuple):
    """The service that a message belongs to."""

    service: str = ""
    """The one that its sender registered first of those it still has, else the one its `open` named, else none."""
    version: str = ""
    callees: Mapping[str, str] = MappingProxyType({})
    """Of an interaction: node id to service, as far as they are registered."""


UNKNOWN: Final = Origin()


class Entry(NamedTuple):
    """What is to be stored."""

    message: Message
    origin: Origin = UNKNOWN
    forbidden: ProtocolError | None = None
    """Why it may not be stored. Storage knows whether it came before, and notes its number if not."""
