"""What the client's calls cost, as ratios to a dict of itertools.cycle under a lock. Prints one JSON line.

No server: nodes come from MDK_DISCOVERY_SOURCE=static, and log calls stay in the process. Times are CPU time of the
process, so that what else runs on the machine counts little; best of several rounds.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Coroutine
from typing import Any

LOOPS, ROUNDS = 20_000, 7
SIZES = (1, 10, 100, 1000)
THREADS = 4
IMPORTS = 10


def _best_us(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=LOOPS, repeat=ROUNDS, timer=time.process_time)) / LOOPS * 1e6


def _threaded_us(call: Callable[[], object]) -> float:
    """A call's share of the CPU time, where several threads make it at once."""

    def work() -> None:
        for _ in itertools.repeat(None, LOOPS):
            call()

    def together() -> None:
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return min(timeit.repeat(together, number=1, repeat=ROUNDS, timer=time.process_time)) / (LOOPS * THREADS) * 1e6


def _looped_us(call: Callable[[], object]) -> float:
    """As `_threaded_us`, in one thread: the same loop around the call."""

    def work() -> None:
        for _ in itertools.repeat(None, LOOPS):
            call()

    return min(timeit.repeat(work, number=1, repeat=ROUNDS, timer=time.process_time)) / LOOPS * 1e6


def _finished(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run what does not wait."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _import_ms(code: str) -> float:
    """CPU time of an interpreter that runs this and ends, when everything is compiled, as it is once installed."""
    costs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # Else all of ours is compiled each time: 40 ms more.
        for _ in range(IMPORTS + 1):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(costs[1:]) * 1e3


def main() -> None:
    """Measure, floor first."""
    bare_ms, msgspec_ms, mdk_ms = (_import_ms(code) for code in ("pass", "import msgspec, logging", "import mdk"))
    nodes = [
        {"service": f"s{size}", "version": "1.0", "address": f"http://{size}.{number}", "id": f"n{size}.{number}"}
        for size in SIZES
        for number in range(size)
    ]
    os.environ["MDK_DISCOVERY_SOURCE"] = f"static:nodes={json.dumps(nodes)}"
    import mdk
    from mdk import aio

    m = mdk.start()
    session = m.session()
    encoded = session.inject()
    headers: dict[str, str] = {}
    session.inject_headers(headers)
    lock = threading.Lock()
    plain = {"s100": itertools.cycle(range(100))}

    def floor() -> int:
        with lock:
            return next(plain["s100"])

    def interaction() -> None:
        session.start_interaction()
        session.finish_interaction()

    def resolve() -> object:
        return session.resolve("s100", "1.0")

    on_loop = aio.MDK(m.config)
    on_loop.core.add_nodes(m.config.static_nodes)
    awaiting = on_loop.session()
    _finished(awaiting.resolve_until("s100", "1.0", 0))

    floor_us = _best_us(floor)
    costs = {f"resolve_{size}": _best_us(lambda size=size: session.resolve(f"s{size}", "1.0")) for size in SIZES}  # type: ignore[misc]  # a default argument binds the size
    costs |= {
        "resolve_aio": _best_us(lambda: _finished(awaiting.resolve("s100", "1.0"))),
        "session": _best_us(m.session),
        "inject": _best_us(session.inject),
        "externalize": _best_us(session.externalize),
        "join": _best_us(lambda: m.join(encoded)),
        "inject_headers": _best_us(lambda: session.inject_headers(headers)),
        "join_headers": _best_us(lambda: m.join_headers(headers)),
        "info": _best_us(lambda: session.info("bench", "text")),
        "debug_below_level": _best_us(lambda: session.debug("bench", "text")),
        "interaction": _best_us(interaction),
    }
    one, several = _looped_us(resolve), _threaded_us(resolve)
    m.stop()
    figures = {f"{name}_us": round(cost, 2) for name, cost in costs.items()}
    ratios = {f"{name}_to_floor": round(cost / floor_us, 1) for name, cost in costs.items()}
    threads = {f"resolve_{THREADS}_threads_to_one": round(several / one, 2)}
    imports = {
        "import_mdk_ms": round(mdk_ms - bare_ms, 1),
        "import_mdk_to_msgspec_and_logging": round((mdk_ms - bare_ms) / (msgspec_ms - bare_ms), 2),
    }
    print(json.dumps({"bench": "client", "floor_us": round(floor_us, 3), **figures, **ratios, **threads, **imports}))


if __name__ == "__main__":
    main()
