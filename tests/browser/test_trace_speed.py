"""How quickly the pages show something when much is stored, and how smooth they stay when much comes.

MDK_SPEED_ROWS=1000000 stores more, MDK_SPEED_TAIL_S=25 has more logs come than the page keeps. MDK_SPEED_STRICT=1 holds the figures to their targets (300 ms, 150 ms, 58 frames a second), which needs
a machine that does nothing else. They are printed in any case: run with -s.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mdk_protocol.messages import Environment, LamportClock, Level, Log, SharedContext
from mdk_runtime.core.server.origin import Entry, Origin
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.tenant_store import TenantStore
from service.servers import ServerProcess, server

STRICT = bool(os.environ.get("MDK_SPEED_STRICT"))
ROWS = int(os.environ.get("MDK_SPEED_ROWS", "200000" if STRICT else "20000"))
LARGE = "00000000-0000-4000-8000-0000000c0ffe"
LARGE_ROWS = 50_000
BATCH = 2000
PER_TRACE = 20
VISITS = 20 if STRICT else 3
TAIL_PER_SECOND = 5000
TAIL_S = int(os.environ.get("MDK_SPEED_TAIL_S", "5"))

PAINTED = """
window.begun = 0;
addEventListener('click', () => { window.begun = performance.now(); window.painted = undefined; }, true);
new MutationObserver(() => {
  const wanted = location.pathname.startsWith('/t/') ? '.trace .vlist-row' : '.traces .vlist-row';
  if (window.painted !== undefined || window.waits || document.querySelector(wanted) === null) return;
  window.waits = true;
  requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now() - window.begun; window.waits = false; }));
}).observe(document, { childList: true, subtree: true });
"""
"""Milliseconds from the navigation, or from the last click, until rows are painted: the task after their frame."""

FRAMES = """() => {
  const times = [];
  window.frames_ = times;
  const tick = now => { times.push(now); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""

SENDER = """
import sys, time
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
url, per_second, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
m = MDK(Config(server_url=url)).start()
m.register("flood", "1.0", "http://10.9.9.9:1")
session, begun, sent = m.session(), time.monotonic(), 0
while (passed := time.monotonic() - begun) < seconds:
    for _ in range(int(passed * per_second) - sent):
        session.info("flood", f"log number {sent} of many, as long as logs are: GET /cart/items took 12 ms")
        sent += 1
    time.sleep(0.005)
end = time.monotonic() + 60
while m.statistics().queued and time.monotonic() < end:
    time.sleep(0.01)
m.stop()
print(sent - m.statistics().dropped)
"""


def entries(trace_id: str, first_ms: int, count: int, texts: Callable[[int], tuple[Level, str]]) -> list[Entry]:
    """Logs of one trace, a millisecond apart."""
    environment = Environment(name="production")
    made: list[Entry] = []
    for number in range(count):
        level, text = texts(number)
        context = SharedContext(trace_id=trace_id, clock=LamportClock(clocks=[number + 1]), environment=environment)
        service = ("gateway", "orders", "cart", "mail")[number % 4]
        log = Log(context=context, timestamp=first_ms + number, node="n1", level=level, category="bench", text=text)
        made.append(Entry(log, Origin(service, "1.0")))
    return made


def fill(folder: Path) -> None:
    """Many traces, of which each tenth fails, and in their midst a large one."""

    def rolled(folder: Path, number: int) -> None:
        """Nothing is sealed here."""

    now_ms = int(time.time() * 1000)
    store = TenantStore(folder, StorageLimits(), now_ms=now_ms, rolled=rolled)
    waiting: list[Entry] = []
    for trace in range(ROWS // PER_TRACE):

        def texts(number: int, trace: int = trace) -> tuple[Level, str]:
            if number == PER_TRACE - 1 and trace % 10 == 0:
                return Level("ERROR"), f"payment {trace} failed"
            return Level("INFO"), f"step {number} of order {trace}"

        waiting += entries(f"00000000-0000-4000-9000-{trace:012x}", now_ms - ROWS + trace * PER_TRACE, PER_TRACE, texts)
        if len(waiting) >= BATCH:
            store.store(waiting, now_ms=now_ms)
            waiting.clear()
    large = entries(LARGE, now_ms, LARGE_ROWS, lambda number: (Level("INFO"), f"row {number} of the large one"))
    for at in range(0, LARGE_ROWS, BATCH):
        store.store(large[at : at + BATCH], now_ms=now_ms)
    store.close()


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that has much stored."""
    folder = tmp_path_factory.mktemp("much")
    fill(folder / "data" / "default")
    with server(folder, "--http") as running:
        yield running


@pytest.fixture
def large_page(new_page: Callable[..., Page], much: ServerProcess) -> Page:
    """A page of that server which notes when rows are painted."""
    page = new_page(str(much.ready["http"]))
    page.add_init_script(PAINTED)
    return page


def painted_ms(page: Page) -> float:
    """As soon as it is."""
    page.wait_for_function("() => window.painted !== undefined")
    return float(page.evaluate("() => window.painted"))


def counted(page: Page) -> tuple[int, int]:
    """Rows that the logs have, and those that were skipped."""
    said = page.locator("main .summary, main .logs-skipped").all_inner_texts()
    numbers = [int(one.split()[0].replace(",", "")) for one in said]
    return numbers[0], sum(numbers[1:])


def say(**figures: float) -> None:
    """One line of figures."""
    print(json.dumps({"bench": "console", "strict": STRICT, **{name: round(one, 1) for name, one in figures.items()}}))


def test_the_first_trace_is_painted_soon(large_page: Page) -> None:
    """From the navigation to the newest traces, the assets in the cache, at p95."""
    large_page.goto("/traces")
    painted_ms(large_page)
    times: list[float] = []
    for _ in range(VISITS):
        large_page.goto("/traces")
        times.append(painted_ms(large_page))
    times.sort()
    p95 = times[int(0.95 * (VISITS - 1))]
    say(rows=ROWS, first_trace_p50_ms=times[VISITS // 2], first_trace_p95_ms=p95)
    assert p95 <= 300 or not STRICT


def test_a_large_trace_opens_at_once(large_page: Page) -> None:
    """50,000 rows: from the click to the first paint, at p95; the rest follows, and few of them are elements."""
    times: list[float] = []
    for _ in range(VISITS):
        large_page.goto("/traces")
        large_page.locator(f"a[href^='/t/{LARGE}']").click()
        times.append(painted_ms(large_page))
    times.sort()
    p95 = times[int(0.95 * (VISITS - 1))]
    say(trace_rows=LARGE_ROWS, opened_p50_ms=times[VISITS // 2], opened_p95_ms=p95, opened_max_ms=times[-1])
    expect(large_page.get_by_text("50,000 logs")).to_be_visible()
    large_page.locator(".trace").evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(large_page.get_by_text("row 49999 of the large one")).to_be_visible()
    assert large_page.locator(".trace .vlist-row").count() < 100
    assert p95 <= 150 or not STRICT


def test_a_fast_tail_stays_smooth(large_page: Page, much: ServerProcess) -> None:
    """5,000 logs a second: frames keep coming, all logs are shown or counted as skipped, and the newest stays in sight."""
    large_page.goto("/logs?service=flood")
    expect(large_page.get_by_text("No log fits")).to_be_visible()
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, much.url, str(TAIL_PER_SECOND), str(TAIL_S)], stdout=subprocess.PIPE, text=True
    )
    expect(large_page.locator(".logs .vlist-row").first).to_be_visible()
    large_page.evaluate(FRAMES)
    sent = int(sender.communicate(timeout=150)[0])
    frames: list[float] = large_page.evaluate("() => window.frames_")
    gaps = sorted(b - a for a, b in pairwise(frames))
    fps = 1000 * len(gaps) / (frames[-1] - frames[0])
    expect(large_page.get_by_text(re.compile("^log number|skipped$")).last).to_be_visible()
    end = time.monotonic() + 60
    while (shown := counted(large_page)) and sum(shown) < min(sent, 100_000) and time.monotonic() < end:
        large_page.wait_for_timeout(100)
    rows, lost = shown
    say(sent=sent, rows=rows, skipped=lost, fps=fps, frame_p99_ms=gaps[int(0.99 * len(gaps))], frame_max_ms=gaps[-1])
    is_cut = large_page.get_by_text("The oldest rows went.").count() > 0
    assert is_cut or rows + lost == sent
    assert not is_cut or 100_000 <= rows <= 105_000
    assert fps >= 58 or not STRICT  # 60 but for the frames in which garbage is looked for.
