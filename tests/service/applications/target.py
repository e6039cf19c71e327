"""A plain HTTP server to be called: `python target.py`. Prints its port.

/echo     the headers that it was sent, as JSON
/slow     answers after 60 s
/trickle  a piece every 0.1 s for 60 s
/moved    leads to /echo
/status/N answers with that status
"""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONG_S = 60.0
TRICKLE_EVERY_S = 0.1


class Target(BaseHTTPRequestHandler):
    """Answers one request after the other of a connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One of the paths above."""
        if self.path == "/slow":
            time.sleep(LONG_S)
        status = {"/moved": 302}.get(self.path, 200)
        if self.path.startswith("/status/"):
            status = int(self.path.rpartition("/")[2])
        self.send_response(status)
        if self.path == "/moved":
            self.send_header("Location", "/echo")
        if self.path == "/trickle":
            self._trickle()
            return
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self) -> None:
        count = int(LONG_S / TRICKLE_EVERY_S)
        self.send_header("Content-Length", str(count))
        self.end_headers()
        for _ in range(count):
            time.sleep(TRICKLE_EVERY_S)
            self.wfile.write(b".")
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes a hundred connections at once."""

    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Target)
    print("port", server.server_port, flush=True)
    server.serve_forever()
