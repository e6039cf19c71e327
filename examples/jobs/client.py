"""A client of the job queue: `python client.py URL submit TASK [TEXT]` or `python client.py URL work [COUNT]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent / "generated"))  # where mdkgen wrote the package

from jobs_protocol import Job, JobsClient, Outcome, Result, Submit, Submitted, Take, Taken
from mdkspec_runtime.errors import RequestFailed
from mdkspec_runtime.links.aio import ClientLink

A = TypeVar("A")
TASKS: dict[str, Callable[[str], str]] = {"upper": str.upper, "reverse": lambda text: text[::-1]}
"""What a worker can do."""


class Client:
    """The generated JobsClient, with answers to wait for."""

    def __init__(self, url: str) -> None:
        self.endpoint = JobsClient(self)
        self.loop = asyncio.get_running_loop()
        self.link = asyncio.create_task(ClientLink(self.endpoint, url).run())

    def dismissed(self, code: str, why: str) -> None:
        """The queue hangs up."""
        print(f"the queue hangs up: {code} {why}", file=sys.stderr, flush=True)

    async def ask(self, question: Callable[[asyncio.Future[A]], None]) -> A:
        """Ask until there is an answer: a lost connection or a time-out is asked again, after a moment."""
        while True:
            answer: asyncio.Future[A] = self.loop.create_future()
            question(answer)
            try:
                return await answer
            except RequestFailed:
                await asyncio.sleep(0.05)

    async def submit(self, task: str, text: str) -> str:
        """Have something done; the job's id. A submission whose answer was lost may be done twice."""

        def question(answer: asyncio.Future[Submitted]) -> None:
            message = Submit(task=task, payload=text)
            self.endpoint.submit(message, answer.set_result, answer.set_exception, now=self.loop.time())

        return (await self.ask(question)).id

    async def take(self) -> Job | None:
        """Something to do, if there is anything."""

        def question(answer: asyncio.Future[Taken]) -> None:
            self.endpoint.take(Take(), answer.set_result, answer.set_exception, now=self.loop.time())

        return (await self.ask(question)).job or None

    def report(self, job: Job) -> None:
        """Do a job and deliver its result; it is kept until the queue has it."""
        work = TASKS.get(job.task)
        outcome = Outcome.DONE if work is not None else Outcome.FAILED
        answer = work(str(job.payload)) if work is not None else f"no such task: {job.task}"
        self.endpoint.deliver_results(Result(id=job.id, outcome=outcome, answer=answer), now=self.loop.time())

    async def close(self) -> None:
        """When everything delivered has arrived."""
        while self.endpoint.outbox("results").count:
            await asyncio.sleep(0.01)
        self.endpoint.stop(now=self.loop.time())
        await self.link


async def main(url: str, act: str, *rest: str) -> None:
    """Submit one job, or work until enough jobs are done."""
    client = Client(url)
    if act == "submit":
        print(await client.submit(rest[0], " ".join(rest[1:])), flush=True)
    else:
        left = int(rest[0]) if rest else -1
        while left:
            job = await client.take()
            if job is None:
                await asyncio.sleep(0.05)
                continue
            client.report(job)
            print(f"did {job.id}", flush=True)
            left -= 1
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
