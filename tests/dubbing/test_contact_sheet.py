"""Tests of the numbered picture of tracks."""

from __future__ import annotations

import cv2
import pytest
from helpers.dubs import write_speech
from helpers.faces import (
    BIG,
    SMALL,
    Patches,
    dialogue,
    scene,
)

from w2l import faces, video
from w2l.base import palette
from w2l.dubbing import contact_sheet
from w2l.errors import W2LError
from w2l.video import Framing


@pytest.fixture
def filmed(tmp_path):
    with video.VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for frame in dialogue():
            writer.write(frame)
    return tmp_path / "clip.mp4"


def colours_in(path):
    picture = cv2.imread(str(path))
    return picture, {k for k, colour in enumerate(palette.TRACKS) if (picture == colour).all(axis=2).sum() > 100}


def test_each_track_has_its_colour_in_the_picture(filmed, tmp_path):
    tracks = faces.see(dialogue(), Patches()).tracks()
    drawn = contact_sheet.write_track(filmed, tracks, tmp_path / "tracks.png")
    picture, colours = colours_in(drawn)
    assert colours == set(range(len(tracks)))
    assert picture.shape[1] <= 1650
    contact_sheet.write_track(filmed, tracks[0], tmp_path / "track.png", columns=2)
    assert colours_in(tmp_path / "track.png")[1] == {0}


def test_a_face_seen_for_a_moment_is_in_the_picture_too(filmed, tmp_path):
    frames = [[BIG, SMALL] if i in (13, 14, 15) else [BIG] for i in range(36)]
    tracks = scene(frames).tracks(smooth=False)
    assert colours_in(contact_sheet.write_track(filmed, tracks, tmp_path / "few.png", columns=1))[1] == {0, 1}


def test_the_picture_shows_what_was_framed(filmed, tmp_path):
    framing = Framing(resize_factor=2, rotate=90)
    track = faces.track_faces(filmed, box=(10, 10, 60, 90), framing=framing, fps=5)
    assert track.size == (80, 100)
    picture, colours = colours_in(contact_sheet.write_track(filmed, track, tmp_path / "f.png", framing=framing, fps=5))
    assert colours == {0}
    assert picture.shape[0] / picture.shape[1] > 0.18  # higher than wide, seven of them in two rows


def test_no_track_cannot_be_drawn(filmed, tmp_path):
    with pytest.raises(W2LError, match="no track"):
        contact_sheet.write_track(filmed, [], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_no_input_is_overwritten(filmed, tmp_path):
    write_speech(tmp_path / "speech.wav", 0.2)
    track = faces.track_faces(filmed, box=(10, 10, 60, 90))
    sheet = contact_sheet.ContactSheet(tmp_path / "speech.wav")
    for given, write in (
        (filmed, lambda path: contact_sheet.write_track(path, track, path)),
        (tmp_path / "speech.wav", sheet.write),
    ):
        before = given.read_bytes()
        with pytest.raises(W2LError, match="both input and output"):
            write(given)
        assert given.read_bytes() == before
