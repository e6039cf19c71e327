"""Keys, tokens, and who is let in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mdk_runtime.cli import main
from mdk_runtime.core.server.grants import EVERYTHING, ORDINARY, Grant, Scope
from mdk_runtime.server import attempts as attempts_module
from mdk_runtime.server import audit, auth
from mdk_runtime.server.attempts import Attempts
from mdk_runtime.server.auth import DEFAULT_TENANT, Gate, tenant_of
from mdk_runtime.server.errors import BadKey, PackagesMissing, TokenRefused
from mdk_runtime.server.keys import Key, load_keys
from mdk_runtime.server.tokens import create, verify
from mdk_runtime.storage.retention import RETENTION_LOCK_NAME
from mdkspec_runtime.links.aio import Refusal

NOW_S = 1_800_000_000.0
SECRET = b"0123456789abcdef0123456789abcdef"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.generate()
PUBLIC_DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    """PKCS #8."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return found


def public_pem(key: Any) -> bytes:
    """SubjectPublicKeyInfo."""
    found: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key of each kind: `secret`, `rsa`, `ed`; what is hidden is no key."""
    path = tmp_path / "keys"
    path.mkdir()
    (path / "secret.key").write_bytes(SECRET + b"\n")
    (path / "rsa.pem").write_bytes(private_pem(RSA))
    (path / "ed.pem").write_bytes(private_pem(ED25519))
    (path / ".hidden").write_bytes(b"x")
    return path


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


# --- keys -----------------------------------------------------------------------------------------


def test_keys_of_all_kinds(folder: Path) -> None:
    """Each with its one algorithm; a private key signs, a public one only verifies, and both are one key."""
    keys = keys_of(folder)
    assert {kid: key.algorithm for kid, key in keys.items()} == {"ed": "EdDSA", "rsa": "RS256", "secret": "HS256"}
    assert all(key.signer is not None for key in keys.values())
    (folder / "ed.pem").write_bytes(public_pem(ED25519))
    (folder / "rsa.pem").write_bytes(public_pem(RSA))
    public = keys_of(folder)
    assert public["ed"].signer is public["rsa"].signer is None
    assert [public[kid].fingerprint for kid in keys] == [keys[kid].fingerprint for kid in keys]
    assert len({key.fingerprint for key in keys.values()}) == 3
    (folder / "rsa.key").write_bytes(private_pem(RSA))
    assert keys_of(folder)["rsa"].signer is not None, "of two forms of one key the one that signs is kept"
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


def test_what_keys_together_cannot_be(folder: Path, tmp_path: Path) -> None:
    """One name for two keys, an empty folder, none at all, a JWK for another algorithm, too many."""
    other = tmp_path / "secret"
    other.write_bytes(b"y" * 32)
    with pytest.raises(BadKey, match="its key is called 'secret', as another one of"):
        load_keys([folder, other])
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


# --- tokens ---------------------------------------------------------------------------------------


def test_a_token_of_each_key_is_read_again(folder: Path) -> None:
    """Tenant, scopes, subject, end, and which key it was."""
    keys = load_keys([folder])
    for key in keys:
        made = create(key, tenant="acme", scopes=[Scope.READ], who="ann", now=NOW_S, expires_in_s=60)
        grant = verify(made, keys, now=NOW_S)
        assert grant == Grant("acme", frozenset({Scope.READ}), "ann", NOW_S + 60, key.fingerprint)
        assert (grant.allows(Scope.READ), grant.allows(Scope.ADMIN)) == (True, False)


def test_keys_are_rotated(folder: Path, tmp_path: Path) -> None:
    """An old key is good next to a new one until it is taken away; a token without `kid` finds its key."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(SECRET)
    new.write_bytes(b"n" * 32)
    token = signed({"aud": "t"}, kid="old")
    assert verify(token, load_keys([old, new]), now=NOW_S).tenant == "t"
    assert verify(signed({"aud": "t"}), load_keys([new, old, folder / "ed.pem"]), now=NOW_S).tenant == "t"
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
def test_times_and_audience(claims: dict[str, Any], error: str | None, folder: Path) -> None:
    """Ten seconds of leeway; one audience, which can be a folder's name."""
    token, keys = signed(claims), load_keys([folder])
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
def test_scopes(scope: object, granted: frozenset[Scope], folder: Path) -> None:
    """Words or a list; unknown ones grant nothing; without any claim what an original client needs."""
    claims = {"aud": "t"} | ({} if scope is None else {"scope": scope})
    assert verify(signed(claims), load_keys([folder]), now=NOW_S).scopes == granted


def test_no_algorithm_but_the_keys(folder: Path) -> None:
    """A public key is no secret, `none` is nothing, and what is not understood is not let through."""
    (folder / "rsa.pem").write_bytes(public_pem(RSA))
    (folder / "ed.pem").write_bytes(public_pem(ED25519))
    keys = load_keys([folder])
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


# --- the gate -------------------------------------------------------------------------------------


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = NOW_S

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_without_keys_each_token_is_its_own_tenant() -> None:
    """A folder name from which the token cannot be had, the same each time, another for another token."""
    gate = Gate()
    names = {tenant_of(token) for token in ("a", "b", "../../etc", "a/b", "ü\udcff", "default", "x" * 5000)}
    assert len(names) == 7
    assert all(name.removeprefix("token-").isalnum() and len(name) == 38 for name in names)
    assert gate.admit("a", "h") == Grant(tenant_of("a"), EVERYTHING)
    assert gate.admit("", "h") == Grant(DEFAULT_TENANT, EVERYTHING)
    assert DEFAULT_TENANT not in names


def test_who_is_refused(folder: Path) -> None:
    """401 with a word for programs and a text for people, counted by the word."""
    gate = Gate([folder], wall=Clock(), monotonic=Clock())
    for token, error in (
        ("", "token_missing"),
        ("x", "token_invalid"),
        (signed({"aud": "t", "exp": 1}), "token_expired"),
    ):
        denial = gate.admit(token, "h")
        assert isinstance(denial, Refusal)
        assert (denial.status, denial.error) == (HTTPStatus.UNAUTHORIZED, error)
        assert denial.headers == {"WWW-Authenticate": "Bearer"}
        assert gate.failures[error] == 1
    assert gate.admit(signed({"aud": "t"}), "h") == Grant("t", ORDINARY, key=keys_of(folder)["secret"].fingerprint)


def test_too_many_failures(folder: Path) -> None:
    """After so many an address waits, also with a new token that is good; the others and known good tokens don't."""
    clock = Clock()
    gate = Gate([folder], failures_max=3, wall=clock, monotonic=clock)
    known, fresh = signed({"aud": "t"}), signed({"aud": "u"})
    assert isinstance(gate.admit(known, "1.2.3.4"), Grant)
    for _ in range(3):
        assert isinstance(gate.admit("wrong", "1.2.3.4"), Refusal)
    for token in ("wrong", fresh):
        denial = gate.admit(token, "::ffff:1.2.3.4")
        assert isinstance(denial, Refusal)
        assert (denial.status, denial.headers) == (HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "21"})
        assert denial.error == "too_many_failures"
    assert isinstance(gate.admit(known, "1.2.3.4"), Grant)
    assert isinstance(gate.admit(fresh, "1.2.3.5"), Grant)
    clock.now += 20.001
    assert isinstance(gate.admit("wrong", "1.2.3.4"), Refusal)
    assert gate.failures == {"token_invalid": 4, "too_many_failures": 2}
    for _ in range(10):
        assert isinstance(gate.admit("", "5.5.5.5"), Refusal)
        assert isinstance(gate.admit(signed({"aud": "t", "exp": 1}), "5.5.5.5"), Refusal)
    fine = gate.admit(signed({"aud": "v"}), "5.5.5.5")
    assert isinstance(fine, Grant), "who shows none, or one that was good once, guesses nothing"


def test_attempts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses and tokens come; a /64 counts as one; 0 counts nothing."""
    monkeypatch.setattr(attempts_module, "ADDRESSES_MAX", 10)
    monkeypatch.setattr(attempts_module, "GOOD_MAX", 10)
    attempts = Attempts(1)
    for number in range(100):
        attempts.failed(f"10.0.0.{number}", "t", now=0.0)
        attempts.succeeded(str(number))
    assert len(attempts) == 10
    assert attempts.wait_s("10.0.0.99", "x", now=0.0) == 60.0
    assert attempts.wait_s("10.0.0.99", "99", now=0.0) == attempts.wait_s("10.0.0.1", "x", now=0.0) == 0.0
    assert attempts.wait_s("10.0.0.99", "1", now=0.0) == 60.0
    attempts.failed("2001:db8::1%eth0", "t", now=0.0)
    assert attempts.wait_s("2001:db8::ffff", "x", now=0.0) == 60.0
    assert attempts.wait_s("2001:db8:0:1::1", "x", now=0.0) == 0.0
    assert attempts.wait_s("no address", "x", now=0.0) == 0.0
    unlimited = Attempts(0)
    unlimited.failed("h", "t", now=0.0)
    unlimited.succeeded("t")
    assert (len(unlimited), unlimited.wait_s("h", "t", now=0.0)) == (0, 0.0)


def test_keys_are_read_again(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On request; if they cannot be used, those of before hold, and the log says why."""
    gate = Gate([folder])
    (folder / "secret.key").write_bytes(b"short")
    assert not gate.reload()
    assert "those of before hold: the key" in caplog.text
    assert isinstance(gate.admit(signed({"aud": "t"}), "h"), Grant)
    (folder / "secret.key").write_bytes(b"n" * 32)
    with caplog.at_level("INFO"):
        assert gate.reload()
    assert "keys: ed (EdDSA), rsa (RS256), secret (HS256)" in caplog.text
    assert isinstance(gate.admit(signed({"aud": "t"}), "h"), Refusal)
    assert Gate().reload()


def test_without_the_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "mdk_runtime.server.keys", None)
    with pytest.raises(
        PackagesMissing, match=r'--key needs packages that are not installed: pip install "mdk\[server\]"'
    ):
        Gate([folder])
    assert auth.Gate().admit("x", "h")


# --- the command ----------------------------------------------------------------------------------


def test_create_and_verify(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made is read, from an argument or stdin; `verify` fails where a server would refuse."""
    given = ["token", "create", "--key", str(folder), "--kid", "ed", "--tenant", "acme", "--scope", "read,admin"]
    assert main([*given, "--expires", "12h", "--subject", "ann"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["token", "verify", "--key", str(folder), token]) == 0
    monkeypatch.setattr("sys.stdin", StringIO(f"{token}\n"))
    assert main(["token", "verify", "--key", str(folder / "ed.pem")]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert shown[0] == shown[1]
    assert shown[0].pop("expires").endswith("+00:00")
    assert shown[0] == {"tenant": "acme", "scopes": ["read", "admin"], "subject": "ann", "key": "ed"}
    assert main(["token", "verify", "--key", str(folder / "rsa.pem"), token]) == 1
    assert capsys.readouterr().err == "mdk: token_invalid: the token is not one of this server's\n"
    assert main(["token", "create", "--key", str(folder / "secret.key"), "--tenant", "t", "--expires", "never"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["token", "verify", "--key", str(folder), token]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "tenant": "t", "scopes": ["read", "register", "write"], "subject": "", "expires": None, "key": "secret"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--tenant", "t"], "--kid is missing; there are ed, rsa, secret"),
        (["--tenant", "t", "--kid", "x"], "there is no key called 'x' that signs; expected a secret or a private key"),
        (["--tenant", "../x"], "--tenant is '../x'; expected 1 to 100 letters, digits and . _ @ + -"),
        (["--tenant", "t", "--kid", "ed", "--scope", "root"], "--scope has 'root'; expected words of read, register"),
        (["--tenant", "t", "--kid", "ed", "--expires", "x"], "--expires is 'x'; expected seconds, 0 or more, such as"),
    ],
)
def test_what_no_token_is_made_of(
    given: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what would be right."""
    assert main(["token", "create", "--key", str(folder), *given]) == 1
    assert capsys.readouterr().err.startswith(f"mdk: {said}")
