"""`mdk token create` and `mdk token verify`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mdk_runtime.commands.statuses import FAILED, FINE
from mdk_runtime.core.server.grants import Scope
from mdk_runtime.errors import MDKError
from mdk_runtime.server.errors import PackagesMissing, TokenRefused
from mdk_runtime.server.options import SECONDS, Unreadable

if TYPE_CHECKING:
    from mdk_runtime.server.keys import Key

SCOPES_ASKED: Final = "read,register,write"
NEVER: Final = "never"
TOKEN_BYTES_MAX: Final = 1 << 16


class TokenCommandFailed(MDKError):
    """A token cannot be made of what was given."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return self.reason


def add(commands: Any) -> None:
    """Add them to the parser."""
    token = commands.add_parser("token", help="make and read the tokens that clients show to a server with keys")
    acts = token.add_subparsers(title="commands", required=True, metavar="COMMAND")
    create = acts.add_parser("create", help="print a new token")
    create.add_argument("--key", type=Path, required=True, metavar="PATH", help="secret or private key, or a folder")
    create.add_argument("--kid", help="which of several keys")
    create.add_argument("--tenant", required=True, help="whose services and logs it opens")
    create.add_argument(
        "--scope", default=SCOPES_ASKED, metavar="WORDS", help="of read,register,write,admin (default: %(default)s)"
    )
    create.add_argument(
        "--expires", default="30d", metavar="TIME", help="such as 12h, 30d, never (default: %(default)s)"
    )
    create.add_argument("--subject", default="", metavar="NAME", help="who it is for; stands in the audit log")
    create.set_defaults(run=_create)
    verify = acts.add_parser("verify", help="say what a token allows; exit 1 if a server would refuse it")
    verify.add_argument("--key", type=Path, required=True, action="append", metavar="PATH", help="as of the server")
    verify.add_argument("token", nargs="?", help="read from stdin if not given: arguments can be seen by other users")
    verify.set_defaults(run=_verify)


def _create(arguments: argparse.Namespace) -> int:
    keys = _keys([arguments.key])
    from mdk_runtime.server.tokens import TENANT_EXPECTED, create, is_tenant

    if not is_tenant(arguments.tenant):
        raise TokenCommandFailed(f"--tenant is {arguments.tenant!r}; expected {TENANT_EXPECTED}")
    token = create(
        _signing(keys, arguments.kid),
        tenant=arguments.tenant,
        scopes=_scopes(arguments.scope),
        who=arguments.subject,
        now=time.time(),
        expires_in_s=_expires_in_s(arguments.expires),
    )
    print(token)
    return FINE


def _verify(arguments: argparse.Namespace) -> int:
    keys = _keys(arguments.key)
    from mdk_runtime.server.tokens import verify

    token = arguments.token or sys.stdin.read(TOKEN_BYTES_MAX).strip()
    try:
        grant = verify(token, keys, now=time.time())
    except TokenRefused as refused:
        print(f"mdk: {refused}", file=sys.stderr)
        return FAILED
    (kid,) = [key.kid for key in keys if key.fingerprint == grant.key][:1]
    expires = None
    if grant.expires_at is not None:
        expires = datetime.fromtimestamp(grant.expires_at, UTC).isoformat(timespec="seconds")
    scopes = [scope.value for scope in Scope if grant.allows(scope)]
    content = {"tenant": grant.tenant, "scopes": scopes, "subject": grant.who, "expires": expires, "key": kid}
    print(json.dumps(content, ensure_ascii=False))
    return FINE


def _keys(paths: Sequence[Path]) -> tuple[Key, ...]:
    try:
        from mdk_runtime.server.keys import load_keys
    except ImportError as error:
        raise PackagesMissing("mdk token") from error
    return load_keys(paths)


def _signing(keys: Sequence[Key], kid: str | None) -> Key:
    able = [key for key in keys if key.signer is not None]
    if kid is not None:
        able = [key for key in able if key.kid == kid]
    if len(able) == 1:
        return able[0]
    if not able:
        named = f" called {kid!r}" if kid is not None else ""
        raise TokenCommandFailed(f"there is no key{named} that signs; expected a secret or a private key")
    raise TokenCommandFailed(f"--kid is missing; there are {', '.join(key.kid for key in able)}")


def _scopes(text: str) -> list[Scope]:
    words = text.replace(",", " ").split()
    known = [scope.value for scope in Scope]
    for word in words:
        if word not in known:
            raise TokenCommandFailed(f"--scope has {word!r}; expected words of {', '.join(known)}")
    return [Scope(word) for word in words]


def _expires_in_s(text: str) -> float | None:
    if text == NEVER:
        return None
    try:
        seconds: float = SECONDS.from_text(text)
    except Unreadable as error:
        raise TokenCommandFailed(f"--expires is {text!r}; expected {SECONDS.expected}, or {NEVER}") from error
    return seconds
