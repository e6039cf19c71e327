"""A job queue: `python queue_server.py [PORT]`. A job that its worker does not finish in time goes to another."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "generated"))  # where mdkgen wrote the package

from jobs_protocol import CODEC, Job, JobsQueue, JobsQueueShared, Result, Submit, Submitted, Take, Taken
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.aio import serve

PATH = "/jobs"
WAITING_MAX = 10_000
"""Jobs that may wait; past it a submitter is told so by a failed job, and memory stays bounded."""


class Queue:
    """Jobs that wait, and jobs that somebody works on."""

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.running: dict[str, Job] = {}
        self.results: dict[str, Result] = {}
        self._ids = count(1)
        self.shared = JobsQueueShared(self)

    def add(self, task: str, payload: object) -> Job:
        """Keep a job."""
        job = Job(id=f"job-{next(self._ids)}", task=task, payload=payload)
        self.waiting.append(job)
        return job

    def overdue(self, key: str) -> None:
        """A worker took too long, or is gone: somebody else gets the job, next."""
        job = self.running.pop(key, None)
        if job is not None:
            print(f"{key} is overdue", flush=True)
            self.waiting.appendleft(job)

    def connection(self, work_max: float) -> Endpoint:
        """The endpoint of a new connection."""
        return Desk(self, work_max).endpoint


class Desk:
    """One client's connection: what the generated JobsQueue tells."""

    def __init__(self, queue: Queue, work_max: float) -> None:
        self.queue = queue
        self.endpoint = JobsQueue(self, shared=queue.shared, work_max=work_max)

    def submitted(self, m: Submit) -> None:
        """Work goes in."""
        now = asyncio.get_running_loop().time()
        if len(self.queue.waiting) >= WAITING_MAX:
            self.endpoint.dismiss("full", now=now)
            return
        self.endpoint.reply_submit(m, Submitted(id=self.queue.add(m.task, m.payload).id), now=now)

    def wanted(self, m: Take) -> None:
        """Work goes out."""
        now = asyncio.get_running_loop().time()
        if not self.queue.waiting:
            self.endpoint.reply_take(m, Taken(), now=now)
            return
        job = self.queue.waiting.popleft()
        self.queue.running[job.id] = job
        self.endpoint.hand_out(job, now=now)
        self.endpoint.reply_take(m, Taken(job=job), now=now)

    def finished(self, m: Result) -> None:
        """A result comes back: the first one counts, a second worker's or a repeated one changes nothing."""
        now = asyncio.get_running_loop().time()
        self.queue.running.pop(m.id, None)
        if m.id not in self.queue.results:
            self.queue.results[m.id] = m
            print(f"{m.id} {m.outcome} {m.answer}", flush=True)
        self.endpoint.acknowledge_results(m.number or 0, now=now)


async def main(port: int, work_max: float) -> None:
    """Serve until interrupted; shared leases lapse by a timer of their own."""
    queue, loop = Queue(), asyncio.get_running_loop()
    moved = asyncio.Event()
    queue.shared.wake = moved.set
    async with serve(
        lambda _: queue.connection(work_max),
        "127.0.0.1",
        port,
        path=PATH,
        message_bytes_max=CODEC.message_bytes_max,
    ) as listener:
        print(f"ws://127.0.0.1:{listener.port}{PATH}", flush=True)
        while True:
            moved.clear()
            try:
                async with asyncio.timeout_at(queue.shared.deadline):
                    await moved.wait()
            except TimeoutError:
                queue.shared.tick(now=loop.time())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8771, float((sys.argv[2:] or ["30"])[0])))
