"""A million log calls with the server away, or as many as are given: memory, and whether every message is accounted for.

Prints one JSON line. Memory is the peak of the process after so many calls, so that growth shows as a ratio.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from mdk_runtime.client import MDK
from mdk_runtime.config import Config

CALLS = 1_000_000
WARM_SHARE = 10
"""After the first tenth every queue is full; what is added from then on is growth."""


def peak_mib() -> float:
    """Of this process, on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Log, and look."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    warm = calls // WARM_SHARE
    with MDK(Config(server_url="ws://127.0.0.1:1/rtp")) as mdk:
        session = mdk.session()
        peaks: list[float] = []
        start = time.perf_counter()
        for part in (warm, calls - warm):
            for i in range(part):
                session.info("bench", f"message {i} of a service that lost its server")
            peaks.append(peak_mib())
        took_s = time.perf_counter() - start
        while mdk.intake:
            time.sleep(0.01)
        time.sleep(0.1)
        now = mdk.statistics()
    print(
        json.dumps(
            {
                "bench": "memory",
                "calls": calls,
                "us_per_call": round(took_s / calls * 1e6, 2),
                "peak_mib_after_a_tenth": round(peaks[0], 1),
                "peak_mib_after_all": round(peaks[1], 1),
                "growth": round(peaks[1] / peaks[0], 3),
                "queued": now.queued,
                "dropped": now.dropped,
                "unaccounted": calls - now.queued - now.dropped,
            }
        )
    )


if __name__ == "__main__":
    main()
