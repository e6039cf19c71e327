"""One message to many endpoints of one role: encoded once, and the tables read once for each state."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.failures import raise_all


def broadcast(endpoints: Iterable[Endpoint], part: str, name: str, message: msgspec.Struct, *, now: float) -> None:
    """Make a call with a message on every endpoint that has a connection.

    It is the same as to make the call on one after the other. Where all that the spec does with the call is to
    send the message, it is much quicker.

    Raises:
        UnsendableMessage: The message cannot be written.
        Exception: What calls raised; all were made.
    """
    frame: bytes | None = None
    only_sends: dict[str | None, bool] = {}
    errors: list[Exception] = []
    for endpoint in endpoints:
        if not endpoint.is_connected:
            continue
        state = endpoint.state(part)
        known = only_sends.get(state)
        if known is None:
            known = only_sends[state] = endpoint.only_sends(part, name, message)
        if known:
            if frame is None:
                frame = endpoint.role.codec.encode(message)
            endpoint.put(frame)
            continue
        try:
            endpoint.call(part, name, message, now=now)
        except Exception as error:
            errors.append(error)
    raise_all(errors)
