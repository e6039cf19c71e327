"""Messages as JSON text and back: the fast way first, the forgiving way only when that fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, Union, cast

import msgspec

from mdkspec_runtime.checks import NESTING_MAX, Checks
from mdkspec_runtime.errors import MalformedMessage, UnknownMessage, UnsendableMessage
from mdkspec_runtime.tolerance import Normalizer, NotANumberError

R = TypeVar("R", bound=msgspec.Struct)
M = TypeVar("M", bound=msgspec.Struct)

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
}

_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
"""A text, or a bracket outside of one."""


class Shared(Generic[M]):
    """Messages that are sent to many, and their frames. They must not be changed any more."""

    __slots__ = ("frames", "messages")

    def __init__(self, messages: Sequence[M], frames: dict[int, bytes]) -> None:
        self.messages = messages
        self.frames = frames
        """By the message's `id`: the very object, not an equal one."""


_NONE: dict[int, bytes] = {}


class Codec:
    """Reads and writes the messages of one specification.

    Args:
        tag: The JSON key that names a message's type.
        messages: Their Structs; each has its type name as msgspec's tag.
        aliases: Other type names that are read, to the Struct that is meant.
        message_bytes_max: The longest frame that is read or written.
    """

    def __init__(
        self,
        *,
        tag: str,
        messages: tuple[type[msgspec.Struct], ...],
        aliases: Mapping[str, type[msgspec.Struct]],
        message_bytes_max: int,
    ) -> None:
        self.tag = tag
        self.messages = messages
        self.message_bytes_max = message_bytes_max
        self._types = {str(one.__struct_config__.tag): one for one in messages}
        self._aliases = dict(aliases)
        self._records: dict[type, msgspec.json.Decoder[Any]] = {}
        """One for each kind of record that was read."""
        self._decode: Callable[[str | bytes], msgspec.Struct] = self._decode_first
        self._encode = msgspec.json.Encoder(enc_hook=_as_text).encode
        self._checks = Checks()
        self._depths = Checks(numbers=False)
        self._normalizer = Normalizer()
        self._frames = _NONE
        """Of the messages in use."""

    def _decode_first(self, frame: str | bytes) -> msgspec.Struct:
        """To make the decoder takes milliseconds, which a program that only imports this need not spend."""
        union: Any = Union[self.messages]  # noqa: UP007  # of a tuple
        decoder: msgspec.json.Decoder[msgspec.Struct] = msgspec.json.Decoder(union)
        self._decode = decoder.decode
        return decoder.decode(frame)

    def shared(self, messages: Sequence[M]) -> Shared[M]:
        """Encode messages for many receivers, once; UnsendableMessage as for `encode`."""
        return Shared(messages, {id(message): self.encode(message) for message in messages})

    @contextmanager
    def using(self, shared: Shared[Any]) -> Generator[None]:
        """Inside, `encode` of one of these messages answers the frame that there is."""
        before, self._frames = self._frames, shared.frames
        try:
            yield
        finally:
            self._frames = before

    def decode(self, frame: str | bytes, *, on_alias: Callable[[str], None] | None = None) -> msgspec.Struct:
        """The message of a frame.

        Args:
            frame: JSON text.
            on_alias: Called with the type name if it is an alias.

        Raises:
            MalformedMessage: Not a JSON object with a type name, too long, too deep, or of wrong types.
            UnknownMessage: The specification has no message of this type name.
        """
        self._check_length(frame)
        try:
            message: msgspec.Struct = self._decode(frame)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            message = self._decode_slowly(frame, on_alias)
        if len(frame) > 2 * NESTING_MAX and _may_be_deep(frame):
            self._check_depth(message, frame)
        return message

    def encode(self, message: msgspec.Struct) -> bytes:
        """The frame of a message, UTF-8.

        Raises:
            UnsendableMessage: It holds NaN, infinity or what JSON has no word for, or is too long.
        """
        frame = self._frames.get(id(message))
        if frame is not None:
            return frame
        frame = self.encode_record(message)
        if len(frame) > self.message_bytes_max:
            problem = f"{len(frame)} bytes as JSON, at most {self.message_bytes_max} are allowed"
            raise UnsendableMessage(type(message).__name__, problem)
        return frame

    def decode_record(self, type_: type[R], text: str | bytes) -> R:
        """A record that travels outside of a message, read as forgivingly; MalformedMessage as for `decode`."""
        if len(text) * 4 > self.message_bytes_max:
            self._check_length(text)
        decoder = self._records.get(type_)
        if decoder is None:
            decoder = self._records[type_] = msgspec.json.Decoder(type_)
        try:
            record: R = decoder.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            record = self._convert(type_, _parse(text), text)
        if len(text) > 2 * NESTING_MAX and _may_be_deep(text):
            self._check_depth(record, text)
        return record

    def encode_record(self, record: msgspec.Struct) -> bytes:
        """A record as JSON, UTF-8; UnsendableMessage as for `encode`."""
        try:
            check = self._checks.struct(type(record))
            problem = None if check is None else check(record)
            if problem is None:
                return self._encode(record)
        except RecursionError:
            problem = "nested too deeply"
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            problem = str(error)
        raise UnsendableMessage(type(record).__name__, problem.lstrip(".: "))

    def _check_length(self, frame: str | bytes) -> None:
        size = len(frame)
        if size * 4 > self.message_bytes_max and isinstance(frame, str) and not frame.isascii():
            size = len(frame.encode(errors="surrogatepass"))
        if size > self.message_bytes_max:
            raise MalformedMessage(f"{size} bytes, at most {self.message_bytes_max} are allowed", frame)

    def _check_depth(self, record: msgspec.Struct, frame: str | bytes) -> None:
        """What cannot be written is not read either: it could be taken, but never passed on."""
        try:
            check = self._depths.struct(type(record))
            if check is not None:
                check(record)
        except RecursionError as error:
            raise MalformedMessage("nested too deeply", frame) from error

    def _decode_slowly(self, frame: str | bytes, on_alias: Callable[[str], None] | None) -> msgspec.Struct:
        value = _parse(frame)
        if not isinstance(value, dict):
            raise MalformedMessage(f"expected a JSON object, got {_kind(value)}", frame)
        fields = cast("dict[str, Any]", value)
        if self.tag not in fields:
            raise MalformedMessage(f"the object has no {self.tag!r}, which names the message's type", frame)
        name = fields[self.tag]
        if not isinstance(name, str):
            problem = f"{self.tag!r} names the message's type and must be a string, got {_kind(name)}"
            raise MalformedMessage(problem, frame)
        type_ = self._types.get(name) or self._aliases.get(name)
        if type_ is None:
            raise UnknownMessage(name)
        message = self._convert(type_, {**fields, self.tag: type_.__struct_config__.tag}, frame)
        if on_alias is not None and name not in self._types:
            on_alias(name)
        return message

    def _convert(self, type_: type[R], value: Any, frame: str | bytes) -> R:
        try:
            return msgspec.convert(self._normalizer.struct(type_)(value, ""), type_)
        except (msgspec.MsgspecError, NotANumberError, UnicodeError) as error:
            raise MalformedMessage(str(error), frame) from error
        except RecursionError as error:
            raise MalformedMessage("nested too deeply", frame) from error


def _as_text(value: object) -> str:
    """A string of another class (Django's are), as one of JSON."""
    assert isinstance(value, str), "the checks let nothing else come so far"
    return str.__str__(value)


def _may_be_deep(frame: str | bytes) -> bool:
    """Whether there are enough brackets; most of them may stand side by side, or in texts."""
    if isinstance(frame, str):
        return frame.count("[") + frame.count("{") > NESTING_MAX
    return frame.count(b"[") + frame.count(b"{") > NESTING_MAX


def _depth_of(text: str) -> int:
    """How deep its brackets go, be it JSON or not; those in texts are none."""
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        bracket = found[0]
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def _parse(frame: str | bytes) -> Any:
    """What msgspec refuses, read once more to say why. A new Python would go thousands of levels deep, an old one not."""
    import json  # A millisecond to import, and only read with where msgspec refuses.

    try:
        text = frame if isinstance(frame, str) else frame.decode()  # bytes alone would be read as UTF-16 too
        if (
            _may_be_deep(text) and _depth_of(text) > 2 * NESTING_MAX
        ):  # Nearer to it, it is counted in values, not brackets.
            raise MalformedMessage("nested too deeply", frame)
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise MalformedMessage(f"byte {error.start} is not UTF-8", frame) from error
    except ValueError as error:
        raise MalformedMessage(f"not JSON: {error}", frame) from error
    except RecursionError as error:
        raise MalformedMessage("nested too deeply", frame) from error


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "an object")
