"""Tokens: JWTs that say who may do what in which tenant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import jwt

from mdk_runtime.core.server.grants import ORDINARY, Grant, Scope
from mdk_runtime.server.errors import TokenRefused
from mdk_runtime.server.keys import Key

LEEWAY_S: Final = 10.0
"""Clocks differ by so much."""
TOKEN_CHARS_MAX: Final = 8192
WHO_CHARS_MAX: Final = 200
TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
"""A tenant is a folder's name and stands in logs."""
NO_TENANTS: Final = frozenset({"lock", "retention.lock", "audit.jsonl", "lost+found"})
"""What else is in the data folder; the last where it is the root of a file system."""
TENANT_EXPECTED: Final = "1 to 100 letters, digits and . _ @ + -, the first a letter or digit"

INVALID: Final = "token_invalid"
"""All that a stranger learns: not whether it is the form, the signature, the algorithm or the key's name."""


def is_tenant(name: str) -> bool:
    """True if a tenant may be called so."""
    return bool(TENANT.fullmatch(name)) and name not in NO_TENANTS


def verify(token: str, keys: Sequence[Key], *, now: float) -> Grant:
    """What a token allows.

    Args:
        token: As the client sent it.
        keys: Those of the server.
        now: Seconds since the epoch.

    Raises:
        TokenRefused: Nothing; with what may be told to its bearer.
    """
    if len(token) > TOKEN_CHARS_MAX:
        raise _invalid()
    try:
        header = jwt.get_unverified_header(token)
        kid, algorithm = header.get("kid"), header.get("alg")
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _invalid() from error
    for key in keys:
        if key.algorithm == algorithm and kid in (None, key.kid):
            try:
                claims = _claims(token, key)
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
                continue
            return _grant(claims, key, now)
    raise _invalid()


def _invalid() -> TokenRefused:
    return TokenRefused(INVALID, "the token is not one of this server's")


def _claims(token: str, key: Key) -> Mapping[str, Any]:
    """The content, if the signature is the key's. Its times and audience are ours to judge: against one clock."""
    names = ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti")
    options = cast("Any", dict.fromkeys(names, False))
    return jwt.decode(token, key.verifier, algorithms=[key.algorithm], options=options)


def _grant(claims: Mapping[str, Any], key: Key, now: float) -> Grant:
    expires_at, begins_at = _time(claims, "exp"), _time(claims, "nbf")
    if expires_at is not None and now >= expires_at + LEEWAY_S:
        raise TokenRefused("token_expired", "the token has expired; get a new one")
    if begins_at is not None and now < begins_at - LEEWAY_S:
        raise TokenRefused("token_not_yet_valid", "the token is not valid yet; are the clocks right?")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(cast("list[object]", audience)) == 1:
        audience = cast("list[object]", audience)[0]
    if not isinstance(audience, str) or not is_tenant(audience):
        raise TokenRefused("token_audience", f"the token's aud names no tenant; expected {TENANT_EXPECTED}")
    subject = claims.get("sub")
    who = subject[:WHO_CHARS_MAX] if isinstance(subject, str) else ""
    return Grant(audience, _scopes(claims), who, expires_at, key.fingerprint)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise TokenRefused("token_times", f"the token's {name} is no time; expected seconds since 1970")
    return float(value)


def _scopes(claims: Mapping[str, Any]) -> frozenset[Scope]:
    """Those of `scope`, words with blanks between (RFC 8693 §4.2) or a list. Words of others are not ours to judge."""
    said = claims.get("scope")
    if said is None:
        return ORDINARY
    words = said.split() if isinstance(said, str) else cast("Sequence[object]", said if isinstance(said, list) else ())
    return frozenset(scope for scope in Scope if scope.value in words)


def create(
    key: Key, *, tenant: str, scopes: Iterable[Scope] | None, who: str, now: float, expires_in_s: float | None
) -> str:
    """A token. The key must be able to sign; the tenant must be one (`is_tenant`)."""
    assert key.signer is not None, "callers choose a key that signs"
    claims: dict[str, Any] = {"aud": tenant, "iat": int(now)}
    if expires_in_s is not None:
        claims["exp"] = int(now + expires_in_s)
    if scopes is not None:
        wanted = frozenset(scopes)
        claims["scope"] = " ".join(scope.value for scope in Scope if scope in wanted)
    if who:
        claims["sub"] = who
    return jwt.encode(claims, key.signer, algorithm=key.algorithm, headers={"kid": key.kid})
