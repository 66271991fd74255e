"""Tests of crops and pastes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from w2l import faces
from w2l.errors import W2LError
from w2l.faces.crop import corners


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


@pytest.mark.parametrize("roll", [0.0, 30.0])
def test_detail_is_the_frames_own_but_for_mouth_and_chin(noise, roll):
    """Of a grey patch on a frame of noise, cheeks and nose take the brightness and not the smoothness."""
    frame = cv2.resize(noise, (192, 192), interpolation=cv2.INTER_NEAREST)
    box = [0, 0, 192, 192]
    result = faces.paste(frame, np.full((96, 96, 3), 90, np.uint8), box, roll=roll)
    seen = [faces.cut_crop(picture, box, 192, roll).astype(float) for picture in (frame, result)]
    for name, (y, x) in {"nose": (112, 96), "cheek": (132, 42), "other cheek": (132, 150)}.items():
        before, after = (picture[y - 6 : y + 6, x - 6 : x + 6, 1] for picture in seen)
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9, name
        assert after.std() > 0.7 * before.std(), name
    for name, (y, x) in {"mouth": (146, 96), "corner of the mouth": (146, 56), "chin": (168, 96)}.items():
        after = seen[1][y - 4 : y + 4, x - 4 : x + 4]
        assert np.abs(after - 90).max() <= 2, name


def test_colours_are_matched_by_what_the_cheeks_are_off(noise):
    crop = noise[:96, :96] // 2 + 40
    drawn = crop.copy()
    drawn[60:80, 30:66] = (10, 10, 120)  # a mouth that the real crop does not have
    tinted = (drawn.astype(int) + (12, -9, 20)).clip(0, 255).astype(np.uint8)
    matched = faces.match_colour(tinted, crop)
    assert np.abs(matched.astype(int) - drawn).max() <= 1
    assert np.array_equal(faces.match_colour(crop, crop), crop)


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.6, 0.8, 1.0)], ids=["black and white", "sepia"])
def test_lips_in_a_picture_of_one_hue_have_that_hue(noise, tint):
    bright = noise[:96, :96, :1].astype(float)
    crop = (bright * tint).round().astype(np.uint8)
    drawn = crop.copy()
    drawn[60:80, 30:66] = (60, 60, 160)  # red lips
    matched = faces.match_colour(drawn, crop)[60:80, 30:66].reshape(-1, 3)
    assert (matched == matched[0]).all() and matched[0].astype(int).sum() == pytest.approx(280, abs=3)  # as bright
    assert matched[0] / matched[0, 2] == pytest.approx(np.array(tint), abs=0.02)


def test_lips_in_a_picture_of_some_colour_keep_theirs(noise):
    crop = np.repeat(noise[:96, :96, :1], 3, axis=2) // 2 + 60
    crop[::4] += np.array([0, 6, 12], np.uint8)
    crop[1::4] += np.array([0, 6, 12], np.uint8)
    drawn = crop.copy()
    drawn[60:80, 30:66] = (60, 60, 160)
    assert np.array_equal(faces.match_colour(drawn, crop)[60:80, 30:66], drawn[60:80, 30:66])


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


@pytest.mark.parametrize("roll", [90, -90, 180])
def test_a_turned_head_is_cut_out_upright_and_pasted_where_it_was(roll):
    frame = cv2.GaussianBlur(np.random.default_rng(4).integers(0, 255, (200, 200, 3), np.uint8), (0, 0), 3)
    box = [40, 40, 136, 136]
    lying = {90: np.rot90(frame[40:136, 40:136]), -90: np.rot90(frame[40:136, 40:136], -1)}
    crop = faces.cut_crop(frame, box, roll=roll)
    assert np.abs(crop.astype(int) - lying.get(roll, frame[40:136, 40:136][::-1, ::-1])).max() <= 1
    for feather in (True, False):
        assert np.abs(faces.paste(frame, crop, box, feather, roll).astype(int) - frame).max() <= 2
    result = faces.paste(frame, np.zeros((96, 96, 3), np.uint8), box, roll=roll)
    changed = (result != frame).any(axis=2)
    assert changed[88 + {180: -30}.get(roll, 0), 88 + {90: -30, -90: 30}.get(roll, 0)], "the chin's side is drawn"
    assert not changed[88 - {180: -30}.get(roll, 0), 88 - {90: -30, -90: 30}.get(roll, 0)], "the forehead's is not"


def test_the_corners_of_a_turned_box():
    np.testing.assert_allclose(corners([10, 20, 30, 60]), [[10, 20], [30, 20], [30, 60], [10, 60]])
    np.testing.assert_allclose(corners([10, 20, 30, 60], 90), [[40, 30], [40, 50], [0, 50], [0, 30]])


def test_a_turned_head_at_the_border_is_pasted_as_far_as_it_is_seen():
    frame = np.full((100, 100, 3), 50, np.uint8)
    for box in ([-40, 30, 20, 90], [80, 80, 140, 150], [-50, 95, 10, 200]):
        for roll in (45, 90, 180):
            assert faces.paste(frame, faces.cut_crop(frame, box, roll=roll), box, roll=roll).shape == frame.shape
