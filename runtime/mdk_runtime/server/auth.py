"""Who is let in: by keys where there are some, and without them as a tenant of the token's own."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from mdk_runtime.core.server.grants import Grant
from mdk_runtime.server.attempts import Attempts
from mdk_runtime.server.errors import BadKey, PackagesMissing, TokenRefused
from mdk_runtime.server.settings import AUTH_FAILURES_MAX
from mdkspec_runtime.links.accepting import Refusal

if TYPE_CHECKING:
    from mdk_runtime.server.keys import Key

DEFAULT_TENANT = "default"
"""Of clients without a token, where there are no keys."""

logger = logging.getLogger("mdk.server.auth")


class Gate:
    """Turns tokens into grants.

    Args:
        paths: Of the keys; none at all for development.
        failures_max: See `Attempts`.
        wall: Seconds since the epoch.
        monotonic: Seconds.

    Raises:
        BadKey: A key cannot be used.
        PackagesMissing: Keys want packages that are not installed.
    """

    def __init__(
        self,
        paths: Sequence[Path] = (),
        *,
        failures_max: int = AUTH_FAILURES_MAX,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = tuple(paths)
        self._attempts = Attempts(failures_max)
        self._wall = wall
        self._monotonic = monotonic
        self.keys: tuple[Key, ...] = _load(self._paths)
        self.failures: Counter[str] = Counter()
        """Refused by their `error`."""

    @property
    def has_keys(self) -> bool:
        """False in development, where everybody is let in."""
        return bool(self._paths)

    def reload(self) -> bool:
        """Read the keys again; False if they cannot be used, and those of before hold."""
        try:
            self.keys = _load(self._paths)
        except BadKey as error:
            logger.error("the keys are not read again, those of before hold: %s", error)
            return False
        logger.info("keys: %s", self.keys_shown)
        return True

    @property
    def keys_shown(self) -> str:
        """Their names and algorithms, for the log."""
        return ", ".join(f"{key.kid} ({key.algorithm})" for key in self.keys)

    def admit(self, token: str, address: str) -> Grant | Refusal:
        """What the bearer of a token may do, or why it is not let in."""
        if not self.has_keys:
            return Grant(tenant_of(token))
        answer = self._verified(token, address)
        if isinstance(answer, Refusal):
            self.failures[answer.error] += 1
        return answer

    def _verified(self, token: str, address: str) -> Grant | Refusal:
        from mdk_runtime.server.tokens import INVALID, verify

        if not token:
            return _unauthorized("token_missing", "a token is needed: ?token=TOKEN, or Authorization: Bearer TOKEN")
        now = self._monotonic()
        wait_s = self._attempts.wait_s(address, token, now=now)
        if wait_s:
            seconds = str(int(wait_s) + 1)
            detail = f"too many refused tokens from this address; wait {seconds} s"
            return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too_many_failures", detail, {"Retry-After": seconds})
        try:
            grant = verify(token, self.keys, now=self._wall())
        except TokenRefused as refused:
            if refused.error == INVALID:  # One that was good once is nobody's guess.
                self._attempts.failed(address, token, now=now)
            return _unauthorized(refused.error, refused.detail)
        self._attempts.succeeded(token)
        return grant


def _unauthorized(error: str, detail: str) -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, error, detail, {"WWW-Authenticate": "Bearer"})


def tenant_of(token: str) -> str:
    """The name of a token's tenant where there are no keys, safe in a log: the token cannot be had from it."""
    if not token:
        return DEFAULT_TENANT
    return f"token-{hashlib.sha256(token.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"


def _load(paths: Sequence[Path]) -> tuple[Key, ...]:
    if not paths:
        return ()
    try:
        from mdk_runtime.server.keys import load_keys
    except ImportError as error:
        raise PackagesMissing("--key") from error
    return load_keys(paths)
