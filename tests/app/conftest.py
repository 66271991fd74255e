"""The page, served once for all tests of this folder."""

from __future__ import annotations

import pytest
from helpers.pages import serve

MAX_SECONDS, MAX_MEGABYTES, TOKEN = 20, 2, "for-friends"


@pytest.fixture(scope="package")
def page(tmp_path_factory):
    """The page, which asks for a token; when it has ended, nothing is left of it."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("app")
    options = ("--max-seconds", MAX_SECONDS, "--max-megabytes", MAX_MEGABYTES, "--token", TOKEN)
    with serve(folder, *options) as served:
        yield served
    assert [path.name for path in folder.iterdir()] == ["said.txt"]
    assert served.said() == "w2l: interrupted; no partial files remain.\n"
