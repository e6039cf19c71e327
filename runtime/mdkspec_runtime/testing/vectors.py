"""Runs the vectors of a spec (`mdkgen vectors`) on the package that was generated from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, cast

import msgspec
from msgspec import UNSET

from mdkspec_runtime.codec import Codec
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import IllegalCall, MalformedMessage, PeerError

ANY_TEXT = "<any text>"
"""Stands where the words do not matter."""


def problems(vectors: Mapping[str, Any], package: ModuleType) -> Iterator[str]:
    """What does not come out as the vectors say, a line each."""
    codec: Codec = package.CODEC
    for one in vectors["good"]:
        yield from _named(one, _good(codec, one))
    for one in vectors["bad"]:
        yield from _named(one, _bad(codec, one))
    for one in vectors["conversations"]:
        yield from _named(one, _Conversation(package, one).problems())


def conversation_problems(package: ModuleType, one: Mapping[str, Any]) -> Iterator[str]:
    """Where a stub does something else than one conversation says: at most the first place."""
    return _Conversation(package, one).problems()


def _named(one: Mapping[str, Any], found: Iterator[str]) -> Iterator[str]:
    for problem in found:
        yield f"{one.get('role', 'wire')}: {one['name']}: {problem}"


def _good(codec: Codec, one: Mapping[str, Any]) -> Iterator[str]:
    aliases: list[str] = []
    try:
        message = codec.decode(one["frame"], on_alias=aliases.append)
    except PeerError as error:
        yield f"is not read: {error}"
        return
    if type(message).__name__ != one["message"]:
        yield f"is read as {type(message).__name__}"
    if aliases != ([one["alias"]] if "alias" in one else []):
        yield f"came under the names {aliases}"
    written = json.loads(codec.encode(message))
    if written != one["value"]:
        yield f"is written as {written}, not as {one['value']}"


def _bad(codec: Codec, one: Mapping[str, Any]) -> Iterator[str]:
    frame = one["frame"]
    text = frame if isinstance(frame, str) else frame["repeat"] * frame["times"]
    try:
        message = codec.decode(text)
    except PeerError as error:
        kind = "malformed" if isinstance(error, MalformedMessage) else "unknown"
        if kind != one["offence"]:
            yield f"is {kind}, not {one['offence']}"
        return
    yield f"is read as {message}"


class _Handler:
    """Answers as the vector says, and notes what it is told."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.events: list[Any] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in self._answers:
            return lambda *args: self._answers[name]
        return lambda *args: self.note(name, *args)

    def answer(self, name: str, value: Any) -> None:
        """From here on the hook answers so."""
        self._answers[name] = value

    def note(self, name: str, *args: Any) -> None:
        self.events.append([name, *(None if one is UNSET else msgspec.to_builtins(one) for one in args)])


class _Conversation:
    def __init__(self, package: ModuleType, one: Mapping[str, Any]) -> None:
        self.package = package
        self.steps = one["steps"]
        self.handler = _Handler({name: self._typed(value) for name, value in one["hooks"].items()})
        name = one["protocol"] + "".join(word.capitalize() for word in one["role"].split("_"))
        shared = getattr(package, f"{name}Shared", None)
        options = {} if shared is None else {"shared": shared(_Handler({}))}
        self.endpoint: Endpoint = getattr(package, name)(self.handler, **options)
        self.now = 0.0

    def problems(self) -> Iterator[str]:
        expected: dict[str, Any] = {"hanging_up": False, "deadline": None, "connect_at": None}
        for place, step in enumerate(self.steps):
            expected = {**expected, "frames": [], "events": [], "error": None, **step.get("expect", {})}
            found = self._outcome(step)
            for key, want in expected.items():
                if not _fits(found[key], want):
                    yield f"step {place} ({step['do']}): {key} {found[key]}, expected {want}"
                    return

    def _outcome(self, step: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.endpoint
        error = None
        try:
            self._give(step)
        except IllegalCall:
            error = "illegal call"
        frames: list[Any] = []
        while taken := endpoint.take_output():
            frames += [json.loads(frame) for frame in taken]
        events, self.handler.events = self.handler.events, []
        return {
            "frames": frames,
            "events": events,
            "states": {machine.part: endpoint.state(machine.part) for machine in endpoint.role.machines},
            "hanging_up": endpoint.hanging_up,
            "deadline": endpoint.deadline,
            "connect_at": endpoint.connect_at,
            "error": error,
        }

    def _give(self, step: Mapping[str, Any]) -> None:
        endpoint = self.endpoint
        self.now = step.get("at", step.get("to", self.now))
        now = self.now
        match step["do"]:
            case "start" | "stop" | "connected" | "lost":
                getattr(endpoint, step["do"])(now=now)
            case "given":
                self.handler.answer(step["hook"], self._typed(step["answer"]))
            case "advance":
                endpoint.tick(now=now)
            case "receive":
                frame = step["frame"]
                endpoint.receive(frame if isinstance(frame, str) else json.dumps(frame), now=now)
            case "call":
                endpoint.call(step["part"], step["call"], *map(self._typed, step["args"]), now=now)
            case "deliver":
                endpoint.deliver(step["delivery"], self._typed(step["value"]), now=now)
            case "acknowledge":
                endpoint.acknowledge(step["delivery"], step["number"], now=now)
            case "ask":
                self._ask(step["request"], self._typed(step["value"]))
            case _:
                question, reply = self._typed(step["question"]), self._typed(step["reply"])
                endpoint.reply(step["request"], question, reply, now=now)

    def _ask(self, name: str, question: msgspec.Struct) -> None:
        note = self.handler.note
        self.endpoint.request(
            name,
            question,
            lambda reply: note("answered", name, reply),
            lambda failure: note("failed", name, failure.reason),
            now=self.now,
        )

    def _typed(self, given: Mapping[str, Any]) -> Any:
        if "absent" in given:
            return UNSET
        value = given["value"]
        if "type" in given:
            return msgspec.convert(value, getattr(self.package, given["type"]))
        if "list" in given:
            return [msgspec.convert(one, getattr(self.package, given["list"])) for one in value]
        return value


def _fits(found: Any, want: Any) -> bool:
    if isinstance(want, str) and want == ANY_TEXT:
        return isinstance(found, str)
    if isinstance(want, dict) and isinstance(found, dict):
        present, wanted = cast("dict[str, Any]", found), cast("dict[str, Any]", want)
        return present.keys() == wanted.keys() and all(_fits(present[key], value) for key, value in wanted.items())
    if isinstance(want, list) and isinstance(found, list):
        items: list[Any] = found  # pyright: ignore[reportUnknownVariableType]  # JSON
        return len(items) == len(want) and all(map(_fits, items, want))  # pyright: ignore[reportUnknownArgumentType]
    return bool(found == want) and (isinstance(found, bool) == isinstance(want, bool))
