"""Signs of sound: levels, and the same recording under two names."""

import numpy as np
import pytest

from w2l.audio import melspectrogram
from w2l.doctor.sound import doubles, level
from w2l.talker.corpus import make_speaker, speech


def wav(number, seconds=3.0):
    return speech(make_speaker("train", number), 0, seconds)[1]


def test_levels():
    plain = wav(0)
    assert level(melspectrogram(np.zeros(16000, np.float32))) == -100
    assert -72 < level(melspectrogram(plain)) < -50
    louder = level(melspectrogram(np.clip(plain * 30, -1, 1)))
    assert louder > level(melspectrogram(plain)) + 15


def test_a_copy_is_found_wherever_it_is_cut():
    others = [wav(number) for number in range(1, 5)]
    cut = wav(0)[7777:] * 0.5
    mels = [melspectrogram(one) for one in (cut, *others[:2])]
    assert doubles(mels, [melspectrogram(one) for one in (wav(0), *others[2:])]) == [(0, 0)]
    assert doubles([], mels) == []


@pytest.mark.parametrize("columns", [16, 90])
def test_short_sounds_are_not_alike_by_chance(columns):
    mels = [melspectrogram(wav(number))[:, 50 : 50 + columns] for number in range(6)]
    assert doubles(mels[:3], mels[3:]) == []
