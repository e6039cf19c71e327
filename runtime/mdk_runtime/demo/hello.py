"""The demo's microservice: `python -m mdk_runtime.demo.hello HOST PORT`."""

from __future__ import annotations

import atexit
import sys

import flask

import mdk

app = flask.Flask("hello")


@app.route("/")
def hello() -> str:
    """Answer, in the caller's session."""
    session = m.join(flask.request.headers.get(m.CONTEXT_HEADER))
    session.info("hello", "Received a request.")
    session.info("hello", f"Answering from port {port}.")
    return f"Hello World from {port}!"


if __name__ == "__main__":
    host, port = sys.argv[1:3]
    m = mdk.start()
    m.register("hello", "1.0", f"http://{host}:{port}")
    atexit.register(m.stop)
    app.run(host=host, port=int(port))
