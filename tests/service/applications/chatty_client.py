"""A program of MDK that always has something to say: a log and an interaction, whenever all before has arrived."""

from __future__ import annotations

import time

import mdk

EVERY_S = 0.05


def main() -> None:
    """Until it is killed."""
    m = mdk.start()
    m.register("chatty", "1.0", "tcp://127.0.0.1:1")
    while True:
        session = m.session()
        session.info("chatty", "hello")
        session.start_interaction()
        session.finish_interaction()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
