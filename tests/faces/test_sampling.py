"""Every second frame is searched where faces hardly move, and every frame where they do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.faces import CLIPS, drawn_face, needs_clips

from w2l import faces, video
from w2l.faces.boxes import iou
from w2l.faces.scene import Scene


class Told(faces.YuNet):
    """Finds what it is told, and remembers which frames it was shown: a frame's first pixel is its number."""

    def __init__(self, *boxes):
        super().__init__()
        self.boxes, self.seen = [np.reshape(np.asarray(b, np.float32), (-1, 5)) for b in boxes], []

    def detect(self, frames):
        self.seen += [int(frame[0, 0, 0]) for frame in frames]
        return [self.boxes[frame[0, 0, 0]] for frame in frames]


def see(finder, side=400, cuts=(), **how):
    """What is found in frames of noise; after a cut, in frames of other noise."""
    rng = np.random.default_rng(0)
    shots = [cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (side, side)) for _ in range(len(cuts) + 1)]
    frames = []
    for i in range(len(finder.boxes)):
        frames.append(shots[sum(cut <= i for cut in cuts)].copy())
        frames[-1][0, 0] = i
    found = faces.detect_clip(iter(frames), finder, **how)
    assert found.cuts == list(cuts)
    return found.faces


def at(x, size=100, score=0.9):
    return [x, 100, x + size, 100 + 1.2 * size, score]


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 21])
def test_a_face_that_hardly_moves_is_searched_for_in_every_second_frame(count):
    told = Told(*(at(100 + 2 * i) for i in range(count)))
    found = see(told)
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(told.boxes), atol=1e-4)
    assert len(told.seen) == len(set(told.seen)) <= count // 2 + 2


def test_a_frame_between_has_the_boxes_halfway_of_all_faces():
    """Whatever their order: it is that of the scores."""
    one, other = [at(40 + 3 * i) for i in range(8)], [at(240 - i, 120, 0.85 + 0.02 * (i % 4)) for i in range(8)]
    told = Told(*(sorted(pair, key=lambda box: -box[4]) for pair in zip(one, other, strict=True)))
    found = see(told)
    assert set(told.seen) == {0, 1, 3, 5, 7}
    for i in (2, 4, 6):
        expected = [np.add(one[i - 1], one[i + 1]) / 2, np.add(other[i - 1], other[i + 1]) / 2]
        expected.sort(key=lambda box: -box[4])
        np.testing.assert_allclose(found[i], expected, atol=1e-4)


def changes(kind):
    """Boxes of 12 frames, of which none may be guessed around the change."""
    x = [100 + i for i in range(12)]
    if kind == "fast":
        return [at(100 + 20 * i, 60) for i in range(12)]
    if kind == "jumps":
        return [at(x[i] + 80 * (i >= 6)) for i in range(12)]
    if kind == "comes":
        return [at(x[i]) if i >= 6 else [] for i in range(12)]
    if kind == "goes":
        return [at(x[i]) if i < 6 else [] for i in range(12)]
    if kind == "flickers":
        return [at(x[i]) if i % 2 == 0 else [] for i in range(12)]
    return [[at(x[i])] + [at(280)] * (i >= 6) for i in range(12)]  # another one comes


@pytest.mark.parametrize("kind", ["fast", "jumps", "comes", "goes", "flickers", "another"])
def test_what_changes_is_searched_for_in_every_frame(kind):
    told = Told(*changes(kind))
    for ours, theirs in zip(see(told), told.boxes, strict=True):
        np.testing.assert_allclose(ours[:, :4], theirs[:, :4], atol=1e-4)


@pytest.mark.parametrize("cut", [3, 4, 8, 9])
def test_no_box_is_taken_from_across_a_cut(cut):
    """Though both shots show a face at nearly the same place."""
    told = Told(*(at(100 + 8 * (i >= cut)) for i in range(14)))
    for ours, theirs in zip(see(told, cuts=[cut]), told.boxes, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_small_frames_and_those_wanted_as_detected_are_all_searched():
    boxes = [at(100 + i) for i in range(9)]
    for how in ({"side": 320}, {"as_detected": True}):
        told = Told(*boxes)
        see(told, **how)
        assert told.seen == list(range(9))


def test_other_detectors_search_every_frame():
    class Other(Told):
        pass

    other = Other(*(at(100 + i) for i in range(9)))
    plain = type("Plain", (), {"name": "plain", "settings": "", "detect": lambda self, frames: other.detect(frames)})()
    frames = [np.full((400, 400, 3), i, np.uint8) for i in range(9)]
    faces.detect_clip(iter(frames), plain)
    assert other.seen == list(range(9))


def compared(frames, **how):
    """IoU of the smoothed boxes with those of a search in every frame: (n,)."""
    frames = list(frames)
    ours = faces.see(iter(frames), **how).found
    plain = faces.Found(faces.YuNet().detect(frames), ours.cuts, ours.size, True, ours.views)
    pairs = zip(Scene(ours).track().boxes, Scene(plain).track().boxes, strict=True)
    return np.array([iou(a, b) for a, b in pairs if np.isfinite(b[0])])


def test_a_nodding_head_is_followed():
    drawn = cv2.copyMakeBorder(drawn_face(300), 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    shifts = [np.float32([[1, 0, 0], [0, 1, 12 * np.sin(2 * np.pi * 2 * i / 25)]]) for i in range(25)]
    frames = [cv2.warpAffine(drawn, shift, (420, 420), borderMode=cv2.BORDER_REPLICATE) for shift in shifts]
    assert compared(frames).min() > 0.95


@needs_clips
@pytest.mark.parametrize("name", ["hamilton_cuts.mp4", "latentsync_demo1_hevc_portrait.mp4", "vretalk_face4.mp4"])
def test_boxes_of_real_clips_are_those_of_a_search_in_every_frame(name):
    """Cuts and a crowd; small faces of a large picture; a speaker."""
    overlap = compared(video.read_frames(CLIPS / "video" / name, max_frames=32))
    assert overlap.min() > 0.9 and np.median(overlap) > 0.97
