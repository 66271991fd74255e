"""Frame rates: a talker says and does the same whatever the camera's rate."""

import numpy as np
import pytest

from w2l import talker
from w2l.talker.drawn.render import make_motion


def test_poses_at_another_rate_move_alike():
    poses = np.array(make_motion(np.random.default_rng(0), 100))
    fast = np.array(make_motion(np.random.default_rng(0), 200, 50.0))
    np.testing.assert_array_equal(fast[::2], poses)
    np.testing.assert_allclose(fast[1:-1:2], (poses[:-1] + poses[1:]) / 2)


@pytest.mark.parametrize("looks", ["drawn", "photo"])
def test_a_talker_filmed_at_another_rate_does_the_same(looks):
    speaker = talker.make_speaker("test", 0, cast=talker.Cast(looks=looks))
    phones, _ = talker.speech(speaker, seconds=1.6)
    slow, fast = (
        np.stack([truth for _, truth in talker.film(speaker, phones, round(1.6 * fps), fps=fps)]) for fps in (25, 50)
    )
    assert len(fast) == 2 * len(slow) and slow[:, 0].max() > 3
    # a box follows the chin over a number of frames, so a photographic face is a little larger or smaller in it
    np.testing.assert_allclose(fast[::2, :2], slow[:, :2], rtol=1e-5 if looks == "drawn" else 0.06, atol=0.05)


@pytest.mark.parametrize("looks", ["drawn", "photo"])
def test_a_head_stays_turned_as_far_as_told(looks):
    speaker = talker.make_speaker("test", 0, cast=talker.Cast(looks=looks))
    phones, _ = talker.speech(speaker, seconds=0.4)
    front, side, again = (
        np.stack([frame for frame, _ in talker.film(speaker, phones, 5, yaw=yaw)]).astype(int) for yaw in (0, 20, 20)
    )
    assert np.abs(front - side).mean() > 3 and (side == again).all()
