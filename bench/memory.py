"""A million log calls with the server away: memory, and whether every message is accounted for.

Prints one JSON line. Memory is the peak of the process after so many calls, so that growth shows as a ratio.
"""

from __future__ import annotations

import json
import resource
import time

from mdk_runtime.client import MDK
from mdk_runtime.config import Config

CALLS = 1_000_000
WARM = 100_000


def peak_mib() -> float:
    """Of this process, on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Log, and look."""
    with MDK(Config(server_url="ws://127.0.0.1:1/rtp")) as mdk:
        session = mdk.session()
        peaks: list[float] = []
        start = time.perf_counter()
        for part in (WARM, CALLS - WARM):
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
                "calls": CALLS,
                "us_per_call": round(took_s / CALLS * 1e6, 2),
                "peak_mib_after_100000": round(peaks[0], 1),
                "peak_mib_after_all": round(peaks[1], 1),
                "growth": round(peaks[1] / peaks[0], 3),
                "queued": now.queued,
                "dropped": now.dropped,
                "unaccounted": CALLS - now.queued - now.dropped,
            }
        )
    )


if __name__ == "__main__":
    main()
