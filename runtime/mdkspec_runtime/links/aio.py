"""Links for asyncio, on the `websockets` library: `ClientLink` connects, `serve` accepts. What applications import."""

from mdkspec_runtime.links.accepting import Handshake, Listener, Refusal, serve
from mdkspec_runtime.links.connecting import ClientLink, shown_url
from mdkspec_runtime.links.limits import PING_EVERY_S

__all__ = ["PING_EVERY_S", "ClientLink", "Handshake", "Listener", "Refusal", "serve", "shown_url"]
