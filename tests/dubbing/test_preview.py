"""The preview of one frame: the very frame that the dub will show there, quickly, with its settings in sight."""

import cv2
import numpy as np
import pytest
from helpers.dubs import BOX, number, run_dub, write_speech

from w2l.dubbing.preview import preview
from w2l.errors import W2LError
from w2l.marking import mark


@pytest.fixture
def spoken(tmp_path):
    return write_speech(tmp_path / "s.wav", 1.2)


@pytest.mark.parametrize("options", [{}, {"parity": True}, {"extend": "hold"}, {"feather": False, "gate": True}])
@pytest.mark.parametrize("at", [0.0, 0.5, 0.99])
def test_it_is_the_frame_of_the_dub(tmp_path, clip, generator, spoken, options, at):
    moments = []
    run_dub(clip, spoken, tmp_path / "o.mp4", generator, watch=moments.append, **options)
    made = preview(clip, spoken, at, box=BOX, weights=generator, **options)
    expected = moments[int(at * 25)]
    assert made.moment.index == expected.index
    assert number(made.moment.frame) == number(expected.frame)
    assert (made.moment.crop == expected.crop).all()
    assert np.abs(made.moment.result.astype(int) - expected.result).max() <= 2  # batches of other sizes


def test_picture_is_written_and_marked(tmp_path, clip, generator, spoken):
    out = tmp_path / "p.png"
    made = preview(clip, spoken, 0.2, out, box=BOX, weights=generator, pads=(0, 20, 0, 0))
    assert mark.read(out).synthetic
    assert (cv2.imread(str(out)) == made.picture).all()
    plain = preview(clip, spoken, 0.2, box=BOX, weights=generator)
    assert plain.picture.shape != made.picture.shape or (plain.picture != made.picture).any()


@pytest.mark.parametrize(("at", "said"), [(-1, "nothing to see at -1"), (7, "lasts 1.20 s"), (float("nan"), "nothing")])
def test_moments_that_are_none(clip, generator, spoken, at, said):
    with pytest.raises(W2LError, match=said):
        preview(clip, spoken, at, box=BOX, weights=generator)


@pytest.mark.parametrize("frame", [0, 13, 29])
def test_a_frame_by_its_number(clip, generator, spoken, frame):
    by_number = preview(clip, spoken, frame=frame, box=BOX, weights=generator)
    by_time = preview(clip, spoken, (frame + 0.5) / 25, box=BOX, weights=generator)
    assert by_number.moment.index == by_time.moment.index == frame
    assert (by_number.picture == by_time.picture).all()


@pytest.mark.parametrize("frame", [-1, 30])
def test_frames_that_are_none(clip, generator, spoken, frame):
    with pytest.raises(W2LError, match=f"no frame {frame}: the speech lasts until frame 29"):
        preview(clip, spoken, frame=frame, box=BOX, weights=generator)


def test_no_face_there(clip, generator, spoken):
    with pytest.raises(W2LError, match="no face"):
        preview(clip, spoken, 0.5, weights=generator)


def test_no_input_is_overwritten(clip, generator, spoken):
    for given in (clip, spoken):
        before = given.read_bytes()
        with pytest.raises(W2LError, match="both input and output"):
            preview(clip, spoken, out=given, box=BOX, weights=generator)
        assert given.read_bytes() == before
