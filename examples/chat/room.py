"""A chat room: `python room.py [PORT]`. Everybody hears what everybody says."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "generated"))  # where mdkgen wrote the package

from chat_protocol import CODEC, ChatRoom, Post
from mdkspec_runtime.links.aio import serve

PATH = "/chat"


class Room:
    """All who are in it, and which of their posts were heard."""

    def __init__(self) -> None:
        self.seats: dict[str, Seat] = {}
        self.heard: dict[str, int] = {}
        """Member to the number of the last post: a post comes again if its acknowledgement was lost."""

    def left(self, endpoint: object) -> None:
        """A connection has ended: its seat is free."""
        self.seats = {name: seat for name, seat in self.seats.items() if seat.endpoint is not endpoint}


class Seat:
    """One member's connection: what the generated ChatRoom asks and tells."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.name = self.member = ""
        self.endpoint = ChatRoom(self)

    def is_free(self, name: str) -> bool:
        """A member that comes back before we saw it leave takes its own seat again."""
        return bool(name) and name not in self.room.seats

    def members(self) -> list[str]:
        """Everybody's name."""
        return sorted(self.room.seats)

    def joined(self, name: str, member: str) -> None:
        """Somebody sits down."""
        self.name, self.member = name, member
        self.room.seats[name] = self

    def posted(self, m: Post) -> None:
        """Somebody says something: once to everybody, however often it comes."""
        now = asyncio.get_running_loop().time()
        number = m.number or 0
        if number > self.room.heard.get(self.member, 0):
            self.room.heard[self.member] = number
            for seat in self.room.seats.values():
                if seat.endpoint.state("Talk") is not None:
                    seat.endpoint.say(self.name, m.text, now=now)
        self.endpoint.acknowledge_posts(number, now=now)


async def main(port: int) -> None:
    """Serve until interrupted."""
    room = Room()
    limit = CODEC.message_bytes_max
    async with serve(
        lambda _: Seat(room).endpoint, "127.0.0.1", port, path=PATH, message_bytes_max=limit, ended=room.left
    ) as listener:
        print(f"ws://127.0.0.1:{listener.port}{PATH}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8770))
