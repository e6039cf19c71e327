"""Messages to many endpoints of one role: encoded once, and the tables read once for each state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.failures import raise_all


def broadcast(endpoints: Iterable[Endpoint], part: str, name: str, message: msgspec.Struct, *, now: float) -> None:
    """`broadcast_all` with one call."""
    broadcast_all(endpoints, part, [(name, message)], now=now)


def broadcast_all(
    endpoints: Iterable[Endpoint], part: str, calls: Sequence[tuple[str, msgspec.Struct]], *, now: float
) -> None:
    """Make calls, each with a message, on every endpoint that has a connection.

    It is the same as to make them on one endpoint after the other. Where all that the spec does with them is to
    send the messages, it is much quicker, and a shell that can writes them at once.

    Raises:
        UnsendableMessage: A message cannot be written.
        Exception: What calls raised; all were made.
    """
    frames: tuple[bytes, ...] = ()
    sending: set[str | None] = set()
    """States in which the calls only send."""
    others: set[str | None] = set()
    errors: list[Exception] = []
    for endpoint in endpoints:
        if endpoint.put(frames, part, sending) or not endpoint.is_connected:
            continue
        state = endpoint.state(part)
        if state not in others and all(endpoint.only_sends(part, name, message) for name, message in calls):
            if not frames:
                frames = tuple(endpoint.role.codec.encode(message) for _, message in calls)
            sending.add(state)
            endpoint.put(frames, part, sending)
            continue
        others.add(state)
        for name, message in calls:
            try:
                endpoint.call(part, name, message, now=now)
            except Exception as error:
                errors.append(error)
    raise_all(errors)
