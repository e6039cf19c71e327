"""The errors of the engine, by what the caller does next.

ProtocolRuntimeError
├── IllegalCall            fix the call: the state does not allow it; nothing has changed
├── UnsendableMessage      fix the message: it cannot be written
├── RequestFailed          ask again, or give up: no answer came
└── PeerError              blame the peer; endpoints answer these by the protocol's policies
    ├── MalformedMessage   the frame is no message
    ├── UnknownMessage     the specification has no such type
    └── IllegalMessage     the state does not take it
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

FRAME_SHOWN_MAX = 200
"""Characters of a bad frame that an error keeps: enough to recognise it, too few to fill a log."""

PROBLEM_SHOWN_MAX = 500
"""Characters of what is wrong with it, which may quote a key or a value: it goes into a close message."""


class ProtocolRuntimeError(Exception):
    """Every error of the engine."""

    def __reduce__(self) -> tuple[object, ...]:
        """Errors keep fields, not the arguments of their text: without this they could not be pickled."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(
    type_: type[ProtocolRuntimeError], args: tuple[object, ...], fields: dict[str, object]
) -> ProtocolRuntimeError:
    error = type_.__new__(type_, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class IllegalCall(ProtocolRuntimeError):  # named for what it is
    """The application asked for something that the state does not allow; nothing has changed."""

    def __init__(self, call: str, part: str, state: str | None, allowed: Iterable[str]) -> None:
        self.call = call
        self.part = part
        self.state = state
        """None while the part is not live."""
        self.allowed = tuple(allowed)
        super().__init__(f"the call {call!r} is not allowed {_where(part, state)}; allowed: {_listed(self.allowed)}")


class UnsendableMessage(ProtocolRuntimeError):  # named for what it is
    """A message that JSON or the protocol's bounds cannot hold; nothing has been sent."""

    def __init__(self, type_name: str, problem: str) -> None:
        self.type_name = type_name
        self.problem = problem
        """With the path of the value at fault, where one is."""
        super().__init__(f"{type_name} cannot be sent: {problem}")


class RequestFailed(ProtocolRuntimeError):  # an outcome, handed to a callback
    """A question that got no answer."""

    def __init__(self, request: str, reason: Literal["timeout", "lost", "full"]) -> None:
        self.request = request
        self.reason = reason
        texts = {
            "timeout": "no answer came in time",
            "lost": "there is no connection, or it was lost before the answer came",
            "full": "too many questions wait for their answers already",
        }
        super().__init__(f"the request {request!r} failed: {texts[reason]}")


class PeerError(ProtocolRuntimeError):
    """Something that the peer should not have sent."""


class MalformedMessage(PeerError):  # named for what it is
    """A frame that is no message."""

    def __init__(self, problem: str, frame: str | bytes = b"") -> None:
        self.problem = _shortened(problem)
        self.frame = frame[:FRAME_SHOWN_MAX]
        """Its beginning, for a log."""
        super().__init__(f"malformed message: {self.problem}")


class UnknownMessage(PeerError):  # named for what it is
    """A message of a type that the specification does not have."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name[:FRAME_SHOWN_MAX]
        super().__init__(f"unknown message type {self.type_name!r}")


class IllegalMessage(PeerError):  # named for what it is
    """A message that its receiver's state does not take."""

    def __init__(self, message: str, part: str, state: str | None, allowed: Iterable[str]) -> None:
        self.message = message
        self.part = part
        self.state = state
        """None while the part is not live."""
        self.allowed = tuple(allowed)
        super().__init__(f"{message} is not allowed {_where(part, state)}; allowed: {_listed(self.allowed)}")


def _shortened(text: str) -> str:
    """Both ends of a text that is too long: the place of a fault stands behind what is quoted."""
    if len(text) <= PROBLEM_SHOWN_MAX:
        return text
    half = (PROBLEM_SHOWN_MAX - len(" ... ")) // 2
    return f"{text[:half]} ... {text[-half:]}"


def _where(part: str, state: str | None) -> str:
    return f"in state {state!r} of {part}" if state is not None else f"while {part} is not live"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
