"""Drives an implementation of one role through every situation that its peer can bring about, legal and illegal.

What must come is what the vectors of the spec say, for any way in which the application may answer: which messages are
sent of necessity, and whether the connection stays. Whatever else the implementation sends is judged by the tables.
An accepting side is connected to at its address; a connecting one is waited for there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from mdkspec_runtime.errors import PeerError
from mdkspec_runtime.monitor import Monitor
from mdkspec_runtime.tables import Role, Send
from mdkspec_runtime.testing.examples import roles_of

END_WITHIN_S = 5.0
"""From the message that must not be to the end of the connection."""


class Outcome(NamedTuple):
    """What may come: types that are sent of necessity, before the last frame and in all, and whether it hangs up."""

    before: tuple[str, ...]
    sent: tuple[str, ...]
    hangs: bool


@dataclass
class Case:
    """What is sent, and what may come of it: an entry for each way to answer."""

    name: str
    frames: tuple[str, ...]
    outcomes: list[Outcome] = field(default_factory=list["Outcome"])
    problem: str | None = None
    is_reached: bool = True
    """False if the application answered otherwise on the way: another case looks at that."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command."""
    parser.add_argument("url", help="ws://host:port/path of the implementation, or where it will connect to")
    parser.add_argument("--role", required=True, help="which side it plays")
    parser.add_argument("--vectors", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument(
        "--at-once", type=int, default=1, metavar="N", help="connections at a time, to an accepting side"
    )
    parser.add_argument("--junit", type=Path, help="write the results as JUnit XML")
    parser.add_argument("--quiet-s", type=float, default=0.3, metavar="S", help="silence after which all has been said")
    parser.add_argument(
        "--within-s", type=float, default=30.0, metavar="S", help="to wait for a connecting side each time"
    )
    parser.add_argument(
        "--cases", type=int, default=0, metavar="N", help="so many of the cases, taken evenly; all by default"
    )
    parser.add_argument(
        "--say", action="append", default=[], metavar="MESSAGE=JSON", help="fields to send in a message"
    )


async def run(arguments: argparse.Namespace, package: ModuleType, spec: Mapping[str, Any]) -> int:
    """Drive it; 1 if any case failed."""
    roles = roles_of(package)
    if arguments.role not in roles:
        raise ValueError(f"there is no role {arguments.role!r}; there are: {', '.join(sorted(roles))}")
    role = roles[arguments.role]
    vectors: dict[str, Any] = arguments.vectors
    said = {name: json.loads(text) for name, _, text in (one.partition("=") for one in arguments.say)}
    types = {one["name"]: one["wire"] for one in spec["messages"]}
    said = {types[name]: fields for name, fields in said.items()}
    cases = some(cases_of(vectors, role, said), arguments.cases)
    driver = _Driver(role, roles[role.peer], cases, arguments.quiet_s)
    if role.connects:
        await _listen(driver, cases, arguments.url, arguments.within_s)
    else:
        gate = asyncio.Semaphore(arguments.at_once)
        await asyncio.gather(*(_connect(driver, case, arguments.url, gate) for case in cases))
    failed = [case for case in cases if case.problem is not None]
    for case in failed:
        print(f"FAILED {case.name}: {case.problem}")  # noqa: T201  # a command
    reached = sum(case.is_reached for case in cases)
    print(f"{len(cases)} cases, {len(failed)} failed, {len(cases) - reached} not reached")  # noqa: T201
    if arguments.junit is not None:
        arguments.junit.write_text(junit(role, cases), encoding="utf-8")
    return 1 if failed else 0


def cases_of(vectors: Mapping[str, Any], role: Role, said: Mapping[str, Mapping[str, Any]]) -> list[Case]:
    """The conversations that only a peer is needed for, each once, whatever the application answers."""
    optional = _optional(role)
    cases: dict[tuple[str, ...], Case] = {}
    for one in vectors["conversations"]:
        if (one["protocol"], one["role"]) != (role.protocol, role.role):
            continue
        frames: list[str] = []
        before: tuple[str, ...] = ()
        sent: tuple[str, ...] = ()
        hangs = False
        for step in one["steps"]:
            if step["do"] not in ("start", "connected", "receive") or hangs:
                break
            if step["do"] == "receive":
                frames.append(_frame(step["frame"], role.codec.tag, said))
                before = sent
            expected = step.get("expect", {})
            types = [frame[role.codec.tag] for frame in expected.get("frames", ())]
            sent += tuple(type_ for type_ in types if type_ not in optional)
            hangs = expected.get("hanging_up", False)
        if frames:
            _note(cases, tuple(frames), role, Outcome(before, sent, hangs))
    for case in cases.values():  # where the application may have refused before
        for length in range(1, len(case.frames)):
            shorter = cases.get(case.frames[:length])
            refusals = [] if shorter is None else [one for one in shorter.outcomes if one.hangs]
            earlier = [Outcome(one.sent, one.sent, hangs=True) for one in refusals]
            case.outcomes += [one for one in earlier if one not in case.outcomes]
    return list(cases.values())


def some(cases: list[Case], count: int) -> list[Case]:
    """So many of the cases, taken evenly over their order; all of them for 0, or if there are no more."""
    if not 0 < count < len(cases):
        return cases
    return [cases[place * len(cases) // count] for place in range(count)]


def _note(cases: dict[tuple[str, ...], Case], frames: tuple[str, ...], role: Role, outcome: Outcome) -> None:
    kinds = [(kind, len(list(same))) for kind, same in groupby(_kind(frame, role) for frame in frames)]
    name = " then ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in kinds)
    case = cases.setdefault(frames, Case(name, frames))
    if outcome not in case.outcomes:
        case.outcomes.append(outcome)


def _optional(role: Role) -> set[str]:
    """Types of messages that are sent for each of what a hook answers, which may be nothing."""
    wire = {one.__name__: str(one.__struct_config__.tag) for one in role.codec.messages}
    return {
        wire[action.message]
        for machine in role.machines
        for inputs in (*machine.states.values(), machine.always)
        for transitions in inputs.values()
        for transition in transitions
        for action in transition.actions
        if isinstance(action, Send) and action.each is not None
    }


def _frame(frame: Any, tag: str, said: Mapping[str, Mapping[str, Any]]) -> str:
    return frame if isinstance(frame, str) else json.dumps({**frame, **said.get(frame[tag], {})})


def _kind(frame: str, role: Role) -> str:
    try:
        return type(role.codec.decode(frame)).__name__
    except PeerError as error:
        return type(error).__name__


class _Driver:
    """Plays the peer of one role, case by case."""

    def __init__(self, role: Role, peer: Role, cases: Sequence[Case], quiet_s: float) -> None:
        self._role = role
        self._peer = peer
        self._quiet_s = quiet_s
        self._needed = {name for case in cases for one in case.outcomes for name in one.before}
        """Types by which ways to answer are told apart."""
        self._close = type(role.close("", "")).__name__ if role.close is not None else "nothing"

    async def drive(self, case: Case, websocket: Connection) -> None:
        """Send what the case says, look at what comes, and note what is wrong with it."""
        connector, acceptor = (self._role, self._peer) if self._role.connects else (self._peer, self._role)
        monitor = Monitor(connector, acceptor)
        came: list[str] = []
        problems: list[str] = []
        before: list[str] = []
        closed = await self._listen(websocket, monitor, came, problems) if self._role.connects else False
        for frame in case.frames:
            before = [*came]
            monitor.observe(self._peer.role, frame)  # what must not be moves no state
            try:
                await websocket.send(frame)
            except ConnectionClosed:
                closed = True
                break
            closed = await self._listen(websocket, monitor, came, problems)
        before = [one for one in before if one in self._needed]
        case.outcomes = [one for one in case.outcomes if list(one.before) == before]
        case.is_reached = bool(case.outcomes)
        if not case.is_reached:
            return
        if any(one.hangs for one in case.outcomes):  # for what a peer does wrong the engine closes in any state
            problems = [one for one in problems if not one.startswith(f"{self._role.role} may not send {self._close} ")]
        may_stay = any(not one.hangs for one in case.outcomes)
        if not may_stay and not closed:
            closed = await self._ends(websocket, came)
        case.problem = self._verdict(case, came, problems, closed=closed)

    async def _listen(self, websocket: Connection, monitor: Monitor, came: list[str], problems: list[str]) -> bool:
        """Take what comes until there is silence; True if the connection ended."""
        try:
            while True:
                async with asyncio.timeout(self._quiet_s):
                    frame = await websocket.recv()
                problem = monitor.observe(self._role.role, frame)
                if problem is not None:
                    problems.append(problem)
                came.append(_tag(frame, self._role.codec.tag))
        except TimeoutError:
            return False
        except ConnectionClosed:
            return True

    async def _ends(self, websocket: Connection, came: list[str]) -> bool:
        try:
            async with asyncio.timeout(END_WITHIN_S):
                while True:
                    came.append(_tag(await websocket.recv(), self._role.codec.tag))
        except TimeoutError:
            return False
        except ConnectionClosed:
            return True

    def _verdict(self, case: Case, came: list[str], problems: list[str], *, closed: bool) -> str | None:
        if problems:
            return problems[0]
        if any(one.hangs == closed and _in_order(one.sent, came) for one in case.outcomes):
            return None
        wanted = " or ".join(
            f"{', '.join(one.sent) or 'nothing'} and {'the end' if one.hangs else 'no end'}" for one in case.outcomes
        )
        return f"sent {', '.join(came) or 'nothing'} and {'ended' if closed else 'did not end'}; expected {wanted}"


def _tag(frame: str | bytes, tag: str) -> str:
    try:
        return str(json.loads(frame)[tag])
    except (ValueError, KeyError, TypeError):
        return "rubbish"


def _in_order(wanted: Sequence[str], came: Sequence[str]) -> bool:
    """Whether all that is wanted came, in its order; anything may stand between."""
    rest = iter(came)
    return all(one in rest for one in wanted)


async def _connect(driver: _Driver, case: Case, url: str, gate: asyncio.Semaphore) -> None:
    async with gate:
        try:
            async with connect(url, compression=None) as websocket:
                await driver.drive(case, websocket)
        except (OSError, InvalidHandshake) as error:
            case.problem = f"cannot connect: {error}"


async def _listen(driver: _Driver, cases: Sequence[Case], url: str, within_s: float) -> None:
    """A case for each connection that the implementation makes."""
    place = urlsplit(url)
    arrivals: asyncio.Queue[tuple[Connection, asyncio.Event]] = asyncio.Queue(maxsize=1)

    async def talk(websocket: Connection) -> None:
        done = asyncio.Event()
        await arrivals.put((websocket, done))
        await done.wait()

    async with serve(talk, place.hostname or "127.0.0.1", place.port, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"waiting at ws://{place.hostname}:{port}{place.path}", flush=True)  # noqa: T201  # a command
        for case in cases:
            try:
                async with asyncio.timeout(within_s):
                    websocket, done = await arrivals.get()
            except TimeoutError:
                case.problem = f"it did not connect within {within_s} s"
                continue
            await driver.drive(case, websocket)
            done.set()
            await websocket.close()


def junit(role: Role, cases: Sequence[Case]) -> str:
    """The results as JUnit XML."""
    failed = sum(case.problem is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite", name=f"{role.protocol} {role.role}", tests=str(len(cases)), failures=str(failed)
    )
    for case in cases:
        one = ElementTree.SubElement(suite, "testcase", classname=f"{role.protocol}.{role.role}", name=case.name)
        if not case.is_reached:
            ElementTree.SubElement(one, "skipped", message="the application answered otherwise on the way")
        if case.problem is not None:
            ElementTree.SubElement(one, "failure", message=case.problem).text = "\n".join(case.frames)
    return ElementTree.tostring(suite, encoding="unicode") + "\n"
