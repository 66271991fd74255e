"""What a training learns from."""

from dataclasses import replace

import pytest
from helpers import tiny_training as tiny

from w2l.errors import W2LError
from w2l.talker import Cast
from w2l.talker.photo.people import bundled_people
from w2l.train import data
from w2l.train.settings import TrainingConfig


def test_clips_that_are_too_short_are_left_out(monkeypatch, capsys):
    short = tiny.clips(1, frames=6)[0]
    monkeypatch.setattr(data, "corpus", lambda *_, **__: [short, *tiny.clips()])
    found = data.open_data(None, TrainingConfig(train_clips=4, validation_clips=4), starts=5)
    assert len(found.train) == len(list(found.train)) == 3 and len(found.train[:2]) == 2
    assert "1 of the 4 training clips" in capsys.readouterr().out
    monkeypatch.setattr(data, "corpus", lambda *_, **__: [short])
    with pytest.raises(W2LError, match="none of the 1 training clips"):
        data.open_data(None, TrainingConfig(train_clips=1, validation_clips=1), starts=5)


def test_talkers_have_the_looks_and_people_that_were_asked_for(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(data, "corpus", lambda split, count, **how: asked.append((split, count, how)) or tiny.clips())
    config = TrainingConfig(train_clips=7, validation_clips=3, voices="mixed", looks="mixed")
    bundled = data.open_data(None, config, starts=1)
    assert [(split, count) for split, count, _ in asked] == [("train", 7), ("validation", 3)]
    assert all(how["cast"] == Cast("mixed", "mixed") for *_, how in asked)
    assert bundled.name == f"{data.CORPUS} with people {bundled_people().fingerprint()}"
    some = replace(bundled_people(), names=tuple(f"{name}b" for name in bundled_people().names))
    own = data.open_data(None, config, starts=1, people=some)
    assert asked[-1][2]["cast"].people is some and own.name != bundled.name
    assert data.open_data(None, TrainingConfig(looks="drawn"), starts=1).name == data.CORPUS
    data.open_data(None, replace(config, manner=False), starts=1)
    assert asked[-1][2]["cast"] == Cast("mixed", "mixed", manner=False)
    with pytest.raises(W2LError, match="--data takes its place"):
        data.open_data(tmp_path, config, starts=1, people=some)
