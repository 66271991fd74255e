"""Tests of heads that do not stand upright, mouths outside the frame and small faces in whole clips. All are drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.faces import Scripted, drawn_face, presenter_picture, turned

from w2l import faces
from w2l.faces import heads, pose


def rolling(rolls):
    return [turned(drawn_face(200), roll) for roll in rolls]


def placed(x, y):
    """A frame of 300 x 200 with the presenter moved by x, y, so that its border may cut the face off."""
    shift = np.float32([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(presenter_picture(), shift, (300, 200), borderMode=cv2.BORDER_REPLICATE)


def off(track, rolls):
    return (track.rolls - np.asarray(rolls) + 180) % 360 - 180


def test_upright_faces_keep_the_boxes_of_the_detector():
    for rolls in ([0] * 40, [10 * np.sin(i / 5) for i in range(40)]):
        frames = rolling(rolls)
        found = faces.see(frames).found
        for ours, theirs in zip(found.faces, faces.YuNet().detect(frames), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not faces.track_faces(frames).rolls.any()


@pytest.mark.parametrize("roll", [45, 90, -90, 180])
def test_a_lying_head_has_a_box_and_a_roll_in_every_frame(roll):
    track = faces.track_faces(rolling([roll] * 8))
    assert track.found.all()
    assert np.abs(off(track, roll)).max() < 4
    assert track.lying.all() == (roll != 45)
    upright = faces.track_faces(rolling([0] * 8))
    np.testing.assert_allclose(_sizes(track), _sizes(upright), rtol=0.12)


def _sizes(track):
    return track.boxes[:, 2:] - track.boxes[:, :2]


def test_a_head_that_turns_over_is_followed_without_jumps():
    rolls = [4 * i for i in range(90)]
    track = faces.track_faces(rolling(rolls))
    assert track.found.all()
    turning = np.abs((np.asarray(rolls) + 180) % 360 - 180) > 40
    assert np.abs(off(track, rolls)[turning]).max() < 8
    steps = (np.diff(track.rolls) + 180) % 360 - 180
    assert steps.min() > -2
    assert steps.max() < 12


def test_a_head_that_lies_still_does_not_tremble():
    rng = np.random.default_rng(3)
    frames = [np.clip(f + rng.normal(0, 4, f.shape), 0, 255).astype(np.uint8) for f in rolling([90] * 30)]
    track = faces.track_faces(frames)
    assert np.abs(np.diff(track.rolls)).max() < 1
    assert np.abs(np.diff(track.boxes, axis=0)).max() < 2


def test_pads_of_a_turned_face_are_added_in_its_own_directions():
    frames = rolling([90] * 4)
    plain, padded = (faces.track_faces(frames, pads=pads) for pads in ((0, 0, 0, 0), (0, 20, 0, 0)))
    grown = _sizes(padded) - _sizes(plain)
    np.testing.assert_allclose(grown, np.tile([0, 20], (4, 1)), atol=1e-3)
    moved = (padded.boxes[:, :2] + padded.boxes[:, 2:] - plain.boxes[:, :2] - plain.boxes[:, 2:]) / 2
    np.testing.assert_allclose(moved, np.tile([-10, 0], (4, 1)), atol=0.5)  # the chin is on the left


def test_as_detected_leaves_the_boxes_alone_but_tells_how_the_head_lies():
    frames = rolling([180] * 3)
    found = faces.see(frames, as_detected=True).found
    for ours, theirs in zip(found.faces, faces.YuNet().detect(frames), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert all(len(boxes) == len(lie) for boxes, lie in zip(found.faces, found.poses, strict=True))


def test_what_was_found_is_remembered_with_its_rolls(tmp_path, monkeypatch):
    from w2l import video

    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))
    with video.VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for frame in rolling([90] * 6):
            writer.write(frame)
    first = faces.track_faces(tmp_path / "clip.mp4")
    monkeypatch.setattr(faces.YuNet, "detect", None)
    again = faces.track_faces(tmp_path / "clip.mp4")
    np.testing.assert_array_equal(first.rolls, again.rolls)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert first.lying.all()


@pytest.mark.parametrize(("x", "y"), [(20, 80), (-114, 0), (158, 0)], ids=["below", "left", "right"])
def test_a_mouth_outside_the_frame_leaves_no_box(x, y):
    track = faces.track_faces([placed(x, y)] * 3)
    assert track.cut_off.all()
    assert track.found.all()
    assert not any(map(track.has_face, range(3)))


def test_a_face_that_leaves_and_returns_changes_twice():
    """Down until the nose is at the border, and up again, trembling."""
    rng = np.random.default_rng(2)
    ys = [*np.linspace(30, 86, 40), *np.linspace(86, 30, 40)]
    track = faces.track_faces([placed(20, y + rng.normal(0, 1)) for y in ys])
    changes = np.flatnonzero(np.diff(track.cut_off.astype(int)))
    assert len(changes) == 2
    assert not track.cut_off[0]
    assert track.cut_off[40]
    assert [track.has_face(i) for i in range(80)] == (~track.cut_off).tolist()


def test_a_fixed_box_is_taken_at_its_word():
    track = faces.track_faces([placed(20, 80)] * 3, box=(110, 130, 190, 240))
    assert not track.cut_off.any()
    assert not faces.track_faces(rolling([90] * 3), box=(40, 40, 160, 160)).rolls.any()


def test_a_detector_without_landmarks_gets_the_same():
    frame = np.full((160, 240, 3), 128, np.uint8)
    track = faces.track_faces([frame] * 4, detector=Scripted([[80, 90, 160, 190]] * 4))
    assert track.cut_off.all()
    inside = faces.track_faces([frame] * 4, detector=Scripted([[80, 20, 160, 120]] * 4))
    assert not inside.cut_off.any()


def large(face_height, x=1200, y=600):
    """A frame of 1920 x 1080 with a face of about that height, on a picture with structure."""
    rng = np.random.default_rng(5)
    frame = cv2.resize(rng.integers(60, 180, (9, 16, 3), np.uint8), (1920, 1080), interpolation=cv2.INTER_CUBIC)
    face = cv2.resize(presenter_picture()[20:190, 45:215], None, fx=face_height / 133, fy=face_height / 133)
    frame[y : y + len(face), x : x + len(face)] = face
    return frame


@pytest.mark.parametrize("height", [45, 60])
def test_small_faces_of_large_frames_are_found(height):
    track = faces.track_faces([large(height, 1200 + 2 * i) for i in range(6)])
    assert track.found.all()
    assert np.abs(_sizes(track)[:, 1] - 10 - height).max() < 0.2 * height  # 10: pads
    np.testing.assert_allclose(np.diff(track.boxes[:, 0]), 2, atol=2)


def test_frames_without_a_face_are_looked_at_closer_now_and_then_only(monkeypatch):
    looks = []
    monkeypatch.setattr(faces.YuNet, "look_closer", lambda self, frame: looks.append(1) or np.zeros((0, 5)))
    empty = np.full((400, 800, 3), 128, np.uint8)
    assert not faces.see([empty] * 100).faces
    assert len(looks) <= 3 + 100 / heads._LONGEST_WAIT + 1


def test_upright_faces_are_looked_at_once_a_second(monkeypatch):
    looks = []
    find = pose.find_roll
    monkeypatch.setattr(pose, "find_roll", lambda *which: looks.append(1) or find(*which))
    faces.see(rolling([0] * 100))
    assert len(looks) == 4


@pytest.mark.parametrize("gaps", ["pass", "hold", "interpolate"])
def test_a_face_that_left_is_not_drawn_at_the_border_whatever_gaps_say(gaps):
    """Out at the left, some frames away, and in again: one stretch without a box."""
    xs = [*range(-90, -151, -4), *[-250] * 10, *range(-150, -89, 4)]
    track = faces.track_faces([placed(x, 0) for x in xs], gaps=gaps)
    drawn = np.array([track.has_face(i) for i in range(len(xs))])
    assert drawn[0]
    assert drawn[-1]
    assert np.abs(np.diff(drawn.astype(int))).sum() == 2
    assert track.cut_off.any()
    assert not track.found[len(xs) // 2]


def test_one_of_two_people_lies_down():
    """Faster than once a second; the other one stays."""
    picture = presenter_picture()
    frames = [np.hstack([picture, turned(picture, min(90, max(0, 9 * (i - 4))))]) for i in range(24)]
    left, right = faces.find_tracks(frames)
    left, right = (left, right) if left.boxes[0, 0] < right.boxes[0, 0] else (right, left)
    assert not left.rolls.any()
    assert right.found.all()
    assert np.abs(off(right, 90)[18:]).max() < 4
