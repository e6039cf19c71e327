"""Keys, tokens and certificates of servers under test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import trustme

SECRET = b"0123456789abcdef0123456789abcdef"


def token(tenant: str = "acme", *, secret: bytes = SECRET, kid: str = "one", **claims: Any) -> str:
    """As `mdk token create` makes them."""
    return jwt.encode({"aud": tenant, **claims}, secret, algorithm="HS256", headers={"kid": kid})


def issue(folder: Path, authority: trustme.CA) -> tuple[str, ...]:
    """A certificate for this machine; the options that name it."""
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return "--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")
