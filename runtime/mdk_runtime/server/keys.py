"""Keys that tokens are signed with, read from files.

A key is good for one algorithm only, the one of its kind: a secret for HS256, RSA for RS256, Ed25519 for EdDSA. A token
that names another one is refused, so a public key never serves as a secret (RFC 8725 §3.1).
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mdk_runtime.server.errors import BadKey
from mdk_runtime.server.options import reason_of

SECRET_BYTES_MIN: Final = 32
"""RFC 7518 §3.2: as long as the hash."""
RSA_BITS_MIN: Final = 2048
"""RFC 7518 §3.3."""
FILE_BYTES_MAX: Final = 1 << 20
NO_SECRETS: Final = frozenset({".pem", ".pub", ".crt", ".cer", ".der"})
"""Endings of files that hold no secret."""
KEYS_MAX: Final = 100
"""A token without `kid` is tried with each key of its algorithm."""
EXPECTED: Final = "a PEM of an RSA or Ed25519 key, a JWK or JWK set, or a secret of at least 32 bytes"

Verifier: TypeAlias = bytes | RSAPublicKey | Ed25519PublicKey
Signer: TypeAlias = bytes | RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Key:
    """One key."""

    kid: str
    """What a token's header may name it by: of a JWK its `kid`, otherwise the file's name without its ending."""
    algorithm: str
    verifier: Verifier = field(repr=False)
    signer: Signer | None = field(repr=False)
    """None if tokens can be verified only."""

    @property
    def fingerprint(self) -> str:
        """The same for the same key, whatever it is called; the key cannot be had from it."""
        if isinstance(self.verifier, bytes):
            material = self.verifier
        else:
            material = self.verifier.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(b"mdk key " + material).hexdigest()[:16]


def load_keys(paths: Iterable[Path]) -> tuple[Key, ...]:
    """Read files, and the files of folders, without those whose names begin with a dot.

    Raises:
        BadKey: One cannot be read or used, or one name stands for two keys.
    """
    keys: dict[str, tuple[Key, Path]] = {}
    for path in (one for given in paths for one in _files(given)):
        for key in _read(path):
            if len(keys) >= KEYS_MAX and key.kid not in keys:
                raise BadKey(path, f"there are more than {KEYS_MAX} keys")
            known = keys.setdefault(key.kid, (key, path))
            if known[0].fingerprint != key.fingerprint:
                raise BadKey(path, f"its key is called {key.kid!r}, as another one of {known[1]}")
            if known[0].signer is None and key.signer is not None:
                keys[key.kid] = (key, path)
    return tuple(key for key, _ in keys.values())


def _files(path: Path) -> Iterator[Path]:
    try:
        if not path.is_dir():
            yield path
            return
        found = sorted(one for one in path.iterdir() if not one.name.startswith(".") and one.is_file())
    except OSError as error:
        raise BadKey(path, reason_of(error)) from error
    if not found:
        raise BadKey(path, "the folder holds no key")
    yield from found


def _read(path: Path) -> list[Key]:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadKey(path, reason_of(error)) from error
    if len(content) > FILE_BYTES_MAX:
        raise BadKey(path, f"it is larger than {FILE_BYTES_MAX} bytes; expected {EXPECTED}")
    kid = re.sub(r"(\.(pub|pem|key|jwk|json|secret|txt))+$", "", path.name) or path.name
    text = content.removeprefix(codecs.BOM_UTF8).strip()
    if text.startswith((b"{", b"[")):
        return _of_json(path, text, kid)
    if b"-----BEGIN" in text:
        return [_of_pem(path, text, kid)]
    _check_secrecy(path, text, content)
    return [_of_secret(path, text, kid)]


def _check_secrecy(path: Path, secret: bytes, content: bytes) -> None:
    """Refuse what is no secret. Who took another form of a public key for one would let in whoever knows the key.

    Of `content`, the secret is what stands between white space: a key in DER may end with bytes that look like it.
    """
    found = None
    if secret.startswith((b"ssh-", b"ecdsa-", b"sk-ssh-", b"sk-ecdsa-", b"---- BEGIN")):
        found = "a key of OpenSSH"
    elif secret.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        found = "a text in UTF-16"
    elif _is_der(content):
        found = "a key or a certificate in DER"
    elif _is_der(_from_base64(secret)):
        found = "a key or a certificate in DER, as base64"
    if found is not None:
        raise BadKey(path, f"it is {found}; expected {EXPECTED}")
    if path.suffix.lower() in NO_SECRETS:
        raise BadKey(path, f"it is no PEM, as its name says; expected {EXPECTED}")


def _from_base64(text: bytes) -> bytes:
    """What it says, if it is base64."""
    try:
        return b64decode(b"".join(text.split()), validate=True)
    except ValueError:
        return b""


def _is_der(data: bytes) -> bool:
    """True if it is one ASN.1 sequence, as every key and certificate is (X.690 §8.1), and white space behind it."""
    if len(data) < SECRET_BYTES_MIN or data[0] != 0x30:
        return False
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at])
    return len(data) >= at + size and not data[at + size :].strip()


def _of_secret(path: Path, secret: bytes, kid: str) -> Key:
    if len(secret) < SECRET_BYTES_MIN:
        raise BadKey(path, f"{len(secret)} bytes are too short for a secret; expected {EXPECTED}")
    return Key(kid, "HS256", secret, secret)


def _of_pem(path: Path, pem: bytes, kid: str) -> Key:
    try:
        if b"PRIVATE KEY-----" in pem:
            return _of_object(path, load_pem_private_key(pem, password=None), kid)
        return _of_object(path, load_pem_public_key(pem), kid)
    except TypeError as error:
        raise BadKey(path, "it is encrypted; expected a key without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(path, f"it is no usable PEM; expected {EXPECTED}") from error


def _of_object(path: Path, found: object, kid: str) -> Key:
    match found:
        case Ed25519PrivateKey():
            return Key(kid, "EdDSA", found.public_key(), found)
        case Ed25519PublicKey():
            return Key(kid, "EdDSA", found, None)
        case RSAPrivateKey() | RSAPublicKey():
            if found.key_size < RSA_BITS_MIN:
                raise BadKey(path, f"{found.key_size} bits are too few; expected {RSA_BITS_MIN} or more")
            if isinstance(found, RSAPrivateKey):
                return Key(kid, "RS256", found.public_key(), found)
            return Key(kid, "RS256", found, None)
        case _:
            raise BadKey(path, f"its kind is not supported; expected {EXPECTED}")


def _of_json(path: Path, text: bytes, kid: str) -> list[Key]:
    try:
        content = cast("dict[str, Any]", json.loads(text))
        parts = cast("list[dict[str, Any]]", content.get("keys", [content]))
        if parts == []:
            raise BadKey(path, f"it is a JWK set without a key; expected {EXPECTED}")
        several = len(parts) > 1
        return [_of_jwk(path, one, str(one["kid"]) if several else str(one.get("kid") or kid)) for one in parts]
    except KeyError as error:
        raise BadKey(path, f"a JWK lacks {error.args[0]!r}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadKey(path, f"it is no JWK or JWK set; expected {EXPECTED}") from error


def _of_jwk(path: Path, one: dict[str, Any], kid: str) -> Key:
    try:
        found: object = jwt.PyJWK(one).key
    except (jwt.PyJWTError, UnsupportedAlgorithm) as error:
        raise BadKey(path, f"its JWK {kid!r} cannot be used; expected {EXPECTED}") from error
    key = _of_secret(path, found, kid) if isinstance(found, bytes) else _of_object(path, found, kid)
    if one.get("alg", key.algorithm) != key.algorithm:
        raise BadKey(path, f"its JWK {kid!r} is for {one['alg']!r}; expected {key.algorithm}")
    return key
