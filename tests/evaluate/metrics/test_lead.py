"""How far lips run ahead of their sound, to a few milliseconds."""

import math

import numpy as np
import pytest

from w2l.audio import SAMPLE_RATE
from w2l.evaluate.metrics.lead import lead, loudness


def _clip(ahead: float, fps: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Syllables of a hum at random times, and an opening that follows their loudness `ahead` seconds early."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.uniform(0.15, 0.4, 9))
    times = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE

    def level(at: np.ndarray) -> np.ndarray:
        return sum(np.exp(-(((at - start) / 0.05) ** 2)) for start in starts)

    tone = np.sin(2 * np.pi * 700 * times) * level(times)
    return level(np.arange(round(3 * fps)) / fps + ahead), tone.astype(np.float32)


@pytest.mark.parametrize("ahead", [-0.07, 0.0, 0.013, 0.05, 0.13])
@pytest.mark.parametrize("fps", [25.0, 29.97])
def test_leads_are_found_between_frames(ahead, fps):
    found = lead([_clip(ahead, fps, seed) for seed in range(4)], fps)
    assert found.seconds == pytest.approx(ahead, abs=0.003)
    assert found.r > 0.95


def test_hum_does_not_count_as_loud():
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    hum, vowel = (np.sin(2 * np.pi * hertz * times).astype(np.float32) for hertz in (60, 700))
    assert loudness(hum).max() < 0.05 * loudness(vowel).max()
    assert len(loudness(hum)) == 1000


def test_nothing_to_measure_is_nan():
    opening, wav = _clip(0, 25)
    for clips in ([], [(opening[:20], wav)], [(np.zeros(75), wav)], [(opening, 0 * wav)]):
        assert math.isnan(lead(clips).seconds)
    assert lead([(np.zeros(75), wav), (opening, wav)]) == lead([(opening, wav)])
