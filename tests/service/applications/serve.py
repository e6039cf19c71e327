"""`python serve.py MODULE`: its `app` under uvicorn, on a free port, which is printed."""

from __future__ import annotations

import sys

import uvicorn


class Server(uvicorn.Server):
    """Says where it listens."""

    async def startup(self, sockets: object = None) -> None:
        """Begin."""
        await super().startup()
        print("port", self.servers[0].sockets[0].getsockname()[1], flush=True)


Server(uvicorn.Config(f"{sys.argv[1]}:app", port=0, log_level="warning")).run()
