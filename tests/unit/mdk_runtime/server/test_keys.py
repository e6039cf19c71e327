"""What is a key, and what is none."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mdk_runtime.server.errors import BadKey
from mdk_runtime.server.keys import load_keys
from unit.mdk_runtime.server.keyring import (
    ED25519,
    RSA,
    SECRET,
    keys_of,
    private_pem,
    public_pem,
)

PUBLIC_DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_keys_of_all_kinds(key_folder: Path) -> None:
    """Each with its one algorithm; a private key signs, a public one only verifies, and both are one key."""
    keys = keys_of(key_folder)
    assert {kid: key.algorithm for kid, key in keys.items()} == {"ed": "EdDSA", "rsa": "RS256", "secret": "HS256"}
    assert all(key.signer is not None for key in keys.values())
    (key_folder / "ed.pem").write_bytes(public_pem(ED25519))
    (key_folder / "rsa.pem").write_bytes(public_pem(RSA))
    public = keys_of(key_folder)
    assert public["ed"].signer is public["rsa"].signer is None
    assert [public[kid].fingerprint for kid in keys] == [keys[kid].fingerprint for kid in keys]
    assert len({key.fingerprint for key in keys.values()}) == 3
    (key_folder / "rsa.key").write_bytes(private_pem(RSA))
    assert keys_of(key_folder)["rsa"].signer is not None, "of two forms of one key the one that signs is kept"
    assert SECRET.decode() not in repr(keys)


def test_jwks(tmp_path: Path) -> None:
    """One JWK, or a set of them, each with its `kid`."""
    file = tmp_path / "name.jwk"
    secret = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET).decode().rstrip("=")}
    file.write_text(json.dumps(secret))
    assert [(key.kid, key.verifier) for key in load_keys([file])] == [("name", SECRET)]
    public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(ED25519.public_key()))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert [key.verifier for key in load_keys([file])] == [SECRET], "an editor may mark a text as UTF-8"
    file.write_text(json.dumps({"keys": [secret | {"kid": "a", "alg": "HS256"}, public | {"kid": "b"}]}))
    assert [(key.kid, key.algorithm) for key in load_keys([file])] == [("a", "HS256"), ("b", "EdDSA")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"short", "5 bytes are too short for a secret; expected a PEM of an RSA or Ed25519 key"),
        (b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "it is no usable PEM"),
        (private_pem(ED25519, b"password"), "it is encrypted; expected a key without a password"),
        (private_pem(rsa.generate_private_key(65537, 1024)), "1024 bits are too few; expected 2048 or more"),
        (private_pem(ec.generate_private_key(ec.SECP256R1())), "its kind is not supported"),
        (b"{", "it is no JWK or JWK set"),
        (b'{"keys": 1}', "it is no JWK or JWK set"),
        (b'{"keys": [{"kty": "oct", "k": "x"}, {}]}', "a JWK lacks 'kid'"),
        (b'{"kty": "oct"}', "a JWK lacks 'k'"),
        (b'{"keys": []}', "it is a JWK set without a key"),
        (b'{"kty": "oct", "k": "eHh4"}', "3 bytes are too short for a secret"),
        (PUBLIC_DER, "it is a key or a certificate in DER"),
        (PUBLIC_DER[:-1] + b"\x0b", "it is a key or a certificate in DER"),
        (PUBLIC_DER + b"\r\n", "it is a key or a certificate in DER"),
        (base64.b64encode(PUBLIC_DER), "it is a key or a certificate in DER, as base64"),
        (base64.encodebytes(PUBLIC_DER), "it is a key or a certificate in DER, as base64"),
        (RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "it is a key or a certificate in DER"),
        (RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1), "it is a key or a certificate in DER"),
        (ED25519.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" me", "it is a key of OpenSSH"),
        (RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), "it is a key of OpenSSH"),
        (public_pem(RSA).decode().encode("utf-16"), "it is a text in UTF-16"),
        (b"[1]", "it is no JWK or JWK set"),
        (b"---- BEGIN SSH2 PUBLIC KEY ----\n" + b"x" * 60, "it is a key of OpenSSH"),
        (b"x" * 2_000_000, "it is larger than 1048576 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # Keys are made anew by each process that runs tests.
)
def test_what_is_no_key(content: bytes, said: str, tmp_path: Path) -> None:
    """Said with the file and what would be right; never with what is in it."""
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(BadKey) as caught:
        load_keys([file])
    assert str(caught.value).startswith(f"the key {file} cannot be used: {said}")


@pytest.mark.parametrize("name", ["key.pem", "key.pub", "key.CRT", "key.der"])
def test_a_file_that_is_called_a_key_is_no_secret(name: str, tmp_path: Path) -> None:
    """What is broken or of another form was perhaps no secret before: whoever knows it could sign."""
    file = tmp_path / name
    file.write_bytes(b"x" * 50)
    with pytest.raises(BadKey, match=r"it is no PEM, as its name says; expected a PEM of an RSA or Ed25519 key"):
        load_keys([file])


def test_what_keys_together_cannot_be(key_folder: Path, tmp_path: Path) -> None:
    """One name for two keys, an empty key_folder, none at all, a JWK for another algorithm, too many."""
    other = tmp_path / "secret"
    other.write_bytes(b"y" * 32)
    with pytest.raises(BadKey, match="its key is called 'secret', as another one of"):
        load_keys([key_folder, other])
    with pytest.raises(BadKey, match="No such file or directory"):
        load_keys([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadKey, match="the folder holds no key"):
        load_keys([tmp_path / "empty"])
    other.write_text(json.dumps({"kty": "oct", "k": base64.b64encode(b"z" * 48).decode(), "alg": "HS384"}))
    with pytest.raises(BadKey, match="its JWK 'secret' is for 'HS384'; expected HS256"):
        load_keys([other])
    many = tmp_path / "many"
    many.mkdir()
    for number in range(101):
        (many / str(number)).write_bytes(os.urandom(48).hex().encode())
    with pytest.raises(BadKey, match="there are more than 100 keys"):
        load_keys([many])
