"""Tests of how a head lies: its roll, and how far inside the frame it is. All heads are drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.faces import drawn_face, presenter_picture, turned

from w2l import faces
from w2l.faces import pose

FACE = [60, 60, 196, 220]  # about, in `drawn_face`


@pytest.mark.parametrize("roll", [0, 30, -40, 45, 90, -90, 120, 180, -150])
def test_the_roll_of_a_head_is_measured(roll):
    head = pose.find_roll(turned(drawn_face(), roll), FACE)
    off = (head.roll - roll + 180) % 360 - 180
    assert abs(off) < (10 if roll == 0 else 5)
    assert head.score > 0.8


def test_the_box_of_a_rolled_head_is_that_of_the_upright_face_about_its_centre():
    (upright,) = faces.YuNet().detect([drawn_face()])
    middle = np.array([128, 128])
    wanted = (upright[0, :2] + upright[0, 2:4]) / 2 - middle
    head = pose.find_roll(turned(drawn_face(), 90), FACE)
    centre = (head.box[:2] + head.box[2:]) / 2 - middle
    np.testing.assert_allclose(centre, [-wanted[1], wanted[0]], atol=6)
    np.testing.assert_allclose(head.box[2:] - head.box[:2], upright[0, 2:4] - upright[0, :2], atol=12)


def test_where_there_is_no_head_none_is_measured():
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    for picture in (noise, np.full((200, 200, 3), 90, np.uint8)):
        assert pose.find_roll(picture, [50, 50, 150, 150]) is None
        assert pose.measure(picture, [50, 50, 150, 150], 90) is None


@pytest.mark.parametrize("quarters", range(4))
def test_the_mouth_is_outside_where_the_frame_ends_above_it(quarters):
    """At the lower border, and at the others for heads that lie towards them."""
    for cut, inside in ((138, False), (166, True)):
        part = presenter_picture()[:cut]
        head = pose.find_roll(np.ascontiguousarray(np.rot90(part, -quarters)), _box_in(part.shape, quarters))
        assert (head.inside > 0.05) == inside


def _box_in(shape, quarters):
    """The face in a part of the picture of that shape, turned."""
    height, width = shape[:2]
    x1, y1, x2, y2 = 90, 53, 169, 150
    for _ in range(quarters):
        x1, y1, x2, y2 = height - y2, x1, height - y1, x2
        height, width = width, height
    return [x1, y1, x2, y2]


def test_what_is_inside_is_guessed_from_a_box_alone():
    frame = np.zeros((100, 200, 3), np.uint8)
    assert pose.inside_by_box(frame, [80, 30, 120, 70]) > 0.3
    assert pose.inside_by_box(frame, [80, 40, 120, 120]) == pytest.approx(0)
    assert pose.inside_by_box(frame, [80, 60, 120, 140]) < 0
    assert pose.inside_by_box(frame, [-20, 10, 20, 50]) < 0
    assert pose.inside_by_box(frame, [180, 10, 220, 50]) < 0


def test_turning_a_frame_keeps_it():
    """The helper turns clockwise, as `roll` is counted."""
    picture = drawn_face()
    assert np.abs(turned(picture, 90).astype(int) - cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE)).mean() < 2
