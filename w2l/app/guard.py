"""What stands before the page: the token where it is open to others, and that visitors get only what is theirs.

Gradio keeps every upload in one folder and serves it to whoever knows its name. Here each request belongs to a visitor,
known by a cookie; uploads are noted as the visitor's, and a request for, or about, another's file, session or anything
that the page does not need is refused before it reaches gradio.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode

from w2l.app.visitors import Visitor, Visitors

VISITOR_HEADER = "x-w2l-visitor"  # set here, for the functions behind the page
LANGUAGES = ("en", "zh")
_COOKIE, _TOKEN_COOKIE = "w2l_visitor", "w2l_token"
_MOST_WORDS = 1 << 20  # bytes of a request that is no upload
_NEEDS_TOKEN = (
    "This page is not open to everyone: use the whole address that w2l app printed, with ?token=...\n"
    "本页面需要令牌：请使用 w2l app 启动时显示的完整地址（含 ?token=...）。\n"
)
_NO_COOKIE = "This page needs a cookie, to tell your files from those of others; allow it and load the page again."
_NOT_YOURS = "This file or session belongs to somebody else, or is gone."
# Nothing is loaded from, or sent to, another machine.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'"
)
_PAGE = re.compile(rf"/({'|'.join(LANGUAGES)})/?")
# What the browser asks of gradio for this page, below the page's own address.
_GET = re.compile(
    r"/(config|theme\.css|(assets|static|svelte)/.*|manifest\.json|favicon\.ico|pwa_icon.*"
    r"|gradio_api/(info|app_id|startup-events|theme\.css|upload_progress|queue/data|heartbeat/[^/]+|file=.*))"
)
_POST = re.compile(r"/gradio_api/(upload|queue/join|run/predict|cancel|reset)/?")
_FILE, _HEARTBEAT, _API = "/gradio_api/file=", "/gradio_api/heartbeat/", "/gradio_api"


class Guard:
    """An ASGI application around another one; see the module.

    token: what opens the page; None where it is for this machine alone. embedded: whether it is shown inside a page
    of another address, as on Colab.
    """

    def __init__(self, app: Any, visitors: Visitors, token: str | None, embedded: bool = False) -> None:
        self._app, self._visitors, self._token = app, visitors, token
        self._cookie_rules = "; Path=/; HttpOnly; " + (
            "SameSite=None; Secure; Partitioned" if embedded else "SameSite=Lax"
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        cookies = _cookies(scope)
        if self._token is not None and not self._has_token(cookies.get(_TOKEN_COOKIE)):
            await self._ask_token(scope, send)
            return
        path, key = scope["path"], cookies.get(_COOKIE)
        if path == "/favicon.ico":  # browsers ask for it before they have a cookie
            await _answer(scope, send, 204, "")
            return
        is_page = path == "/" or _PAGE.fullmatch(path) is not None
        if not is_page and not self._visitors.knows(key):
            await _answer(scope, send, 403, _NO_COOKIE)
            return
        visitor = self._visitors.of(key)
        fresh = [] if visitor.key == key else [_header("set-cookie", f"{_COOKIE}={visitor.key}{self._cookie_rules}")]
        kept = [(name, value) for name, value in scope["headers"] if name != VISITOR_HEADER.encode()]
        scope = {**scope, "headers": [*kept, _header(VISITOR_HEADER, visitor.key)]}
        if path == "/":
            await _answer(scope, send, 307, "", [*fresh, _header("location", f"{_language(scope)}/{_query(scope)}")])
        elif is_page:
            await self._app(scope, receive, _adding(send, [*fresh, _header("content-security-policy", _POLICY)]))
        elif path.startswith(("/mine/", "/live/")):
            await self._app(scope, receive, send)
        else:
            await self._ask_gradio(scope, receive, send, visitor)

    def _has_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), (self._token or "").encode())

    async def _ask_token(self, scope: Any, send: Any) -> None:
        """Takes the token from the address and puts it into a cookie; refuses everything else."""
        asked = parse_qs(scope.get("query_string", b"").decode("latin1"))
        if scope["type"] != "http" or not self._has_token(asked.pop("token", [None])[0]):
            await _answer(scope, send, 401, _NEEDS_TOKEN)
            return
        rest = urlencode(asked, doseq=True)
        cookie = f"{_TOKEN_COOKIE}={self._token}{self._cookie_rules}"
        there = f"{_last_part(scope['path'])}{'?' if rest else ''}{rest}"
        await _answer(scope, send, 303, "", [_header("set-cookie", cookie), _header("location", there)])

    async def _ask_gradio(self, scope: Any, receive: Any, send: Any, visitor: Visitor) -> None:
        """Passes on what the page needs, if it is about the visitor's own things."""
        match = re.match(rf"/(?:{'|'.join(LANGUAGES)})(/.*)", scope["path"])
        path = match[1] if match else ""
        allowed = {"GET": _GET, "HEAD": _GET, "POST": _POST}.get(scope.get("method", ""))
        if scope["type"] != "http" or allowed is None or not allowed.fullmatch(path):
            await _answer(scope, send, 404, "There is nothing here.")
        elif not (self._may_see(path, visitor) and self._is_own_session(_asked_session(scope, path), visitor)):
            await _answer(scope, send, 403, _NOT_YOURS)
        elif path.rstrip("/") == f"{_API}/upload":
            await self._app(scope, receive, _Uploads(send, visitor))
        elif scope["method"] == "POST":
            body = await _whole(receive)
            if body is None or not self._is_about_own(body, visitor):
                await _answer(scope, send, 403, _NOT_YOURS)
            else:
                await self._app(scope, _again(body, receive), send)
        else:
            await self._app(scope, receive, send)

    def _may_see(self, path: str, visitor: Visitor) -> bool:
        """Whether an address is that of no file, or of one that the visitor sent, or that everyone may see."""
        if not path.startswith(_FILE):
            return True
        real = os.path.realpath(path.removeprefix(_FILE))
        return visitor.owns(real) or real.startswith(os.path.realpath(self._visitors.public) + os.sep)

    def _is_own_session(self, session: str | None, visitor: Visitor) -> bool:
        return session is None or self._visitors.owner(session, visitor) is visitor

    def _is_about_own(self, body: bytes, visitor: Visitor) -> bool:
        """Whether the files that a request names were sent by the visitor, and its session is the visitor's."""
        try:
            asked = json.loads(body or b"{}")
        except ValueError:
            return False
        session = asked.get("session_hash") if isinstance(asked, dict) else None
        named = all(isinstance(path, str) and self._may_see(_FILE + path, visitor) for path in _paths(asked))
        return named and self._is_own_session(session, visitor)


class _Uploads:
    """Passes an answer on, and notes the files that it lists as the visitor's."""

    def __init__(self, send: Any, visitor: Visitor) -> None:
        self._send, self._visitor, self._body, self._status = send, visitor, b"", 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif self._status == 200:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                self._visitor.uploads.update(map(os.path.realpath, json.loads(self._body)))
        await self._send(message)


def _paths(asked: Any) -> Iterator[Any]:
    """What a request gives as the path of a file, however deep it lies."""
    if isinstance(asked, dict):
        yield from (value for name, value in asked.items() if name == "path" and value is not None)
        asked = list(asked.values())
    if isinstance(asked, list):
        for one in asked:
            yield from _paths(one)


def _asked_session(scope: Any, path: str) -> str | None:
    """The session that the address names."""
    if path.startswith(_HEARTBEAT):
        return path.removeprefix(_HEARTBEAT)
    return parse_qs(scope.get("query_string", b"").decode("latin1")).get("session_hash", [None])[0]


def _cookies(scope: Any) -> dict[str, str]:
    lines = [value.decode("latin1") for name, value in scope["headers"] if name == b"cookie"]
    pairs = [part.strip().partition("=") for line in lines for part in line.split(";")]
    return {name: value for name, _, value in pairs}  # not by `http.cookies`, which drops all for one odd name


def _language(scope: Any) -> str:
    """The first of the browser's languages that the page has."""
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin1")
    known = [part.strip()[:2].lower() for part in asked.split(",")]
    return next((one for one in known if one in LANGUAGES), LANGUAGES[0])


def _query(scope: Any) -> str:
    text = scope.get("query_string", b"").decode("latin1")
    return f"?{text}" if text else ""


def _last_part(path: str) -> str:
    """The address of a path, from itself: a proxy may have put something before it."""
    last = path.rstrip("/").rpartition("/")[2]
    return f"../{last}/" if path.endswith("/") and last else last or "./"


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.encode("latin1"), value.encode("latin1")


def _adding(send: Any, headers: list[tuple[bytes, bytes]]) -> Any:
    async def sends(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return sends


async def _answer(
    scope: Any, send: Any, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text.splitlines()[0]})
        return
    plain = [_header("content-type", "text/plain; charset=utf-8"), _header("cache-control", "no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *(headers or [])]})
    await send({"type": "http.response.body", "body": text.encode("utf8")})


async def _whole(receive: Any) -> bytes | None:
    """The body of a request; None when it is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body, more = body + message.get("body", b""), message.get("more_body", False)
        if len(body) > _MOST_WORDS:
            return None
    return body


def _again(body: bytes, receive: Any) -> Any:
    """A `receive` that gives the body, and then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receives() -> Any:
        return waiting.pop() if waiting else await receive()

    return receives
