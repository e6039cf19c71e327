"""Drives an implementation of one role through every situation that its peer can bring about, legal and illegal.

What must come is what the spec says, for any way in which the application may answer: which messages are sent of
necessity, and whether the connection stays. Whatever else the implementation sends is judged by the tables. What only
the application begins (a delivery, a question) is waited for, and what it owes (an acknowledgement, an answer) must come.
An accepting side is connected to at its address; a connecting one is waited for there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve
from websockets.exceptions import InvalidHandshake
from websockets.protocol import State

from mdkspec_runtime.testing.conform_report import junit, report, undriven
from mdkspec_runtime.testing.driver import Driver, Limits
from mdkspec_runtime.testing.examples import add_protocol, roles_of
from mdkspec_runtime.testing.plan import Case, Plan

WAITING_MAX = 50
"""Connections that wait for a timer of an accepting side."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command."""
    parser.add_argument("url", help="ws://host:port/path of the implementation, or where it will connect to")
    parser.add_argument("--role", required=True, help="which side it plays")
    add_protocol(parser)
    parser.add_argument("--plan", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument(
        "--at-once",
        type=int,
        default=1,
        metavar="N",
        help="connections at a time, to an accepting side; programs that will connect, of a connecting one",
    )
    parser.add_argument("--junit", type=Path, help="write the results as JUnit XML")
    parser.add_argument("--quiet-s", type=float, default=0.3, metavar="S", help="silence after which all has been said")
    parser.add_argument(
        "--due-s", type=float, default=5.0, metavar="S", help="to wait for a message that must come, or the end"
    )
    parser.add_argument(
        "--answer-s", type=float, default=2.0, metavar="S", help="to wait for what only the application begins or owes"
    )
    parser.add_argument("--timers-s", type=float, default=12.0, metavar="S", help="the longest timer to wait for")
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
    roles = roles_of(package, arguments.protocol, arguments.role)
    role = roles[arguments.role]
    said = _said(arguments.say, spec)
    check_address(arguments.url)
    plan = msgspec.convert(arguments.plan[role.protocol], Plan)
    cases = some(plan.cases, arguments.cases)
    limits = Limits(arguments.quiet_s, arguments.due_s, arguments.answer_s, arguments.timers_s)
    driver = Driver(role, roles[role.peer], limits, said, _called(plan))
    places = _arrivals(arguments) if role.connects else _calls(arguments.url)
    async with places as place:
        await _drive(driver, place, cases, arguments.at_once)
    left = undriven(plan, cases, driver)
    report(plan, cases, left)
    if arguments.junit is not None:
        arguments.junit.write_text(junit(role, cases, left), encoding="utf-8")
    return 1 if any(case.problem is not None for case in cases) else 0


def _called(plan: Plan) -> frozenset[str]:
    """Types of messages that only calls of the application send, which then lead elsewhere."""
    calls = {type_ for one in plan.transitions if one.kind == "call" and one.goes for type_ in one.sends}
    others = {type_ for one in plan.transitions if one.kind != "call" or not one.goes for type_ in one.sends}
    return frozenset(calls - others)


def _said(texts: Sequence[str], spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By type name, the fields that `--say` gives; ValueError says what is wrong with one."""
    messages = {one["name"]: one for one in spec["messages"]}
    said: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, _, written = text.partition("=")
        if name not in messages:
            raise ValueError(f"--say {text}: there is no message {name!r}; there are: {', '.join(sorted(messages))}")
        try:
            fields: Any = json.loads(written)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise ValueError(f'--say {text}: a JSON object is wanted, as in {name}={{"key": "value"}}')
        given: dict[str, Any] = fields  # pyright: ignore[reportUnknownVariableType]  # JSON
        keys = [one["wire"] for one in messages[name]["fields"]]
        for key in given:
            if key not in keys:
                raise ValueError(f"--say {text}: {name} has no key {key!r}; it has: {', '.join(keys)}")
        said[messages[name]["wire"]] = given
    return said


def check_address(url: str) -> None:
    """ValueError, if it is none of a WebSocket."""
    place = urlsplit(url)
    if place.scheme not in ("ws", "wss") or not place.hostname:
        raise ValueError(f"{url}: not the address of a WebSocket, such as ws://127.0.0.1:8765/path")


def some(cases: list[Case], count: int) -> list[Case]:
    """So many of the cases, taken evenly over their order; all of them for 0, or if there are no more."""
    if not 0 < count < len(cases):
        return cases
    return [cases[place * len(cases) // count] for place in range(count)]


# --- driving ------------------------------------------------------------------------------------------


class _Calls:
    """Connections to an accepting side."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def drive(self, driver: Driver, case: Case) -> None:
        async def next_connection(was_cut: bool) -> Connection:
            return await connect(self._url, compression=None)

        try:
            await driver.drive(case, next_connection)
        except (OSError, InvalidHandshake) as error:
            case.problem = f"cannot connect: {error}"


class _Arrivals:
    """Connections that a connecting side makes."""

    def __init__(self, programs: int, within_s: float) -> None:
        self._programs = programs
        self._within_s = within_s
        self._waiting: list[tuple[Connection, asyncio.Event]] = []
        self._changed = asyncio.Condition()
        self._is_over = False

    async def came(self, websocket: Connection) -> None:
        """Hold a connection until its case is done."""
        if self._is_over:
            return
        done = asyncio.Event()
        async with self._changed:
            self._waiting.append((websocket, done))
            self._changed.notify_all()
        await done.wait()

    def end(self) -> None:
        """All cases are done: let everybody go."""
        self._is_over = True
        for _, done in self._waiting:
            done.set()

    def _here(self) -> int:
        """How many wait; those that have gone meanwhile are let go."""
        for one in [one for one in self._waiting if one[0].state is not State.OPEN]:
            self._waiting.remove(one)
            one[1].set()
        return len(self._waiting)

    async def drive(self, driver: Driver, case: Case) -> None:
        held: list[asyncio.Event] = []

        async def next_connection(was_cut: bool) -> Connection:
            # A case that cuts begins with all programs here: who comes then is the one that was cut.
            count = self._programs if case.does("cut") else 1
            async with self._changed, asyncio.timeout(self._within_s):
                await self._changed.wait_for(lambda: self._here() >= count)
                websocket, done = self._waiting.pop(-1 if was_cut else 0)
            held.append(done)
            return websocket

        try:
            await driver.drive(case, next_connection)
        except TimeoutError:
            case.problem = f"it did not connect within {self._within_s:g} s"
        finally:
            for done in held:
                done.set()


@asynccontextmanager
async def _calls(url: str) -> AsyncGenerator[_Calls]:
    yield _Calls(url)


@asynccontextmanager
async def _arrivals(arguments: argparse.Namespace) -> AsyncGenerator[_Arrivals]:
    place = urlsplit(str(arguments.url))
    arrivals = _Arrivals(arguments.at_once, arguments.within_s)
    async with serve(arrivals.came, place.hostname or "127.0.0.1", place.port, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"waiting at ws://{place.hostname}:{port}{place.path}", flush=True)
        try:
            yield arrivals
        finally:
            arrivals.end()


async def _drive(driver: Driver, place: _Calls | _Arrivals, cases: Sequence[Case], at_once: int) -> None:
    """All cases; once more those that the application refused, as it may have been busy with the one before.

    Cases that cut come one at a time, behind the others; to an accepting side, waits for a timer are side by side.
    """
    one_at_a_time = asyncio.Semaphore(1)
    gate = asyncio.Semaphore(at_once)
    waiting = gate if driver.role.connects else asyncio.Semaphore(WAITING_MAX)

    async def one(case: Case, through: asyncio.Semaphore) -> None:
        async with through:
            await place.drive(driver, case)

    ordered = list(_mixed(cases)) if driver.role.connects else cases
    stay = [case for case in ordered if not case.does("cut")]
    await asyncio.gather(*(one(case, waiting if case.does("wait") else gate) for case in stay))
    await asyncio.gather(*(one(case, one_at_a_time) for case in ordered if case.does("cut")))
    for case in [case for case in cases if case.was_refused]:
        case.again()
        await one(case, one_at_a_time)


def _mixed(cases: Sequence[Case]) -> Iterable[Case]:
    """Those in which the other side gets nothing good, between the rest: it comes back later each time they follow one another."""
    good = [case for case in cases if case.is_good]
    bad = [case for case in cases if not case.is_good]
    for pair in zip_longest(good, bad):
        yield from (case for case in pair if case is not None)
