"""Keys of each kind, made anew by each process that runs tests, and tokens as anybody may make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mdk_runtime.server.keys import Key, load_keys

NOW_S = 1_800_000_000.0
SECRET = b"0123456789abcdef0123456789abcdef"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.generate()


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    """PKCS #8."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return found


def public_pem(key: Any) -> bytes:
    """SubjectPublicKeyInfo."""
    found: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found


def keys_of(folder: Path) -> dict[str, Key]:
    """By kid."""
    return {key.kid: key for key in load_keys([folder])}


def signed(claims: Mapping[str, Any], *, key: Any = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    """A token as anybody may make one."""
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers=headers)


def by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """A token that no library would make."""
    encode = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)]
    signed_part = b".".join(encode)
    signature = b"" if secret is None else hmac.digest(secret, signed_part, hashlib.sha256)
    return (signed_part + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
