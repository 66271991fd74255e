import socket

import pytest

from w2l.app import server
from w2l.app.settings import AppSettings
from w2l.errors import W2LError


def test_without_gradio_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    with pytest.raises(W2LError, match=r'run pip install "w2l\[app\]"'):
        server.Page(AppSettings())


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(W2LError, match=rf"nothing can be served at 127\.0\.0\.1, port {port} \(.+\); give another"):
            server._listen("127.0.0.1", port)
