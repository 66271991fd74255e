"""The level of what has been heard so far, and when it makes quiet speech louder."""

from __future__ import annotations

import numpy as np
import pytest

from w2l import audio
from w2l.live.loudness import LoudnessSoFar


def talk(seconds, decibels, seed=0):
    """Syllables and pauses; the loud parts have about this level, in dB of full scale."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 16000)) / 16000
    wav = rng.standard_normal(len(t)) * (0.001 + np.maximum(0, np.sin(6 * t)) * (np.sin(0.9 * t) > -0.5))
    return (wav * 10 ** ((decibels - audio.level(wav, 16000)) / 20)).astype(np.float32)


def heard(wav, piece=3200):
    loudness = LoudnessSoFar()
    for start in range(0, len(wav), piece):
        loudness.feed(wav[start : start + piece])
    return loudness


@pytest.mark.parametrize("seconds", [0.3, 1, 5, 40])
@pytest.mark.parametrize("piece", [3200, 333])
def test_the_level_is_that_of_the_whole(seconds, piece):
    wav = talk(seconds, -27)
    assert heard(wav, piece).level == pytest.approx(audio.level(wav, 16000), abs=1.0)


def test_nothing_heard_has_the_lowest_level_and_is_not_raised():
    assert heard(np.zeros(0, np.float32)).level == -120
    assert heard(np.zeros(0, np.float32)).gain == 1


def test_speech_of_usual_loudness_is_left_alone_from_the_first_piece_on():
    wav, loudness = talk(10, -30), LoudnessSoFar()
    for start in range(0, len(wav), 3200):
        loudness.feed(wav[start : start + 3200])
        assert loudness.gain == 1


def test_quiet_speech_is_raised_as_in_a_dub_once_it_is_sure():
    wav = talk(10, -52)
    assert heard(wav[: 2 * 16000]).gain == 1
    assert 20 * np.log10(heard(wav).gain) == pytest.approx(-20 - audio.level(wav, 16000), abs=1.0)


@pytest.mark.parametrize("decibels", [-45, -60, -80])
def test_the_noise_of_a_room_is_not_raised(decibels):
    noise = (np.random.default_rng(0).standard_normal(160000) * 10 ** (decibels / 20)).astype(np.float32)
    assert heard(noise).gain == 1


def test_memory_does_not_grow():
    loudness = heard(talk(60, -30), 333)
    assert loudness._rest.nbytes < 4000 and loudness._counts.nbytes < 2000
