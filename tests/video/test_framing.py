"""Tests of what of each frame is worked on."""

from __future__ import annotations

import numpy as np
import pytest

from w2l.errors import W2LError
from w2l.video.framing import Framing, scaled


def picture():
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[:10, :20] = 250  # marks the upper left corner
    return frame


def test_order_is_shrink_turn_cut():
    out = Framing(2, 90, (10, 0, -1, 20))(picture())
    assert out.shape == (20, 20, 3)  # 80x60 -> 40x30 -> 30x40 -> 10 off the left, the upper 20
    assert out[5, -2].mean() > 200  # clockwise: the corner comes to the upper right
    assert out[15, 2].mean() < 10


@pytest.mark.parametrize(("rotate", "corner"), [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_turns_clockwise(rotate, corner):
    assert Framing(rotate=rotate)(picture())[corner].mean() == 250


def test_nothing_changes_nothing():
    frame = picture()
    assert Framing()(frame) is frame


@pytest.mark.parametrize(
    "wrong",
    [{"resize_factor": 0}, {"resize_factor": 1.5}, {"rotate": 45}, {"crop": (5, 5, 5, 9)}, {"crop": (-1, 0, 9, 9)}],
)
def test_values_out_of_range(wrong):
    with pytest.raises(W2LError, match="give"):
        Framing(**wrong)


@pytest.mark.parametrize("much", [Framing(8), Framing(crop=(70, 0, -1, -1)), Framing(crop=(200, 0, 300, 50))])
def test_nothing_left(much):
    with pytest.raises(W2LError, match="are left"):
        much(picture())


def test_scaled_frames_average_when_shrunk_and_stay_when_not():
    frame = picture()
    assert scaled(frame, 1) is frame
    assert scaled(frame, 0.5).shape == (30, 40, 3)
    assert scaled(frame, 0.5)[:5, :10].min() == 250
    assert scaled(frame, 1e-9).shape == (1, 1, 3)
    assert scaled(frame[:1], 3).shape == (3, 240, 3)
