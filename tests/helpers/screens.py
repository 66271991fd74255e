"""A fixture for browser tests: where their screenshots are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def screens(tmp_path_factory):
    """Where screenshots are kept: $W2L_ARTEFACTS, or pytest's own folder, which it keeps for the last few runs."""
    folder = Path(os.environ.get("W2L_ARTEFACTS") or tmp_path_factory.mktemp("screens"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
