"""What the client's calls cost, as ratios to a dict of itertools.cycle under a lock. Prints one JSON line.

No server: nodes come from MDK_DISCOVERY_SOURCE=static, and log calls stay in the process.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import timeit
from collections.abc import Callable

LOOPS, ROUNDS = 20_000, 5
SIZES = (1, 10, 100, 1000)


def _best_us(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=LOOPS, repeat=ROUNDS)) / LOOPS * 1e6


def main() -> None:
    """Measure, floor first."""
    nodes = [
        {"service": f"s{size}", "version": "1.0", "address": f"http://{size}.{number}", "id": f"n{size}.{number}"}
        for size in SIZES
        for number in range(size)
    ]
    os.environ["MDK_DISCOVERY_SOURCE"] = f"static:nodes={json.dumps(nodes)}"
    import mdk

    m = mdk.start()
    session = m.session()
    encoded = session.inject()
    headers: dict[str, str] = {}
    lock = threading.Lock()
    plain = {"s100": itertools.cycle(range(100))}

    def floor() -> int:
        with lock:
            return next(plain["s100"])

    def interaction() -> None:
        session.start_interaction()
        session.finish_interaction()

    floor_us = _best_us(floor)
    costs = {f"resolve_{size}": _best_us(lambda size=size: session.resolve(f"s{size}", "1.0")) for size in SIZES}  # type: ignore[misc]  # a default argument binds the size
    costs |= {
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
    m.stop()
    figures = {f"{name}_us": round(cost, 2) for name, cost in costs.items()}
    ratios = {f"{name}_to_floor": round(cost / floor_us, 1) for name, cost in costs.items()}
    print(json.dumps({"bench": "client", "floor_us": round(floor_us, 3), **figures, **ratios}))


if __name__ == "__main__":
    main()
