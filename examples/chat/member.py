"""A member of a chat room: `python member.py URL NAME`. Says every line of its input, prints what it hears."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent / "generated"))  # where mdkgen wrote the package

from chat_protocol import ChatMember, Post
from mdkspec_runtime.links.aio import ClientLink


class Member:
    """What the generated ChatMember asks and tells."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.member = uuid4().hex
        self.refused = ""

    def own_name(self) -> str:
        """Under which name we join."""
        return self.name

    def own_member(self) -> str:
        """The same on every connection of this program."""
        return self.member

    def welcomed(self, members: list[str]) -> None:
        """We are in."""
        print(f"* here: {', '.join(members)}", flush=True)

    def said(self, author: str, text: str) -> None:
        """Somebody said something."""
        print(f"{author}: {text}", flush=True)

    def dismissed(self, reason: str) -> None:
        """We are not wanted."""
        self.refused = reason
        print(f"* the room hangs up: {reason}", flush=True)


async def main(url: str, name: str) -> int:
    """Talk until the input ends and everything said has arrived, or the room refuses us."""
    loop = asyncio.get_running_loop()
    member = Member(name)
    endpoint = ChatMember(member)
    link = asyncio.create_task(ClientLink(endpoint, url).run())
    while not member.refused and (line := await asyncio.to_thread(sys.stdin.readline)):
        endpoint.deliver_posts(Post(text=line.rstrip("\n")), now=loop.time())
    while endpoint.outbox("posts").count and not member.refused:
        await asyncio.sleep(0.01)
    endpoint.stop(now=loop.time())
    await link
    return 1 if member.refused else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2])))
