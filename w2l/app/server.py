"""Serves the page: the pages of both languages, the visitors' files, and the guard before them."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from w2l.app.guard import VISITOR_HEADER, Guard
from w2l.app.settings import AppSettings
from w2l.app.visitors import Visitors
from w2l.app.words import LANGUAGES, Words
from w2l.app.work import Studio
from w2l.base import paths
from w2l.errors import W2LError

_SWEEP_SECONDS = 60.0
_GRACE = 2  # seconds that open connections have when the server ends


class Page:
    """The page, ready to be served. url: where this machine finds it, with the token if it needs one.

    Raises W2LError when gradio is not installed or the port is taken.
    """

    def __init__(self, settings: AppSettings) -> None:
        if find_spec("gradio") is None:
            raise W2LError('the page needs gradio; run pip install "w2l[app]".')
        import uvicorn

        self.settings = settings
        self._socket = _listen(settings.host, settings.listens_on)
        self.port = self._socket.getsockname()[1]
        token = (settings.token or secrets.token_urlsafe(16)) if settings.is_open else settings.token
        here = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
        self.url = f"http://{f'[{here}]' if ':' in here else here}:{self.port}/{f'?token={token}' if token else ''}"
        self._root = Path(tempfile.mkdtemp(prefix="w2l-app-"))
        self.visitors, self.studio = Visitors(self._root, settings.kept_seconds), Studio(settings)
        app = make_app(settings, self.visitors, self.studio, token)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE, server_header=False
            )
        )
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serves until `stop` or an interrupt, then removes the files of all visitors."""
        over = threading.Event()
        for work in (partial(self._sweep, over), self.studio.warm):
            threading.Thread(target=work, daemon=True).start()
        logging.getLogger("uvicorn.error").addFilter(self._is_worth_telling)
        try:
            self._server.run(sockets=[self._socket])
        finally:
            over.set()
            self.studio.close()
            self._socket.close()
            self.visitors.clear()

    def start(self) -> Page:
        """Serves in a thread; returns when the page answers. Raises W2LError when it does not."""
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.02)
        if not self._server.started:
            raise W2LError(f"the page could not be served at {self.url}; the terminal says why.")
        return self

    def stop(self) -> None:
        """Ends a page that was started."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def _is_worth_telling(self, record: logging.LogRecord) -> bool:
        """Not that pages were still open when the server ended."""
        return not self._server.should_exit

    def _sweep(self, over: threading.Event) -> None:
        while not over.wait(min(_SWEEP_SECONDS, self.settings.kept_seconds / 4)):
            self.visitors.sweep()


def make_app(settings: AppSettings, visitors: Visitors, studio: Studio, token: str | None) -> Guard:
    """The ASGI application. token: what others need to open it."""
    gradio = load_gradio(visitors.uploads)
    import fastapi

    from w2l.app import live_tab, look
    from w2l.app.desk import Desk
    from w2l.app.live_routes import routes
    from w2l.app.page import build

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def mine(name: str, request: fastapi.Request) -> Any:
        return _file(visitors, name, request)

    mine.__annotations__["request"] = fastapi.Request
    app.add_api_route("/mine/{name:path}", mine, methods=["GET", "HEAD"])
    app.router.routes.extend(routes(visitors, studio.live))
    for code in LANGUAGES:
        desk = Desk(Words(code), visitors, studio)
        app = gradio.mount_gradio_app(
            app, build(desk), path=f"/{code}", server_name=settings.host, server_port=settings.listens_on,
            footer_links=[], run_history=False, ssr_mode=False, pwa=False, mcp_server=False, enable_monitoring=False,
            max_file_size=settings.max_megabytes * 1_000_000, theme=_theme(gradio), css=look.STYLE,
            head=look.script(desk.words) + live_tab.script(desk.words), show_error=False,
        )  # fmt: skip
    return Guard(app, visitors, token, embedded=paths.platform() == "colab")


def _file(visitors: Any, name: str, request: Any) -> Any:
    """A result, for the visitor whose it is."""
    from starlette.responses import FileResponse, PlainTextResponse

    path = visitors.of(request.headers[VISITOR_HEADER]).result(name)
    if path is None:
        return PlainTextResponse("This file is not yours, or is gone.", status_code=404)
    return FileResponse(path, headers={"cache-control": "private, no-store", "x-content-type-options": "nosniff"})


def load_gradio(uploads: Path) -> Any:
    """The package, told to keep to itself, and where uploads go, which it reads whenever a file is sent."""
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio
    import gradio.routes

    if hasattr(gradio.routes, "DEFAULT_TEMP_DIR"):  # what it made of the above when it was imported, for another page
        gradio.routes.DEFAULT_TEMP_DIR = str(uploads)
    return gradio


def _theme(gradio: Any) -> Any:
    """Gradio's look with the fonts of the visitor's own system (none is fetched), and hints dark enough to be read."""
    theme = gradio.themes.Default(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    hints = ("body_text_color_subdued", "block_info_text_color", "input_placeholder_color")
    return theme.set(**dict.fromkeys(hints, "*neutral_500"))


def _listen(host: str, port: int) -> socket.socket:
    """A socket on which the page can be served."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as unless_it_works:
            listening = unless_it_works.enter_context(socket.socket(family, kind, proto))
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
            unless_it_works.pop_all()
    except OSError as error:
        raise W2LError(
            f"nothing can be served at {host}, port {port} ({error.strerror}); give another with --port or --host."
        ) from error
    return listening
