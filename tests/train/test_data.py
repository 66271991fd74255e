"""What a training learns from."""

import pytest
from helpers import tiny_training as tiny

from w2l.errors import W2LError
from w2l.train import data


def test_clips_that_are_too_short_are_left_out(monkeypatch, capsys):
    short = tiny.clips(1, frames=6)[0]
    monkeypatch.setattr(data, "corpus", lambda *_, **__: [short, *tiny.clips()])
    found = data.open_data(None, 4, 4, starts=5)
    assert len(found.train) == len(list(found.train)) == 3 and len(found.train[:2]) == 2
    assert "1 of the 4 training clips" in capsys.readouterr().out
    monkeypatch.setattr(data, "corpus", lambda *_, **__: [short])
    with pytest.raises(W2LError, match="none of the 1 training clips"):
        data.open_data(None, 1, 1, starts=5)
