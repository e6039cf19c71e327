"""Questions to a server's `/api`, for the command line: what has been stored."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from mdk_runtime.errors import ConfigurationError, MDKError

DEFAULT_HTTP_URL = "http://127.0.0.1:8080"
"""Where `mdk server` listens for HTTP when nothing is set."""
ANSWER_WITHIN_S = 30.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024
PAGE_ROWS_MAX = 1000
"""The most that a server gives at a time."""


class QueryFailed(MDKError):
    """A server's HTTP side did not answer, or refused."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.url = url
        self.reason = reason
        self.status = status
        """Of HTTP; None if nothing that we can read has come."""
        super().__init__(url, reason)

    def __str__(self) -> str:
        hint = "; see --http and MDK_HTTP_URL" if self.status is None else ""
        return f"{self.url} does not answer the question: {self.reason}{hint}"


class HttpQueries:
    """Asks one server.

    Args:
        url: Of its HTTP side: `http://host:port`, or https.
        token: As for the protocol; sent as `Authorization: Bearer`, never in the URL.
        ca_file: Certificates that an https server may be signed by, instead of the system's.
    """

    def __init__(self, url: str, token: str | None, ca_file: str | None = None) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConfigurationError("MDK_HTTP_URL", url, f"a URL such as {DEFAULT_HTTP_URL}")
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._tls: ssl.SSLContext | None = None
        if ca_file and url.startswith("https:"):
            self._tls = _trusted(ca_file)

    def logs(self, limit: int, **filters: str | None) -> list[dict[str, Any]]:
        """The newest that fit, the oldest of them first; of one trace, its oldest in their order."""
        if filters.get("trace"):
            return list(self._rows("/api/logs", limit, {**filters, "order": "oldest"}))
        return list(self._rows("/api/logs", limit, filters))[::-1]

    def trace(self, trace_id: str, limit: int) -> list[dict[str, Any]]:
        """Everything of a trace, in causal order. Raises QueryFailed if there is nothing."""
        return list(self._rows(f"/api/traces/{quote(trace_id, safe='')}", limit, {}))

    def _rows(self, path: str, limit: int, filters: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
        """Page after page, until there is no more or it is enough."""
        given = {name: value for name, value in filters.items() if value}
        left, cursor = limit, None
        while left > 0:
            page = {"limit": str(min(left, PAGE_ROWS_MAX))} | ({"cursor": cursor} if cursor else {})
            answer = self._ask(f"{path}?{urlencode({**given, **page})}")
            items: object = answer.get("items")
            following: object = answer.get("next")
            if not isinstance(items, list):
                raise QueryFailed(self._url, "its answer has no items")
            rows = cast("list[dict[str, Any]]", items)[:left]
            yield from rows
            left -= len(rows)
            if not isinstance(following, str) or following == cursor:
                return
            cursor = following

    def _ask(self, target: str) -> dict[str, Any]:
        request = Request(f"{self._url}{target}", headers=self._headers)  # noqa: S310  # http or https, checked
        try:
            with urlopen(request, timeout=ANSWER_WITHIN_S, context=self._tls) as response:  # noqa: S310  # as above
                body = response.read(ANSWER_BYTES_MAX + 1)
        except HTTPError as error:
            with error:
                raise QueryFailed(self._url, _refusal(error.code, error.read(10_000)), error.code) from error
        except URLError as error:
            raise QueryFailed(self._url, str(error.reason)) from error
        except (OSError, HTTPException, ValueError) as error:
            raise QueryFailed(self._url, f"{type(error).__name__}: {error}") from error
        answer = _json(body) if len(body) <= ANSWER_BYTES_MAX else None
        if answer is None:
            raise QueryFailed(self._url, "its answer is no JSON object, so it may be no MDK server")
        return answer


def _refusal(status: int, body: bytes) -> str:
    """What the server says, in its own words."""
    said = _json(body) or {}
    detail = ", ".join(str(said[name]) for name in ("error", "detail") if said.get(name))
    return f"HTTP {status}: {detail}" if detail else f"HTTP {status}"


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _trusted(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("MDK_CA_FILE", ca_file, f"a file of certificates in PEM ({error})") from error
