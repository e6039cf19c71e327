"""The MDK in requests: the session's context and deadline on every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    import requests
    import urllib3
except ImportError as error:
    raise ImportError('mdk.requests needs requests: pip install "mdk[requests]"') from error

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession


def requests_session(session: BaseSession) -> requests.Session:
    """A requests.Session whose calls carry an MDK session and end by its deadline.

    A timeout that is given to a call holds if it is shorter. After the deadline a call raises requests.Timeout. The
    timeouts of requests are for connecting, and for each wait for the next bytes: a body that trickles in may take longer.
    """
    return _Session(session)


class _Session(requests.Session):
    def __init__(self, session: BaseSession) -> None:
        super().__init__()
        self._mdk_session = session

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self._mdk_session.inject_headers(request.headers)
        remaining = self._mdk_session.get_remaining_time()
        if remaining is not None:
            if remaining <= 0:
                raise requests.Timeout(
                    f"the session's deadline passed {-remaining:.1f} s ago, before {request.method} {request.url}",
                    request=request,
                )
            options["timeout"] = _shorter(options.get("timeout"), remaining)
        return super().send(request, **options)


def _shorter(timeout: Any, remaining: float) -> Any:
    """A timeout of requests is a number, None, one for connecting and one for reading, or one of urllib3."""
    if timeout is None:
        return remaining
    if isinstance(timeout, urllib3.Timeout):
        bounded = timeout.clone()
        bounded.total = _shorter(timeout.total, remaining)
        return bounded
    if isinstance(timeout, tuple):
        return tuple(_shorter(part, remaining) for part in timeout)  # pyright: ignore[reportUnknownVariableType]
    return min(timeout, remaining)
