"""What tests of clips and pictures use: nothing may be printed by the libraries underneath."""

from __future__ import annotations

import pytest


@pytest.fixture
def quiet(capfd):
    """Nothing, of FFmpeg's log or of image libraries, may reach the terminal."""
    yield
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""
