"""An expert with a shorter window judges still mouths as the longer one did."""

from __future__ import annotations

import pytest
import torch
from helpers.tiny_training import judge

from w2l.errors import W2LError
from w2l.models.shorten import shorten


@torch.inference_mode()
@pytest.mark.parametrize(("before", "frames"), [(5, 3), (5, 1), (3, 1), (5, 5)])
def test_still_mouths_are_judged_the_same(before, frames):
    long = judge(before)
    long.meta = {"data": "talkers", "frames": before}
    short = shorten(long, frames)
    assert short.frames == short.meta["frames"] == frames and short.meta["data"] == "talkers"
    made = torch.Generator().manual_seed(3)
    mel, mouth = torch.randn(2, 1, 80, 16, generator=made), torch.rand(2, 3, 48, 96, generator=made)
    expected = long(mel, mouth.repeat(1, before, 1, 1))
    torch.testing.assert_close(short(mel, mouth.repeat(1, frames, 1, 1)), expected, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_the_frames_beyond_the_window_do_not_count():
    """Where the first and last of three frames differ, the shorter expert sees the middle one, three times."""
    long = judge(3)
    mouths = torch.rand(1, 9, 48, 96, generator=torch.Generator().manual_seed(4))
    still = mouths[:, 3:6].repeat(1, 3, 1, 1)
    short = shorten(long, 1).embed_faces(mouths[:, 3:6])
    torch.testing.assert_close(short, long.embed_faces(still), atol=1e-5, rtol=1e-4)
    assert (short - long.embed_faces(mouths)).abs().max() > 1e-4


def test_a_window_that_there_is_not():
    with pytest.raises(W2LError, match="1, 3 or 5"):
        shorten(judge(5), 2)
