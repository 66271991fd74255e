"""Curves of clips in memory: known offsets are recovered, and windows beyond the ends do not count."""

import numpy as np
import pytest
import torch
from helpers.scores import score

from w2l import models, sync
from w2l.errors import W2LError
from w2l.models.syncnet import SyncNet
from w2l.sync.clip import summarise
from w2l.sync.scorer import Scorer


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


def test_windows_are_as_few_as_published(published):
    """One fewer than would fit, by pictures or by sound, whichever is shorter."""
    frames = np.zeros((9, 96, 96, 3), np.uint8)
    assert len(score(published, frames, np.zeros(640 * 40, np.float32))) == 4
    assert len(score(published, frames, np.zeros(640 * 8 + 639, np.float32))) == 3
    assert len(score(published, frames[:5], np.zeros(640 * 40, np.float32))) == 0


def test_streaming_changes_nothing(bundled, talkers):
    """Blocks of any size, in memory that does not grow, give what all frames at once give."""
    clip = talkers[0]
    whole = sync.offset_curve(models.load("classroom_expert"), clip.frames, clip.mel)
    for block in (1, 33, 100):
        scores = score(bundled, clip.frames, clip.mel, block)
        found = summarise(scores, bundled)
        np.testing.assert_allclose(found.curve, whole.cosine, atol=2e-5)
        assert (found.shifts == whole.shifts).all()
    scorer = Scorer(bundled, clip.mel)
    for _ in range(6):
        scorer.add(list(clip.frames))
        assert len(scorer._frames) < bundled.batch + 5
        assert scorer._sounds is None or len(scorer._sounds) <= bundled.batch + 31
