"""What a token says, and which are refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mdk_runtime.core.server.grants import ORDINARY, Grant, Scope
from mdk_runtime.server import audit
from mdk_runtime.server.errors import TokenRefused
from mdk_runtime.server.keys import load_keys
from mdk_runtime.server.tokens import create, verify
from mdk_runtime.storage.retention import RETENTION_LOCK_NAME
from unit.mdk_runtime.server.keyring import (
    ED25519,
    NOW_S,
    RSA,
    SECRET,
    by_hand,
    public_pem,
    signed,
)


def test_a_token_of_each_key_is_read_again(key_folder: Path) -> None:
    """Tenant, scopes, subject, end, and which key it was."""
    keys = load_keys([key_folder])
    for key in keys:
        made = create(key, tenant="acme", scopes=[Scope.READ], who="ann", now=NOW_S, expires_in_s=60)
        grant = verify(made, keys, now=NOW_S)
        assert grant == Grant("acme", frozenset({Scope.READ}), "ann", NOW_S + 60, key.fingerprint)
        assert (grant.allows(Scope.READ), grant.allows(Scope.ADMIN)) == (True, False)


def test_keys_are_rotated(key_folder: Path, tmp_path: Path) -> None:
    """An old key is good next to a new one until it is taken away; a token without `kid` finds its key."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(SECRET)
    new.write_bytes(b"n" * 32)
    token = signed({"aud": "t"}, kid="old")
    assert verify(token, load_keys([old, new]), now=NOW_S).tenant == "t"
    assert verify(signed({"aud": "t"}), load_keys([new, old, key_folder / "ed.pem"]), now=NOW_S).tenant == "t"
    with pytest.raises(TokenRefused, match="token_invalid"):
        verify(token, load_keys([new]), now=NOW_S)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": "t", "exp": NOW_S - 9}, None),
        ({"aud": "t", "exp": NOW_S - 10}, "token_expired"),
        ({"aud": "t", "nbf": NOW_S + 10}, None),
        ({"aud": "t", "nbf": NOW_S + 11}, "token_not_yet_valid"),
        ({"aud": "t", "iat": NOW_S + 1000}, None),
        ({"aud": ["t"], "iss": "x", "sub": 1, "jti": 1}, None),
        ({"aud": "t", "exp": "soon"}, "token_times"),
        ({"aud": "t", "exp": True}, "token_times"),
        ({"aud": "t", "exp": 1e300}, "token_times"),
        ({"aud": "t", "exp": float("nan")}, "token_times"),
        ({"aud": ["t", "u"]}, "token_audience"),
        ({"aud": "../t"}, "token_audience"),
        ({"aud": "a/b"}, "token_audience"),
        ({"aud": "lock"}, "token_audience"),
        ({"aud": RETENTION_LOCK_NAME}, "token_audience"),
        ({"aud": audit.FILE_NAME}, "token_audience"),
        ({"aud": "lost+found"}, "token_audience"),
        ({"aud": "x" * 101}, "token_audience"),
        ({"aud": "t\n"}, "token_audience"),
        ({"aud": ""}, "token_audience"),
        ({}, "token_audience"),
    ],
)
def test_times_and_audience(claims: dict[str, Any], error: str | None, key_folder: Path) -> None:
    """Ten seconds of leeway; one audience, which can be a folder's name."""
    token, keys = signed(claims), load_keys([key_folder])
    if error is None:
        assert verify(token, keys, now=NOW_S).tenant == "t"
        return
    with pytest.raises(TokenRefused) as caught:
        verify(token, keys, now=NOW_S)
    assert caught.value.error == error


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (None, ORDINARY),
        ("", frozenset[Scope]()),
        ("read admin openid", {Scope.READ, Scope.ADMIN}),
        (["write"], {Scope.WRITE}),
        (7, frozenset[Scope]()),
        ("administrator", frozenset[Scope]()),
    ],
)
def test_scopes(scope: object, granted: frozenset[Scope], key_folder: Path) -> None:
    """Words or a list; unknown ones grant nothing; without any claim what an original client needs."""
    claims = {"aud": "t"} | ({} if scope is None else {"scope": scope})
    assert verify(signed(claims), load_keys([key_folder]), now=NOW_S).scopes == granted


def test_no_algorithm_but_the_keys(key_folder: Path) -> None:
    """A public key is no secret, `none` is nothing, and what is not understood is not let through."""
    (key_folder / "rsa.pem").write_bytes(public_pem(RSA))
    (key_folder / "ed.pem").write_bytes(public_pem(ED25519))
    keys = load_keys([key_folder])
    claims: dict[str, Any] = {"aud": "t"}
    good = signed(claims, key=RSA, algorithm="RS256", kid="rsa")
    assert verify(good, keys, now=NOW_S).tenant == "t"
    forged = [
        *(
            by_hand({"alg": "HS256", "typ": "JWT", **kid}, claims, secret)
            for secret in (public_pem(RSA), public_pem(RSA).strip(), public_pem(ED25519), b"")
            for kid in ({}, {"kid": "rsa"}, {"kid": "ed"}, {"kid": "secret"})
        ),
        *(by_hand({"alg": algorithm}, claims, None) for algorithm in ("none", "None", "NONE", "")),
        by_hand({"alg": None}, claims, None),
        by_hand({"alg": ["HS256"]}, claims, SECRET),
        by_hand({"alg": "HS256", "kid": 7}, claims, SECRET),
        by_hand({"alg": "HS256", "kid": "ed"}, claims, SECRET),
        by_hand({"alg": "HS256", "crit": ["x"], "x": 1}, claims, SECRET),
        by_hand({"alg": "HS384"}, claims, SECRET),
        signed(claims, key=SECRET * 2, algorithm="HS512"),
        signed(claims, key=RSA, algorithm="RS512", kid="rsa"),
        signed(claims, key=RSA, algorithm="PS256", kid="rsa"),
        signed(claims, key=Ed25519PrivateKey.generate(), algorithm="EdDSA", kid="ed"),
        good[:-4],
        good + "A",
        good.replace(".", "", 1),
        "",
        ".",
        "..",
        "a.b.c",
        "ü.ü.ü",
        "\udcff",
        "x" * 100_000,
        base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.",
        base64.urlsafe_b64encode(b"[]").decode() + ".e30.",
    ]
    for token in forged:
        with pytest.raises(TokenRefused) as caught:
            verify(token, keys, now=NOW_S)
        assert str(caught.value) == "token_invalid: the token is not one of this server's", token
