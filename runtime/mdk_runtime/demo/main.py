"""The demo itself: says what it does, and checks that what it shows is true."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdk_runtime.commands.trace_tree import Entry, tree
from mdk_runtime.demo.processes import Child, DemoFailed, clean_environment, free_port, temporary_folder, wait_for
from mdk_runtime.errors import ResolveTimeout

if TYPE_CHECKING:
    from mdk_protocol.messages import Log
    from mdk_runtime.client import MDK
    from mdk_runtime.core.client.nodes import Node

SERVICE, VERSION = "hello", "1.0"
CALLS_BEFORE, CALL_EVERY_S = 6, 0.25
GONE_WITHIN_S = 8.0
"""A killed node's grace is 2 s; a machine that is busy gets more."""
TRACE_WITHIN_S = 5.0


def run() -> int:
    """Run the demo; 0 if everything it shows is true, else 1, with the reason on stderr."""
    missing = [name for name in ("flask", "requests") if importlib.util.find_spec(name) is None]
    if missing:
        print(f'mdk demo needs {" and ".join(missing)}; run: pip install "mdk[demo]"', file=sys.stderr)
        return 1
    try:
        with ExitStack() as stack:
            _Demo(stack).run()
    except DemoFailed as failure:
        print(f"\nthe demo failed: {failure}", file=sys.stderr)
        return 1
    print("\nDone. Everything above was checked while it ran.")
    return 0


class _Demo:
    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folder = Path(stack.enter_context(temporary_folder()))
        self._calls = 0
        self._logs: list[Log] = []

    def run(self) -> None:
        server = self._start_server()
        hellos = {f"http://127.0.0.1:{port}": self._start_hello(port) for port in (free_port(), free_port())}
        m = self._start_client()
        wait_for(lambda: len(m.nodes(SERVICE)) == 2 or None, "table of two nodes", server, *hellos.values())
        names = {node.id or "": f"hello:{node.address.rpartition(':')[2]}" for node in m.nodes(SERVICE)}
        names[m.node_id] = "client"
        self._title("A client calls `hello`; both instances answer in turn")
        used = [self._call(m) for _ in range(CALLS_BEFORE)]
        if set(used) != set(hellos) or any(one == other for one, other in pairwise(used)):
            raise DemoFailed(f"the two instances were not called in turn: {', '.join(map(str, used))}")
        self._kill_one(m, hellos, server)
        self._show_trace(m, names, server)
        m.stop()
        status = server.stop()
        if status != 0:
            raise server.fault(f"ended with status {status} when asked to stop")

    # --- the cast ---------------------------------------------------------------------------------

    def _start_server(self) -> Child:
        ready = self._folder / "ready.json"
        arguments = ("server", "--port", "0", "--ready-file", str(ready), "--data", str(self._folder / "data"))
        server = self._child("mdk server", "mdk_runtime.cli", *arguments)
        url = wait_for(lambda: json.loads(ready.read_text())["rtp"] if ready.exists() else None, "ready file", server)
        os.environ.update(MDK_SERVER_URL=url)
        self._title(f"mdk server listens on {url}")
        return server

    def _start_hello(self, port: int) -> Child:
        print(f"  hello starts on port {port}")
        return self._child(f"hello {port}", "mdk_runtime.demo.hello", "127.0.0.1", str(port))

    def _child(self, name: str, module: str, *arguments: str) -> Child:
        url = os.environ.get("MDK_SERVER_URL", "")
        environment = clean_environment(MDK_SERVER_URL=url) if url else clean_environment()
        child = Child(name, module, *arguments, environment=environment, folder=self._folder)
        self._stack.callback(child.stop)
        return child

    def _start_client(self) -> MDK:
        for name in [
            name for name in os.environ if name.startswith(("MDK_", "DATAWIRE_")) and name != "MDK_SERVER_URL"
        ]:
            del os.environ[name]
        import mdk

        m = mdk.init()
        m.subscribe(self._logs.append)
        m.start()
        self._stack.callback(m.stop)
        return m

    # --- the scenes -------------------------------------------------------------------------------

    def _call(self, m: MDK) -> str | None:
        """Call the service once, print what came; the address if it answered."""
        import requests

        self._calls += 1
        session = m.session()
        address = "(no node)"
        try:
            with session.interaction():
                node = session.resolve(SERVICE, VERSION)
                address = node.address
                response = self._get(node, session.inject(), m)
        except (requests.RequestException, ResolveTimeout) as error:
            print(f"  call {self._calls:>2}  {address}  failed: {type(error).__name__}; the next one goes on")
            return None
        finally:
            time.sleep(CALL_EVERY_S)
        print(f"  call {self._calls:>2}  {address}  {response.status_code}  {response.text}")
        return address

    def _get(self, node: Node, context: str, m: MDK) -> Any:
        import requests

        response = requests.get(node.address, headers={m.CONTEXT_HEADER: context}, timeout=3)
        response.raise_for_status()
        return response

    def _kill_one(self, m: MDK, hellos: dict[str, Child], server: Child) -> None:
        address, victim = next(iter(hellos.items()))
        (survivor,) = set(hellos) - {address}
        self._title(f"kill -9 of the instance at {address}; the calls go on")
        victim.kill()
        killed = time.monotonic()
        gone_ms: float | None = None
        answered = 0
        while gone_ms is None:
            answered += self._call(m) is not None
            if address not in {node.address for node in m.nodes(SERVICE)}:
                gone_ms = (time.monotonic() - killed) * 1000
            elif time.monotonic() - killed > GONE_WITHIN_S:
                raise server.fault(f"{address} is still in the table {GONE_WITHIN_S:g} s after its process was killed")
        print(f"  the node is gone from the table, {gone_ms:.0f} ms or less after the kill")
        if not answered:
            raise DemoFailed("no call was answered between the kill and the node's end")
        after = [self._call(m) for _ in range(3)]
        if after != [survivor] * 3:
            raise DemoFailed(f"after the node was gone, not every call was answered by {survivor}: {after}")

    def _show_trace(self, m: MDK, names: dict[str, str], server: Child) -> None:
        session = m.session()
        trace_id = json.loads(session.inject())["traceId"]
        session.info("client", "About to ask hello.")
        with session.interaction():
            node = session.resolve(SERVICE, VERSION)
            response = self._get(node, session.inject(), m)
        last = session.info("client", f"It said: {response.text}")

        def whole() -> list[Log] | None:
            logs = [log for log in self._logs if log.context.trace_id == trace_id]
            done = any(log.context.clock.clocks == list(last.causal_level) for log in logs)
            return logs if done and len({log.node for log in logs}) == 2 else None

        logs = wait_for(whole, "trace with the logs of both processes", server, within_s=TRACE_WITHIN_S)
        self._title(f"One request through two processes: trace {trace_id}")
        for line in tree(_entry(log, names) for log in logs):
            print(f"  {line}")

    def _title(self, text: str) -> None:
        print(f"\n{text}", flush=True)


def _entry(log: Log, names: dict[str, str]) -> Entry:
    who = names.get(log.node, log.node)
    return Entry(log.context.clock.clocks, who, log.level.value, f"{log.category}: {log.text}")


if __name__ == "__main__":
    sys.exit(run())
