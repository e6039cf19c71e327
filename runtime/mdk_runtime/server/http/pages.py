"""The console's files, and the login that keeps its token out of the reach of scripts."""

from __future__ import annotations

import html
import time
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mdk_runtime.core.server.grants import Scope
from mdk_runtime.server.http.assets import asset
from mdk_runtime.server.http.site import COOKIE, address_of, as_cookie, is_https, problem, site_of
from mdkspec_runtime.links.accepting import Refusal

FORM_BYTES_MAX = 16_384
COOKIE_CHARS_MAX = 3800
"""Browsers take 4,096 with name and attributes."""
STATIC = Path(str(files("mdk_runtime"))) / "console" / "static"
DOCS = STATIC.parent / "docs"
"""The protocol's documentation, which mdkgen makes: /protocol.html."""
INDEX = "index.html"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mission Control</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1><img src="/icon.svg" alt="" width="24" height="24">Mission Control</h1>
{content}
</main>
</body>
</html>
"""
PLAIN = "<p>The server runs. The console is not part of this installation; <code>/api</code> answers scripts.</p>"
FORM = """<form method="post" action="/login">
<p{tone}>{said}</p>
<p><label>Token <input name="token" type="password" autocomplete="off" required autofocus></label></p>
<p><button>Log in</button></p>
</form>"""


async def console(request: Request) -> Response:
    """A file of the console; for other paths its index, which reads the path itself."""
    path = str(request.path_params.get("path", ""))
    for folder in (STATIC, DOCS):
        found = _file_in(folder, path)
        if found is not None:
            return await asset(request, found)
    if path == "rtp" or ("." in path and "/" not in path):  # A service may well be called web.shop.
        raise HTTPException(HTTPStatus.NOT_FOUND)
    if (STATIC / INDEX).is_file():
        return await asset(request, STATIC / INDEX)
    return HTMLResponse(PAGE.format(content=PLAIN))


def _file_in(folder: Path, path: str) -> Path | None:
    """The file of that path, which stays within the folder."""
    try:
        wanted = (folder / path).resolve()
        return wanted if wanted.is_relative_to(folder.resolve()) and wanted.is_file() else None
    except (OSError, ValueError):  # Too long a name, or a NUL in it.
        return None


async def login_page(_: Request) -> Response:
    """Asks for a token."""
    return _form("The token says which tenant you see, and what you may do.", HTTPStatus.OK)


async def login(request: Request) -> Response:
    """Turn a token, in a form, into a cookie that scripts do not see."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > FORM_BYTES_MAX:
                return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "form", f"expected {FORM_BYTES_MAX} bytes at most")
    except ClientDisconnect:
        return problem(HTTPStatus.BAD_REQUEST, "form", "the form has not come as a whole")  # Nobody reads it.
    token = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("token", [""])[0].strip()
    site = site_of(request)
    grant = site.hub.gate.admit(token, address_of(request))
    if isinstance(grant, Refusal):
        return _form(grant.detail, grant.status)
    if not grant.allows(Scope.READ):
        return _form("the token lacks the scope 'read'", HTTPStatus.FORBIDDEN)
    value = as_cookie(token)
    if len(value) > COOKIE_CHARS_MAX:
        return _form("the token is too long for a browser", HTTPStatus.BAD_REQUEST)
    answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    if token:
        left_s = None if grant.expires_at is None else max(0, int(grant.expires_at - time.time()))
        answer.set_cookie(
            COOKIE, value, max_age=left_s, path="/", secure=is_https(request), httponly=True, samesite="strict"
        )
    else:
        answer.delete_cookie(COOKIE, path="/")
    return answer


async def logout(request: Request) -> Response:
    """Forget the token. Not by GET: that would be done by whoever shows a picture from here."""
    if request.method != "POST":
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def _form(said: str, status: HTTPStatus) -> Response:
    tone = "" if status == HTTPStatus.OK else ' class="said" role="alert"'
    return HTMLResponse(PAGE.format(content=FORM.format(said=html.escape(said), tone=tone)), status)
