"""Augmentation changes all frames of a window alike."""

import numpy as np

from w2l.data.augment import Augment


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
