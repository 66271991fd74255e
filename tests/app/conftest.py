"""The page, served once for all tests of this folder."""

from __future__ import annotations

import pytest
from helpers.pages import serve

MAX_SECONDS = 3


@pytest.fixture(scope="package")
def page(tmp_path_factory):
    """The page for this machine alone."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("app")
    with serve(folder, "--max-seconds", MAX_SECONDS, "--max-megabytes", 2) as served:
        yield served
    assert list(folder.glob("w2l-app-*")) == []
