"""Dubs of heads that lie, and of mouths outside the picture: what is drawn, and what is told."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.dubs import run_dub, seen, write_speech
from helpers.faces import drawn_face, presenter_picture, turned
from helpers.places import SHARED

from w2l import video
from w2l.dubbing.preview import preview
from w2l.errors import W2LError

FAULTS = SHARED / "faults"
needs_faults = pytest.mark.skipif(not FAULTS.is_dir(), reason="no ../shared/faults")


def write_clip(path, frames):
    with video.VideoWriter(path, 25, quality=9) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def drawn_on(moment):
    """Where the result differs most from the frame: x, y of the middle."""
    off = np.abs(moment.result.astype(int) - moment.frame).sum(axis=2)
    rows, columns = np.nonzero(off > 0)
    return columns.mean(), rows.mean()


@pytest.mark.parametrize(("roll", "mouth"), [(90, (68, 128)), (-90, (188, 128)), (180, (128, 68)), (0, (128, 188))])
def test_the_mouth_is_drawn_where_a_lying_head_has_it(tmp_path, generator, roll, mouth):
    clip = write_clip(tmp_path / "in.mp4", [turned(drawn_face(), roll)] * 5)
    speech = write_speech(tmp_path / "s.wav", 0.4)
    result, moments = seen(clip, speech, tmp_path / "out.mp4", generator, box=None, label=False)
    told = [note for note in result.notes if "lies on its side" in note]
    assert bool(told) == bool(roll)
    assert all("10 of 10 frames" in note and "--rotate" in note for note in told)
    assert result.frames_without_face == []
    for moment in moments:
        np.testing.assert_allclose(drawn_on(moment), mouth, atol=16)
        assert np.abs(moment.crop.astype(int) - moments[0].crop).mean() < 6


def test_frames_whose_mouth_lies_outside_pass_unchanged_with_a_note(tmp_path, generator):
    """The presenter sinks below the picture."""
    frames = [np.roll(presenter_picture(), 4 * i, axis=0)[:190] for i in range(30)]  # the mouth is at 152 + 4 i
    clip, speech = write_clip(tmp_path / "in.mp4", frames[:20]), write_speech(tmp_path / "s.wav", 20 / 25)
    result, moments = seen(clip, speech, tmp_path / "out.mp4", generator, box=None, label=False)
    hidden = result.frames_without_face
    assert hidden == list(range(hidden[0], 20))
    assert 7 <= hidden[0] <= 11
    assert f"{len(hidden)} of 20 frames show a face whose mouth or eyes lie outside the picture" in str(result.notes)
    for moment in moments:
        assert (moment.result is moment.frame) == (moment.index in hidden)
    with pytest.raises(W2LError, match="mouth or eyes lie outside the picture"):
        preview(clip, speech, frame=18, weights=generator)


def test_parity_draws_as_ever_and_tells(tmp_path, generator):
    clip = write_clip(tmp_path / "in.mp4", [turned(presenter_picture(), 210)] * 5)
    speech = write_speech(tmp_path / "s.wav", 0.4)
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, box=None, parity=True)
    assert "as the published code does" in str(result.notes)
    assert result.frames_without_face == []


@needs_faults
def test_the_clips_that_showed_it(tmp_path, generator):
    speech = write_speech(tmp_path / "s.wav", 0.4)
    result, moments = seen(FAULTS / "head_roll_90.mp4", speech, tmp_path / "out.mp4", generator, box=None, label=False)
    assert "lies on its side" in str(result.notes)
    for moment in moments:
        np.testing.assert_allclose(drawn_on(moment), (180, 240), atol=20)
    picture = FAULTS / "mouth_below_frame.png"
    result, moments = seen(picture, speech, tmp_path / "two.mp4", generator, box=None, label=False)
    assert "10 of 10 frames show a face whose mouth or eyes lie outside the picture" in str(result.notes)
    assert all(moment.result is moment.frame for moment in moments)
