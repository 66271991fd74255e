"""The expert as a judge."""

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l.audio import mel_windows
from w2l.faces.crop import lower_halves
from w2l.sync.scorer import pair_cosines
from w2l.train import judge
from w2l.train.engine.precision import Precision


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_the_judge_sees_what_the_sampler_cuts(frames):
    """A judge with folded batch norm gives the plain expert's cosines, of windows of 1, 3 or 5 frames; so does the
    curve of a clip."""
    network, clip = tiny.judge(frames), tiny.clips(1)[0]
    it = judge.Judge(network, tiny.CPU, Precision("off", tiny.CPU))
    windows = np.concatenate([clip.frames[start : start + 5] for start in range(8)])
    mel = torch.from_numpy(mel_windows(clip.mel, 25, 8, shift=0))
    first = (5 - frames) // 2
    cut = np.stack([expert_window(clip, start + first, frames) for start in range(8)])
    with torch.no_grad():
        cosines = it.cosine(mel, it.see(judge.to_faces(windows[None], tiny.CPU)))
        sound, mouths = network(mel[:, None], torch.from_numpy(cut))
    expected = (mouths @ sound.T).numpy()
    np.testing.assert_allclose(cosines, np.diagonal(expected), atol=1e-5)
    np.testing.assert_allclose(pair_cosines(network, clip.frames[:12], clip.mel), expected, atol=1e-5)


def expert_window(clip, start, frames):
    return lower_halves(clip.frames[start : start + frames])
