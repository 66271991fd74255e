"""What a user may choose about a clip store."""

from __future__ import annotations

import pytest
from helpers.stores import make

from w2l.errors import W2LError
from w2l.preprocess import PreprocessSettings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"min_seconds": 0.1}, "give min_seconds of 0.4 or more"),
        ({"max_seconds": 1.5}, "max_seconds of at least twice that"),
        ({"min_confidence": -1}, "give a confidence of 0"),
    ],
)
def test_settings_out_of_range(settings, said):
    with pytest.raises(W2LError, match=said):
        PreprocessSettings(**settings)


def test_an_expert_must_be_one(corpus, tmp_path):
    with pytest.raises(W2LError, match="there are no weights 'nobody'"):
        make(corpus, tmp_path / "store", PreprocessSettings(expert="nobody"))
    with pytest.raises(W2LError, match="holds the weights of wav2lip, not of syncnet"):
        make(corpus, tmp_path / "store", PreprocessSettings(expert="classroom_generator"))
