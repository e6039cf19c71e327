"""What a connecting client must bring, and where its token stands.

An original client writes its token into the URL as it is: blanks are not escaped, and what follows `#` or `&` is
not part of it. It repeats the URL in `Origin`. So neither may ever come into a log.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import unquote

from websockets.datastructures import Headers

from mdkspec_runtime.links.accepting import Handshake, Refusal


def refusal_of(handshake: Handshake) -> Refusal | None:
    """Why this is no client of ours, as JSON; None if it may be."""
    headers = handshake.headers
    if "websocket" not in _said(headers, "Upgrade").lower():
        return Refusal(
            HTTPStatus.UPGRADE_REQUIRED,
            "upgrade_required",
            "this is a WebSocket server; connect to it with an MDK",
            {"Upgrade": "websocket"},
        )
    if _said(headers, "Sec-WebSocket-Version") != "13":
        return Refusal(
            HTTPStatus.UPGRADE_REQUIRED, "websocket_version", "expected version 13", {"Sec-WebSocket-Version": "13"}
        )
    if not _said(headers, "Sec-WebSocket-Key"):
        return Refusal(HTTPStatus.BAD_REQUEST, "websocket_key", "the header Sec-WebSocket-Key is missing")
    if any(not _is_ours(origin) for origin in headers.get_all("Origin")):
        return Refusal(HTTPStatus.FORBIDDEN, "origin", "web pages may not connect to this port")
    return None


def _said(headers: Headers, name: str) -> str:
    """A header's value; those of one that comes several times, as one list (RFC 9110 §5.3)."""
    return ", ".join(headers.get_all(name))


def _is_ours(origin: str) -> bool:
    """Originals send their ws URL. A browser sends http, https, null (a sandboxed frame) or an extension's scheme."""
    return origin.lower().startswith(("ws:", "wss:"))


def token_in_query(query: str) -> str:
    """The token in a URL's query; empty if there is none."""
    for item in query.partition("#")[0].split("&"):
        name, _, value = item.partition("=")
        if name == "token" and value:
            return unquote(value)
    return ""


def token_of(query: str, headers: Headers) -> str:
    """The token, from the query or from `Authorization: Bearer`; empty if there is none."""
    token = token_in_query(query)
    if token:
        return token
    scheme, _, credentials = _said(headers, "Authorization").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""
