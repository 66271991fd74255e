"""Signs of sync from embeddings that are made up: who stands out, offsets, other sounds, other frame rates."""

import numpy as np
import pytest

from w2l.doctor.sync import rate_numbers, read_sync, sync_numbers

LENGTH = 60


def track(seed, length=200):
    """Embeddings that change smoothly, (length, 16), of length 1 and not negative."""
    rng = np.random.default_rng(seed)
    smooth = np.apply_along_axis(np.convolve, 0, rng.random((length + 4, 16)) ** 4, np.ones(5), "valid")
    return (smooth / np.linalg.norm(smooth, axis=1, keepdims=True)).astype(np.float32)


def clip(seed, late=0, sound=None, step=1.0):
    """A clip whose sound is late by so many frames; sound: of another seed; step: frames of sound to a frame."""
    mouths, heard = track(seed), track(seed if sound is None else sound)
    at = np.arange(LENGTH)
    return mouths[50 + at], heard[np.round(50 - late + at * step).astype(int)]


def numbers(clips):
    return sync_numbers(read_sync(clips))


def test_clips_in_sync():
    found = numbers([clip(seed) for seed in range(12)])
    assert found["in_sync"] == 1 and found["offset"] == 0 and found["same_offset"] == 1
    assert found["foreign"] == 0 and found["spread"] == 0


@pytest.mark.parametrize("late", [-9, -1, 4])
def test_a_delay_has_its_sign(late):
    found = numbers([clip(seed, late) for seed in range(12)])
    assert found["offset"] == late and found["same_offset"] == 1 and found["foreign"] == 0


def test_offsets_that_differ():
    found = numbers([clip(seed, seed % 3 - 1) for seed in range(12)])
    assert found["offset"] == 0 and found["same_offset"] == pytest.approx(1 / 3)
    assert found["spread"] == pytest.approx(np.std([-1, 0, 1]))


def test_sounds_of_others():
    found = numbers([clip(seed, sound=100 + seed if seed < 6 else None) for seed in range(20)])
    assert found["foreign"] == pytest.approx(0.3, abs=0.12) and found["offset"] == 0 and found["same_offset"] > 0.9


def test_the_frame_rate_that_fits():
    assert rate_numbers([clip(seed) for seed in range(6)])["rate"] == 25
    slow = rate_numbers([clip(seed, step=1.2) for seed in range(6)])  # 30 a second taken for 25
    assert slow["rate"] == 30 and slow["rate_gain"] > 0.05
    assert rate_numbers([clip(seed, step=0.5) for seed in range(6)])["rate"] == 12.5
