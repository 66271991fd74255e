"""Curves of clips in memory: known offsets are recovered, and windows beyond the ends do not count."""

import numpy as np
import pytest
import torch

from w2l import models, sync
from w2l.errors import W2LError
from w2l.models.syncnet import SyncNet


class KnowingExpert(SyncNet):
    """Embeds a window by the number written into its first frame or its first mel column: a perfect expert."""

    def __init__(self) -> None:
        super().__init__(width=0.1)

    def embed_faces(self, faces: torch.Tensor) -> torch.Tensor:
        return self._hot((faces[:, 0, 0, 0] * 255).round().long())

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        return self._hot(torch.floor((mel[:, 0, 0, 0] + 4) * 25 / 3.2 + 0.5).long())  # column k holds k / 25 - 4

    @staticmethod
    def _hot(index: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(index, 200).float()


@pytest.mark.parametrize("late", [-10, -3, 0, 1, 7, 10])
def test_sync_curve_recovers_known_offsets(late):
    """Frame t shows t; the sound is delayed by `late` frames: the offset says so, positive when the sound is late."""
    frames = np.zeros((60, 96, 96, 3), np.uint8)
    frames[:] = np.arange(20, 80)[:, None, None, None]
    column = np.arange(200) / 25 - 4 + 20 * 3.2 / 25  # frame 0 shows number 20
    mel = np.tile((column - late * 3.2 / 25).astype(np.float32), (80, 1))
    curve = sync.offset_curve(KnowingExpert(), frames, mel)
    assert curve.offset == late
    assert curve.confidence > 0.8
    assert (curve.in_sync > 0.8) == (late == 0)


def test_sync_curve_averages_over_windows_inside_the_clip():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (12, 96, 96, 3), dtype=np.uint8)
    mel = rng.uniform(-4, 4, (80, 60)).astype(np.float32)
    torch.manual_seed(0)
    expert = models.build("syncnet", 0.1).eval()
    mouths, sounds = sync.embed(expert, frames, mel)
    curve = sync.offset_curve(expert, frames, mel, max_shift=3)
    for shift, value in zip(curve.shifts, curve.cosine, strict=True):
        pairs = [mouths[t] @ sounds[t + shift] for t in range(8) if 0 <= t + shift < 8]
        assert value == pytest.approx(np.mean(pairs), rel=1e-5)


def test_clips_shorter_than_a_window_are_refused():
    with pytest.raises(W2LError, match="too short"):
        sync.embed(KnowingExpert(), np.zeros((4, 96, 96, 3), np.uint8), np.zeros((80, 40), np.float32))


def test_sync_curve_says_where_the_curve_of_arrays_is():
    with pytest.raises(W2LError, match=r"not a KnowingExpert; for frames use sync\.offset_curve"):
        sync.sync_curve(KnowingExpert(), np.zeros((9, 96, 96, 3), np.uint8), np.zeros((80, 40), np.float32))
