"""Training windows: where they are cut, and what goes with what."""

import numpy as np
import pytest

from w2l.data import windows
from w2l.data.clip import Clip


@pytest.fixture(scope="module")
def clips():
    """Three clips: frame t of clip c is painted (c, t), mel column k holds k; so everything can be read back."""
    made = []
    for c in range(3):
        frames = np.zeros((40, 96, 96, 3), np.uint8)
        frames[..., 0] = c * 50
        frames[..., 1] = np.arange(40)[:, None, None]
        frames[:, :48, :, 2] = 200  # the upper half is told from the lower
        made.append(
            Clip(frames, np.tile(np.arange(129, dtype=np.float32) / 100, (80, 1)), np.zeros((40, 3), np.float32))
        )
    return made


def test_windows_end_inside_the_clip(clips):
    assert clips[0].starts == 36  # 40 - 5 + 1 frames, and 3.2 * 35 + 16 = 128 columns of 129
    assert Clip(np.zeros((40, 96, 96, 3), np.uint8), np.zeros((80, 100), np.float32)).starts == 27


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_expert_batch_pairs_mouths_with_their_sound(clips, frames):
    mels, faces = windows.expert_batch(clips, np.random.default_rng(0), 3, 4, frames, augment=False)
    assert mels.shape == (12, 1, 80, 16) and faces.shape == (12, 3 * frames, 48, 96)
    assert faces.dtype == mels.dtype == np.float32
    numbers = np.rint(faces * 255).astype(int)
    assert (numbers[:, 2::3] == 0).all()  # lower halves only, red channel third
    for mel, face in zip(mels, numbers, strict=True):
        first = face[1, 0, 0]  # the frame number is in green
        start = first - (5 - frames) // 2
        assert [face[3 * k + 1, 0, 0] for k in range(frames)] == [first + k for k in range(frames)]
        np.testing.assert_allclose(mel[0, 0] * 100, np.floor(3.2 * start) + np.arange(16), atol=1e-3)
    for group in numbers.reshape(3, 4, -1, 48, 96):  # windows of a group: same clip, different places
        assert len({g[0, 0, 0] for g in group}) == 1 and len({g[1, 0, 0] for g in group}) == 4


@pytest.mark.parametrize("frames", [1, 5])
def test_generator_batch_has_another_time_as_reference(clips, frames):
    seen, fitting = 0, 0
    for seed in range(20):
        batch = windows.generator_batch(clips, np.random.default_rng(seed), 3, frames, augment=False)
        assert batch["target"].shape == batch["reference"].shape == (3, frames, 96, 96, 3)
        assert batch["mels"].shape == (3, frames, 80, 16) and batch["window"].shape == (3, 80, 16)
        for target, reference, mels, window in zip(*batch.values(), strict=True):
            start = int(target[0, 0, 0, 1])
            assert target[0, 0, 0, 0] == reference[0, 0, 0, 0]  # the same clip
            other = int(reference[0, 48, 0, 1])
            assert abs(other - start) >= 12
            assert (reference[:, 48:, :, 1] == (other + np.arange(frames))[:, None, None]).all()
            fitting += reference[0, 0, 0, 1] == start  # it has the target's own upper half
            assert reference[0, 0, 0, 1] in (start, other)
            np.testing.assert_array_equal(target[:, 0, 0, 1], start + np.arange(frames))
            for k in range(frames):  # published: frame t hears from t - 1 on
                np.testing.assert_allclose(mels[k, 0, 0] * 100, np.floor(3.2 * (start + k - 1) + 1e-6), atol=1e-3)
            np.testing.assert_allclose(window[0, 0] * 100, np.floor(3.2 * start), atol=1e-3)
            seen += 1
    assert seen == 60 and 15 < fitting < 45


def test_in_a_short_clip_the_reference_is_as_far_away_as_can_be(clips):
    short = Clip(clips[0].frames[:11], clips[0].mel[:, :52])
    batch = windows.generator_batch([short], np.random.default_rng(0), 20, augment=False)
    starts, others = (batch[name][:, 0, 48, 0, 1].astype(int) for name in ("target", "reference"))
    farthest = np.maximum(starts, 10 - starts)
    np.testing.assert_array_equal(np.abs(starts - others), farthest)
