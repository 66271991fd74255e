"""The expert as a judge."""

import numpy as np
import pytest
import torch
from helpers import tiny_training as tiny

from w2l.audio import mel_windows
from w2l.data.windows import lower_halves
from w2l.train import judge
from w2l.train.engine.precision import Precision


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_the_judge_sees_what_the_sampler_cuts(frames):
    """A judge with folded batch norm gives the plain expert's cosines, of windows of 1, 3 or 5 frames."""
    network, clip = tiny.judge(frames), tiny.clips(1)[0]
    it = judge.Judge(network, tiny.CPU, Precision("off", tiny.CPU))
    scores = it.scores(judge.to_faces(clip.frames[:12], tiny.CPU), clip.mel)
    first = (5 - frames) // 2
    cut = np.stack([expert_window(clip, start + first, frames) for start in range(8)])
    with torch.no_grad():
        sound, mouths = network(torch.from_numpy(mel_windows(clip.mel, 25, 8, shift=0))[:, None], torch.from_numpy(cut))
    np.testing.assert_allclose(scores, (mouths @ sound.T).numpy(), atol=1e-5)


def expert_window(clip, start, frames):
    return lower_halves(clip.frames[start : start + frames])
