"""What the guard lets through, asked as a server asks it; behind it an application that tells what reached it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from w2l.app.guard import VISITOR_HEADER, Guard
from w2l.app.visitors import Visitors


@dataclass
class Inner:
    """An application that keeps what it was asked; to an upload it answers with files."""

    stored: list[str] = field(default_factory=list)
    asked: list[tuple[str, dict, bytes]] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        body = (await receive()).get("body", b"") if scope["type"] == "http" else b""
        self.asked.append((scope["path"], dict(scope["headers"]), body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(self.stored).encode()})


@pytest.fixture
def visitors(tmp_path):
    return Visitors(tmp_path / "root", 3600)


def ask(guard, path, method="GET", cookie="", body=b"", query="", kind="http", **headers):
    """(status, headers, body) of the answer."""
    told = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        told.append(message)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    given += [(b"cookie", cookie.encode())] if cookie else []
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": given}
    asyncio.run(guard(scope, receive, send))
    if told[0]["type"] == "websocket.close":
        return "closed", {}, b""
    return told[0]["status"], dict(told[0]["headers"]), b"".join(one.get("body", b"") for one in told[1:])


def enter(guard, **headers):
    """Opens the page; returns the cookie."""
    _, headers, _ = ask(guard, "/en/", **headers)
    return headers[b"set-cookie"].decode().partition(";")[0]


@pytest.mark.parametrize(
    ("asked", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fr,zh-TW;q=0.5", "zh"), ("de", "en"), ("en-GB, zh", "en")],
)
def test_the_browser_s_language_is_chosen(visitors, asked, language):
    status, headers, _ = ask(Guard(Inner(), visitors, None), "/", accept_language=asked)
    assert (status, headers[b"location"]) == (307, f"{language}/".encode())


def test_a_visitor_stays_the_same_and_cannot_be_feigned(visitors):
    inner = Inner()
    guard = Guard(inner, visitors, None)
    ann, ben = enter(guard), enter(guard, cookie="w2l_visitor=made-up; other=1; odd")
    assert ann != ben and "made-up" not in ben
    ask(guard, "/en/config", cookie=ann, **{VISITOR_HEADER.replace("-", "_"): ben.partition("=")[2]})
    assert inner.asked[-1][1][VISITOR_HEADER.encode()].decode() == ann.partition("=")[2]
    status, headers, _ = ask(guard, "/en/", cookie=ann)
    assert status == 200 and b"set-cookie" not in headers
    assert b"default-src 'self'" in headers[b"content-security-policy"]


def test_without_its_cookie_the_page_does_nothing(visitors):
    status, _, said = ask(Guard(Inner(), visitors, None), "/en/gradio_api/queue/join", "POST", body=b"{}")
    assert status == 403 and said.startswith(b"This page needs a cookie")


def test_files_are_only_their_sender_s(visitors, tmp_path):
    sent, other = visitors.uploads / "aa" / "me.png", visitors.uploads / "bb" / "other.png"
    shown = visitors.public / "nobody0.png"
    guard = Guard(inner := Inner([str(sent)]), visitors, None)
    ann, ben = enter(guard), enter(guard)
    assert ask(guard, "/en/gradio_api/upload", "POST", ann)[0] == 200

    def status(path, who):
        return ask(guard, f"/zh/gradio_api/file={path}", cookie=who)[0]

    assert (status(sent, ann), status(sent, ben), status(shown, ben)) == (200, 403, 200)
    (tmp_path / "link.png").symlink_to(sent)
    for path in (other, "/etc/passwd", f"{visitors.public}/../uploads/aa/me.png", "http://example.com/a.png", ""):
        assert status(path, ben) == 403, path

    def join(path, who):
        named = {"data": [None, {"path": str(path)}, [{"video": {"path": None}}]], "session_hash": who[-6:]}
        return ask(guard, "/en/gradio_api/queue/join", "POST", who, json.dumps(named).encode())[0]

    assert (join(sent, ann), join(sent, ben), join("/etc/passwd", ann), join("http://a/b", ann)) == (200, 403, 403, 403)
    assert join(shown, ben) == 200
    assert inner.asked[-1][2].startswith(b'{"data"')


def test_sessions_are_only_their_owner_s(visitors):
    guard = Guard(Inner(), visitors, None)
    ann, ben = enter(guard), enter(guard)
    mine = json.dumps({"session_hash": "of-ann", "data": []}).encode()
    assert ask(guard, "/en/gradio_api/queue/join", "POST", ann, mine)[0] == 200
    for who, status in ((ann, 200), (ben, 403)):
        assert ask(guard, "/en/gradio_api/queue/data", cookie=who, query="session_hash=of-ann")[0] == status
        assert ask(guard, "/en/gradio_api/heartbeat/of-ann", cookie=who)[0] == status
        assert ask(guard, "/en/gradio_api/cancel", "POST", who, mine)[0] == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/en/monitoring"),
        ("GET", "/en/gradio_api/proxy=http://example.com"),
        ("GET", "/en/gradio_api/file/etc/passwd"),
        ("GET", "/en/gradio_api/run-history/records"),
        ("POST", "/en/gradio_api/call/predict"),
        ("POST", "/en/gradio_api/vibe-edit"),
        ("POST", "/en/login"),
        ("DELETE", "/en/gradio_api/upload"),
        ("GET", "/docs"),
        ("GET", "/other"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(visitors, method, path):
    guard = Guard(inner := Inner(), visitors, None)
    cookie, before = enter(guard), 1
    assert ask(guard, path, method, cookie)[0] == 404
    assert len(inner.asked) == before


def test_an_open_page_needs_its_token(visitors):
    guard = Guard(inner := Inner(), visitors, "let-me-in")
    for path, query in (("/", ""), ("/en/", "token=wrong"), ("/en/gradio_api/upload", ""), ("/mine/a", ""), ("/x", "")):
        status, headers, said = ask(guard, path, query=query)
        assert (status, b"token" in said, b"set-cookie" in headers) == (401, True, False), path
    assert ask(guard, "/en/", cookie="w2l_token=")[0] == 401
    assert ask(guard, "/en/x", kind="websocket")[0] == "closed"
    assert inner.asked == []
    status, headers, _ = ask(guard, "/", query="token=let-me-in&a=b")
    assert (status, headers[b"location"]) == (303, b"./?a=b")
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert ask(guard, "/en/", cookie=cookie.partition(";")[0])[0] == 200


def test_inside_another_page_the_cookie_is_sent_too(visitors):
    _, headers, _ = ask(Guard(Inner(), visitors, None, embedded=True), "/en/")
    assert b"SameSite=None; Secure; Partitioned" in headers[b"set-cookie"]
