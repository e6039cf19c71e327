"""A member of a chat room that always has something to say, and comes back after every goodbye: `chatty.py EXAMPLE URL NAME`."""

from __future__ import annotations

import asyncio
import sys

sys.path.insert(0, sys.argv[1])

from member import ChatMember, ClientLink, Member, Post  # type: ignore[import-not-found]  # found where the first argument says

EVERY_S = 0.02


async def main(url: str, name: str) -> None:
    """Until it is killed."""
    endpoint = ChatMember(Member(name))
    link = asyncio.create_task(ClientLink(endpoint, url).run())
    while not link.done():
        if not endpoint.outbox("posts").count:
            endpoint.deliver_posts(Post(text="hello"), now=asyncio.get_running_loop().time())
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[2], sys.argv[3]))
