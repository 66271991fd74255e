"""Servers of every kind on this machine, and a registry entry that is fetched from them; fixtures for the tests."""

import hashlib
import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from w2l import weights
from w2l.weights import download
from w2l.weights.registry import Entry, Licence

CONTENT = np.random.default_rng(7).bytes(400_000)
OTHER = np.random.default_rng(8).bytes(400_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
FREE = Licence("MIT", "Free for all.")


class Answers(BaseHTTPRequestHandler):
    """Answers a path by the function of that name; notes what was asked and how many bytes went out."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.lstrip("/")
        note = {"path": path, "range": self.headers["Range"], "if_range": self.headers["If-Range"], "sent": 0}
        self.server.notes.append(note)
        self.note = note
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.answers[path](self)
        self.close_connection = True

    def start(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, data):
        self.wfile.write(data)
        self.note["sent"] += len(data)


def whole(content=CONTENT, ranges=True, tag="", limit=None, length=True, wait=None):
    """A server with a file. limit: bytes after which each connection dies; wait: an event it waits for then."""

    def answer(handler):
        asked = handler.note["range"] if ranges else None
        changed = tag and handler.note["if_range"] not in (None, tag)
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and not changed else 0
        if first >= len(content):
            handler.start(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
            return
        headers = {"ETag": tag} if tag else {}
        if length:
            headers["Content_Length"] = len(content) - first
        if first:
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        handler.start(206 if first else 200, **headers)
        handler.send(content[first:][:limit])
        if wait:
            handler.wfile.flush()
            wait.wait(20)

    return answer


def page(text, status=200):
    def answer(handler):
        handler.start(status, Content_Type="text/html", Content_Length=len(text))
        handler.send(text.encode())

    return answer


def wrong_range(handler):
    """Whatever is asked for, it sends the second half, and says so."""
    if not handler.note["range"]:
        return whole(limit=70_000)(handler)
    half = len(CONTENT) // 2
    handler.start(206, Content_Range=f"bytes {half}-{len(CONTENT) - 1}/{len(CONTENT)}", Content_Length=half)
    return handler.send(CONTENT[half:])


QUOTA = "<!DOCTYPE html><title>Google Drive - Quota exceeded</title><p>Too many users have viewed this file recently."
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize 400000\n"
BAD = {
    "html": (
        page("\n<html><title> Sign in\n to continue</title></html>"),
        'a web page "Sign in to continue" (HTML, 50',
    ),
    "quota": (page(QUOTA), "download quota is used up"),
    "lfs": (page(POINTER), f"a git-LFS pointer of {len(POINTER)} bytes"),
    "missing": (page("<html>no</html>", 404), "HTTP status 404 Not Found"),
    "down": (page("busy", 503), "HTTP status 503"),
    "short": (whole(CONTENT[:-1]), "a truncated file of 399999 bytes, not 400000"),
    "long": (whole(CONTENT + b"x"), "a file of 400001 bytes, not 400000"),
    "long_unannounced": (whole(CONTENT + b"x", length=False), "another file of more than 400000 bytes"),
    "empty": (page(""), "a truncated file of 0 bytes"),
    "html_unannounced": (whole(b"<html>" + OTHER, length=False), "a web page (HTML"),
    "other": (whole(OTHER), f"another file of the same size (sha256 {hashlib.sha256(OTHER).hexdigest()[:12]}"),
    "cut": (whole(limit=100_000, ranges=False), "the connection broke after"),
    "cut_unannounced": (whole(limit=100_000, ranges=False, length=False), "closed after 100000 of 400000 bytes"),
}


@pytest.fixture
def server():
    """A server that knows the paths of BAD and `right`; `answers` takes more, `notes` says what was asked."""
    one = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    one.daemon_threads = True
    one.notes = []
    one.answers = {name: answer for name, (answer, _) in BAD.items()}
    one.answers["right"] = whole()
    one.url = f"http://127.0.0.1:{one.server_port}"
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache of the test's own, and no pauses between tries; gives the folder for weights in it."""
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "TIMEOUTS", (10.0, 10.0))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def offer(server, own_cache, monkeypatch):
    """Puts the entry `fake` into the registry, with these paths of the server as its mirrors."""

    def make(*names, **changes):
        mirrors = tuple(f"{server.url}/{name}" for name in names)
        fields = {"licence": FREE, "mirrors": mirrors, **changes}
        entry = Entry("fake", "fake.pth", len(CONTENT), SHA, what="a test", **fields)
        monkeypatch.setitem(weights.REGISTRY, "fake", entry)
        return entry

    return make


def get(**options):
    """Fetches the entry `fake`."""
    return weights.fetch("fake", progress=False, **options)


def left(folder):
    """What lies in the folder, but for the lock and the memory of what was verified."""
    hidden = {".fake.pth.lock", "verified.json"}
    return sorted(path.name for path in folder.iterdir() if path.name not in hidden)
