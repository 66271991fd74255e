"""Tests of w2l.faces: detectors, the track and its gaps, smoothing, crops and pastes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.places import SHARED

from w2l import faces
from w2l.errors import W2LError
from w2l.faces import detectors, track

YUNET = SHARED / "models"
CLIPS = SHARED / "clips"
needs_yunet = pytest.mark.skipif(not YUNET.is_dir(), reason="no ../shared/models")
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips")
NO_FACE = np.zeros((0, 5), np.float32)


class Scripted:
    """A detector that says, frame by frame, what it was told to."""

    name = "scripted"

    def __init__(self, boxes):
        self.boxes = [
            NO_FACE if b is None else np.reshape([[*x, 0.9] for x in np.atleast_2d(b)], (-1, 5)) for b in boxes
        ]
        self.largest_batch = 0

    def detect(self, frames):
        self.largest_batch = max(self.largest_batch, len(frames))
        said, self.boxes = self.boxes[: len(frames)], self.boxes[len(frames) :]
        return [np.asarray(b, np.float32) for b in said]


def follow(boxes, **how):
    """The track of scripted boxes in a 200 x 160 clip, without pads unless asked for."""
    frames = (np.zeros((160, 200, 3), np.uint8) for _ in boxes)
    return faces.track_faces(frames, **{"detector": Scripted(boxes), "pads": (0, 0, 0, 0), "smooth": False, **how})


def at(x, y=50.0, w=40.0, h=60.0):
    return [x, y, x + w, y + h]


# --- crops ---


@pytest.fixture
def noise():
    return np.random.default_rng(5).integers(0, 256, (120, 150, 3), dtype=np.uint8)


def test_a_crop_of_96_pixels_is_the_frame_itself(noise):
    assert np.array_equal(faces.cut_crop(noise, [20, 10, 116, 106]), noise[10:106, 20:116])
    assert faces.cut_crop(noise, [20, 10, 116, 106], size=48).shape == (48, 48, 3)


@pytest.mark.parametrize("box", [[-30, -20, 66, 76], [100, 60, 196, 156], [40, 90, 136, 186]])
def test_beyond_the_border_the_crop_repeats_the_border(noise, box):
    x1, y1, x2, y2 = box
    rows = np.clip(np.arange(y1, y2), 0, 119)
    columns = np.clip(np.arange(x1, x2), 0, 149)
    assert np.array_equal(faces.cut_crop(noise, box), noise[rows][:, columns])


def test_a_shrunk_crop_averages_its_pixels(noise):
    big = np.repeat(np.repeat(noise[:48, :48], 4, axis=0), 4, axis=1)  # 192 x 192 of 4 x 4 blocks
    assert np.array_equal(faces.cut_crop(big, [0, 0, 192, 192]), np.repeat(np.repeat(noise[:48, :48], 2, 0), 2, 1))


@pytest.mark.parametrize("box", [[200, 10, 250, 60], [10, -50, 60, 0], [np.nan] * 4, [1, 2, 3]])
def test_a_box_that_shows_nothing_of_the_frame_is_refused(noise, box):
    with pytest.raises(W2LError):
        faces.cut_crop(noise, box)
    with pytest.raises(W2LError):
        faces.paste(noise, noise[:96, :96], box)


@pytest.mark.parametrize("box", [[10, 20, 71, 103], [-25, 30, 60, 140], [90, -40, 170, 70], [60.4, 40.6, 133.5, 119.2]])
def test_a_feathered_paste_changes_the_lower_half_of_the_box_only(noise, box):
    before = noise.copy()
    result = faces.paste(noise, np.zeros((96, 96, 3), np.uint8), box)
    assert np.array_equal(noise, before), "the frame itself was changed"
    x1, y1, x2, y2 = (round(v) for v in box)
    changed = (result != noise).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() >= max(0, (y1 + y2) / 2)
    assert rows.max() < y2
    assert columns.min() >= max(0, x1)
    assert columns.max() < x2
    x, y = (x1 + x2) // 2, round(y1 + 0.75 * (y2 - y1))  # where the mouth is
    if 0 <= y < 120 and 0 <= x < 150:
        assert not result[y, x].any()


def test_a_feathered_paste_fades_in_smoothly():
    result = faces.paste(np.zeros((200, 200, 3), np.uint8), np.full((96, 96, 3), 200, np.uint8), [20, 20, 180, 180])
    assert result.max() == 200
    steps = np.abs(np.diff(result[:, 100, 0].astype(int))).max(), np.abs(np.diff(result[140, :, 0].astype(int))).max()
    assert max(steps) <= 40


def test_colours_are_matched_by_what_the_cheeks_are_off(noise):
    crop = noise[:96, :96] // 2 + 40
    drawn = crop.copy()
    drawn[60:80, 30:66] = (10, 10, 120)  # a mouth that the real crop does not have
    tinted = (drawn.astype(int) + (12, -9, 20)).clip(0, 255).astype(np.uint8)
    matched = faces.match_colour(tinted, crop)
    assert np.abs(matched.astype(int) - drawn).max() <= 1
    assert np.array_equal(faces.match_colour(crop, crop), crop)


def test_a_plain_paste_covers_the_whole_box(noise):
    patch = np.full((96, 96, 3), 7, np.uint8)
    result = faces.paste(noise, patch, [-10, 50, 60, 130], feather=False)
    assert (result[50:, :60] == 7).all()
    result[50:, :60] = noise[50:, :60]
    assert np.array_equal(result, noise)


def test_pasting_back_the_crop_hardly_changes_the_frame():
    frame = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8), (0, 0), 4)
    for box in ([100, 60, 290, 280], [-40, 100, 120, 320], [150, 120, 210, 190]):
        result = faces.paste(frame, faces.cut_crop(frame, box), box)
        assert np.abs(result.astype(int) - frame).max() <= 6


# --- the track ---


def test_the_box_of_every_frame_with_its_pads():
    followed = follow([at(10), at(12), at(14)], pads=(1, 10, 3, 4))
    assert followed.boxes.dtype == np.float32
    np.testing.assert_allclose(followed.boxes, [[x - 3, 49, x + 44, 120] for x in (10, 12, 14)])
    assert followed.size == (200, 160)
    assert followed.found.all()
    assert followed.missing == []
    assert len(followed) == 3


def test_frames_are_taken_a_few_at_a_time():
    taken = 0

    def frames():
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield np.zeros((8, 8, 3), np.uint8)

    class Watching(Scripted):
        def detect(self, frames):
            assert taken <= 108 - len(self.boxes)
            return super().detect(frames)

    scripted = Watching([at(1, 1, 4, 4)] * 100)
    assert len(faces.track_faces(frames(), detector=scripted)) == 100
    assert scripted.largest_batch <= 16


def test_the_same_face_is_followed_past_a_larger_one_that_is_seen_for_a_moment():
    main = [at(20 + i) for i in range(30)]
    boxes = [[m, [100, 10, 180, 130]] if 10 <= i < 14 else m for i, m in enumerate(main)]
    np.testing.assert_allclose(follow(boxes).boxes, main)


def test_the_larger_of_two_faces_is_chosen():
    boxes = [[at(20), at(100, 30, 60, 90)]] * 6
    np.testing.assert_allclose(follow(boxes).boxes, [at(100, 30, 60, 90)] * 6)


def test_after_a_cut_the_next_shot_has_its_face_too():
    boxes = [at(20)] * 10 + [at(120, 60, 50, 80)] * 7
    followed = follow(boxes, smooth=True)
    np.testing.assert_allclose(followed.boxes, boxes)


def test_while_the_main_face_is_away_nobody_else_is_taken():
    beside = at(120, 60, 20, 30)
    boxes = [[at(20), beside] if not 10 <= i < 18 else [beside] for i in range(30)]
    assert follow(boxes).missing == list(range(10, 18))


def test_a_hit_of_one_frame_is_no_face():
    assert follow([at(20)] * 8 + [at(140, 10, 30, 40)] + [None] * 6).missing == list(range(8, 15))
    with pytest.raises(W2LError, match="no face"):
        follow([None, at(20), None, None, None])
    assert follow([at(20)]).has_face(0), "a picture is a clip of one frame"


def test_a_short_drop_out_is_bridged_in_every_mode():
    boxes = [at(20)] * 4 + [None] * 3 + [at(28)] * 4
    for gaps in faces.GAPS:
        followed = follow(boxes, gaps=gaps)
        assert followed.missing == []
        np.testing.assert_allclose(followed.boxes[3:8, 0], [20, 22, 24, 26, 28])


def test_a_short_gap_between_boxes_far_apart_is_left_open():
    assert follow([at(20)] * 4 + [None] * 3 + [at(120)] * 4).missing == [4, 5, 6]


def test_gaps():
    boxes = [None] * 2 + [at(20)] * 4 + [None] * 9 + [at(30)] * 4 + [None]
    missing = [0, 1, *range(6, 15), 19]
    passed = follow(boxes)
    assert passed.missing == missing
    assert [i for i in range(20) if not passed.has_face(i)] == missing
    held = follow(boxes, gaps="hold")
    np.testing.assert_allclose(held.boxes[:, 0], [20] * 15 + [30] * 5)
    assert held.missing == missing, "what was not found is still told"
    moved = follow(boxes, gaps="interpolate")
    np.testing.assert_allclose(moved.boxes[:, 0], [20] * 5 + list(range(20, 31)) + [30] * 4)
    with pytest.raises(W2LError, match=r"frames 0-1, 6-14, 19 \(counted from 0\)"):
        follow(boxes, gaps="error")


def test_interpolation_does_not_slide_across_a_cut():
    moved = follow([at(20)] * 4 + [None] * 8 + [at(140)] * 4, gaps="interpolate")
    assert set(moved.boxes[:, 0]) == {20, 140}


def test_smoothing_takes_the_jitter_out():
    rng = np.random.default_rng(3)
    boxes = np.array(at(50)) + rng.normal(0, 1.5, (200, 4))
    raw, smoothed = follow(boxes).boxes, follow(boxes, smooth=True).boxes
    steps = [np.abs(np.diff(b, axis=0)).std(axis=0) for b in (raw, smoothed)]
    assert (steps[1] < steps[0] / 2).all()
    assert (smoothed.std(axis=0) < raw.std(axis=0) / 2).all()


def test_smoothing_does_not_lag_behind_steady_motion():
    boxes = [at(10 + 2.5 * i, 20 + 0.5 * i, 30 + 0.25 * i, 40 + 0.5 * i) for i in range(40)]
    np.testing.assert_allclose(follow(boxes, smooth=True).boxes, boxes, atol=1e-3)


def test_smoothing_agrees_with_a_plain_loop():
    values = np.random.default_rng(8).normal(size=(17, 2))
    slow = [values[i - r : i + r + 1].mean(axis=0) for i in range(17) for r in [min(2, i, 16 - i)]]
    np.testing.assert_allclose(track._centred_mean(values, 5), slow)


def test_a_fixed_box_needs_no_detector_and_no_pads():
    frames = [np.zeros((160, 200, 3), np.uint8)] * 3
    followed = faces.track_faces(frames, box=(10, 20, 60, 90))
    np.testing.assert_array_equal(followed.boxes, [[10, 20, 60, 90]] * 3)


@pytest.mark.parametrize("box", [(1, 2, 3), (50, 20, 10, 90), "here", (10, 20, np.nan, 90), (300, 20, 400, 90)])
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(W2LError, match="box"):
        faces.track_faces([np.zeros((160, 200, 3), np.uint8)], box=box)


@pytest.mark.parametrize("how", [{"gaps": "skip"}, {"pads": (1, 2)}, {"pads": "wide"}, {"detector": "magic"}])
def test_arguments_out_of_range_are_refused(how):
    with pytest.raises(W2LError, match=r"choose one|four numbers"):
        faces.track_faces([np.zeros((160, 200, 3), np.uint8)], **how)


def test_frames_that_are_none_are_refused():
    with pytest.raises(W2LError, match="no frames"):
        faces.track_faces([], box=(0, 0, 9, 9))
    with pytest.raises(W2LError, match="one size"):
        faces.track_faces([np.zeros((16, 20, 3), np.uint8), np.zeros((16, 21, 3), np.uint8)], box=(0, 0, 9, 9))
    with pytest.raises(W2LError, match="uint8"):
        faces.track_faces([np.zeros((16, 20, 3))], box=(0, 0, 9, 9))
    with pytest.raises(W2LError, match=r"no face .* box="):
        follow([None] * 4)


# --- detectors ---


@needs_clips
def test_pictures_without_a_face_say_so():
    with pytest.raises(W2LError, match="no face"):
        faces.track_faces(CLIPS / "image" / "noface_grass.jpg", detector="hog")


@needs_clips
@needs_yunet
def test_a_clip_of_five_frames_and_small_faces_is_tracked():
    yunet = faces.YuNet(YUNET / detectors.YUNET_FILES[0])
    followed = faces.track_faces(CLIPS / "video" / "faceapi_5frames.mp4", detector=yunet)
    assert len(followed) == 5
    assert followed.missing == []
