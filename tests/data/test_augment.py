"""Augmentation changes all frames of a window alike."""

import numpy as np

from w2l.audio import mel_centres
from w2l.data.augment import Augment, AugmentVoice


def test_augment_changes_all_frames_alike():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    for seed in range(30):
        change = Augment(np.random.default_rng(seed), degrade=False)
        np.testing.assert_array_equal(change(frame), change(frame))
    degraded = [Augment(np.random.default_rng(seed)) for seed in range(200)]
    for name in ("blur", "noise", "quality"):
        share = np.mean([bool(getattr(change, name)) for change in degraded])
        assert 0.15 < share < 0.6, name


def test_every_second_clip_has_another_light_more_often_a_warm_one():
    gains = np.array([Augment(np.random.default_rng(seed)).gain for seed in range(400)])
    warmth = np.log(gains[:, 2] / gains[:, 0])  # red over blue; the camera alone reaches 0.14
    assert 0.3 < np.mean(np.abs(warmth) > 0.15) < 0.5 and 0.6 < warmth.max() < 1.0 and -0.45 < warmth.min() < -0.2
    assert np.abs(np.median(gains[:, 1]) - 1) < 0.05


def test_another_voice_moves_the_formants_and_keeps_the_times():
    mel = np.full((80, 16), -3.0, np.float32)
    mel[38:43, 4:9] = 3.0  # a formant at 1.7 kHz that sounds in columns 4 to 8
    seen = []
    for seed in range(40):
        change = AugmentVoice(np.random.default_rng(seed))
        made = change(mel)
        assert made.shape == mel.shape and made.dtype == np.float32 and np.abs(made).max() <= 4
        louder = (made - made[:, :1]).mean(1)
        seen.append(np.average(mel_centres(), weights=louder) / mel_centres()[40])
        loud = made[louder.argmax()] > made[louder.argmax()].mean()
        assert list(np.flatnonzero(loud)) == [4, 5, 6, 7, 8]
    assert 0.83 < min(seen) < 0.92 and 1.08 < max(seen) < 1.22 and 0.95 < np.median(seen) < 1.05
    np.testing.assert_array_equal(made, change(mel))  # the same for every window of a clip
