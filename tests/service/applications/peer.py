"""One MDK that does what it is told, a JSON object a line.

It runs on the original under Python 3.6 and on ours: only names that both have, and only syntax of 3.6.
"""

import json
import sys
import traceback
from typing import Any

import mdk

CATEGORY = "peer"
VERSION = "1.0"
heard = []  # type: ignore[var-annotated]  # Python 3.6 has no list[str]


class Peer:
    """Each method is a command."""

    def __init__(self) -> None:
        self.mdk = mdk.init()  # type: Any
        # A handler that comes after the connection is not told to an original's server.
        getattr(self.mdk, "_tracer", self.mdk).subscribe(self._hear)
        self.mdk.start()

    def _hear(self, event: Any) -> None:
        if event.category == CATEGORY:
            heard.append(event.text)

    def register(self, service: str, address: str) -> None:
        """Offer a service."""
        self.mdk.register(service, VERSION, address)

    def resolve(self, service: str) -> str:
        """The address of a node."""
        return str(self.mdk.session().resolve(service, VERSION).address)

    def begin(self, text: str) -> str:
        """A new session that says something, as it travels."""
        session = self.mdk.session()
        session.setProperty("from", text)
        session.info(CATEGORY, text)
        return str(session.externalize())

    def join(self, encoded: str, text: str) -> str:
        """Go on with the other's session; the property that came with it."""
        session = self.mdk.join(encoded)
        session.info(CATEGORY, text)
        return str(session.getProperty("from"))

    def interact(self, service: str) -> None:
        """One interaction that uses a node."""
        session = self.mdk.session()
        session.start_interaction()
        session.resolve(service, VERSION)
        session.finish_interaction()

    def heard(self) -> Any:
        """What was logged by anybody."""
        return heard

    def stop(self) -> None:
        """The orderly end."""
        self.mdk.stop()


def main() -> None:
    """Until there are no more commands."""
    peer = Peer()
    print("ready", mdk.__file__, flush=True)
    for number, line in enumerate(sys.stdin):
        command = json.loads(line)
        try:
            result = getattr(peer, command["do"])(*command["with"])
        except Exception:
            traceback.print_exc()
            result = "FAILED"
        print("answer %d: %s" % (number, json.dumps(result)), flush=True)  # noqa: UP031  # as in 2016


if __name__ == "__main__":
    main()
