"""Films of photographic talkers: same seed, same arrays; what a training sees."""

import time
from dataclasses import fields

import numpy as np
import pytest
from helpers.painted import painted_person

from w2l.faces import YuNet
from w2l.talker.photo.film import film, prepare
from w2l.talker.photo.head import Head
from w2l.talker.photo.motion import Motion, make_boxes, make_motion
from w2l.talker.voices.phones import PHONES


def _mouths(count):
    """From /m/ to a wide /a/ and back."""
    share = (0.5 - 0.5 * np.cos(np.linspace(0, 4 * np.pi, count)))[:, None]
    return ((1 - share) * np.array(PHONES["M"].mouth) + share * np.array(PHONES["AA"].mouth)).astype(np.float32)


def _filmed(seed, count=6, size=96):
    frames, truth = zip(*film(painted_person(), _mouths(count), np.random.default_rng(seed), size), strict=True)
    return np.stack(frames), np.stack(truth)


def test_same_seed_same_arrays_and_other_seed_others():
    (frames, truth), again, other = _filmed(3), _filmed(3), _filmed(4)
    np.testing.assert_array_equal(frames, again[0])
    np.testing.assert_array_equal(truth, again[1])
    assert not np.array_equal(frames, other[0])
    assert frames.shape == (6, 96, 96, 3) and frames.dtype == np.uint8 and truth.dtype == np.float32


def test_the_mouth_opens_as_the_truth_says():
    frames, truth = _filmed(1, 9)
    gap = truth[:, 0]
    assert gap[0] < 0.2 and gap[2] > 3 and gap[4] < 0.2
    assert (truth[:, 1] > 20).all() and (truth[:, 1] < 60).all()
    moving = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert (moving > 0.5).all()


def test_a_presenter_fills_the_picture_and_has_truth_of_its_own_size():
    (small, one), (large, two) = _filmed(5, 3, 128), _filmed(5, 3, 256)
    assert small.shape == (3, 128, 128, 3) and large.shape == (3, 256, 256, 3)
    np.testing.assert_allclose(two[:, :2], one[:, :2] * 2, rtol=0.01, atol=0.02)
    assert large[:, :, [0, -1]].mean() > 20 and large[:, [0, -1]].mean() > 20  # no black border


def test_heads_turn_as_far_as_a_photograph_allows():
    motions = [make_motion(np.random.default_rng(seed), 25) for seed in range(40)]
    yaw = np.array([np.abs(motion.yaw).max() for motion in motions])
    assert 18 < yaw.max() <= 25 and np.median(yaw) < 12
    assert max(np.abs(motion.pitch).max() for motion in motions) <= 15


@pytest.mark.parametrize("yaw", [-18.0, 0.0, 18.0])
def test_the_crop_is_where_a_detector_finds_the_face(yaw):
    person = painted_person()
    ready = prepare(person)
    head = Head((ready.skin, person.photo), ready.fit, np.random.default_rng(0))
    still = {field.name: np.zeros(1, np.float32) for field in fields(Motion)}
    motion = Motion(**still | {"yaw": np.full(1, yaw, np.float32)})
    boxes = np.mean([make_boxes(np.random.default_rng(k), head, person.box, motion, np.zeros(1)) for k in range(60)], 0)
    mouth = np.array(PHONES["M"].mouth)
    picture = head.draw(head.pose(mouth, turn=(yaw, 0.0, 0.0)), (0.0, 0.0, 1.0, 1.0), 512, 512)
    found = YuNet().detect([picture])[0][0, :4]
    padded = found + (0, 0, 0, 0.05 * (found[3] - found[1]))  # the usual pad below the chin
    assert np.abs(boxes[0] - padded).max() < 0.09 * (found[2] - found[0])


@pytest.mark.slow
def test_a_core_films_a_hundred_frames_a_second():
    list(film(painted_person(), _mouths(3), np.random.default_rng(0)))  # compiles and fits
    start = time.process_time()
    count = sum(1 for _ in film(painted_person(), _mouths(100), np.random.default_rng(0)))
    rate = count / (time.process_time() - start)
    assert rate > 40  # 100 and more on a core to itself; a crowded machine is slower
