"""One order, many receivers, each with a trace of its own: `python orders.py`, with `mdk server` running.

A queue is no call: nobody waits for the answer, and several work on the same message at different times. So receivers
do not join the sender's session; they derive one each, which has its properties but neither its clock nor its deadline.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.queues import SimpleQueue

import mdk

RECEIVERS = ("billing", "shipping")


def place_order(m: mdk.MDK, item: str) -> str:
    """The message for the queue."""
    session = m.session()
    session.set_property("shop:item", item)
    session.info("shop", f"order of {item}")
    return session.inject()


def handle(m: mdk.MDK, receiver: str, message: str) -> str:
    """What a receiver does with a message; the answer is only for this example to print."""
    with m.derive(message) as session, session.interaction():
        item = session.get_property("shop:item")
        session.info(receiver, f"working on {item}")
        return f"{receiver}: {item} in trace {session.trace_id}"


def receive(receiver: str, messages: SimpleQueue[str | None], done: SimpleQueue[str]) -> None:
    """A receiver's process."""
    with mdk.start() as m:
        while (message := messages.get()) is not None:
            done.put(handle(m, receiver, message))


def main() -> None:
    """Place two orders and print who worked on them."""
    spawn = multiprocessing.get_context("spawn")
    done: SimpleQueue[str] = spawn.SimpleQueue()
    queues: list[SimpleQueue[str | None]] = [spawn.SimpleQueue() for _ in RECEIVERS]
    processes = [
        spawn.Process(target=receive, args=(receiver, queue, done))
        for receiver, queue in zip(RECEIVERS, queues, strict=True)
    ]
    for process in processes:
        process.start()
    with mdk.start() as m:
        for item in ("tea", "cups"):
            message = place_order(m, item)
            for queue in queues:
                queue.put(message)
    for queue in queues:
        queue.put(None)
    for process in processes:
        process.join()
    while not done.empty():
        print(done.get(), flush=True)


if __name__ == "__main__":
    main()
