"""Files with several sound tracks: their names, and choosing one."""

import av
import numpy as np
import pytest
from helpers.sounds import tone, write_tracks

from w2l import audio
from w2l.errors import W2LError


@pytest.fixture
def film(tmp_path):
    """Two tracks: a silent one, and a tone in German."""
    return write_tracks(tmp_path / "film.mkv", np.zeros(16000, np.float32), tone(1.0, 16000))


def test_a_track_by_its_number(film):
    assert audio.is_silent(audio.load(film)) and audio.is_silent(audio.load(film, 1))
    assert np.abs(audio.load(film, 2)).max() == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(audio.decode(film, 2)[0], audio.read(film, 2).wav)


def test_tracks_have_names(film):
    sound = audio.read(film)
    assert sound.track == 1 and sound.tracks == ("mono", "ger, “track 2”, mono")
    assert audio.listed(sound.tracks) == "2 sound tracks, 1 (mono) and 2 (ger, “track 2”, mono)"


@pytest.mark.parametrize("track", [0, 3, -1])
def test_a_track_that_is_not_there(film, track):
    with pytest.raises(W2LError, match=rf"no sound track {track}; it has 2 sound tracks, 1 \(mono\) and 2"):
        audio.load(film, track)


def test_the_only_track(tmp_path):
    path = write_tracks(tmp_path / "a.mkv", tone(1.0, 16000))
    with pytest.raises(W2LError, match=r"no sound track 2; it has one sound track \(mono\)."):
        audio.load(path, 2)


def test_a_default_track_is_the_files_choice(tmp_path):
    path = write_tracks(tmp_path / "film.mkv", np.zeros(16000, np.float32), tone(1.0, 16000), default=2)
    with av.open(str(path)) as container:
        assert [bool(stream.disposition & 1) for stream in container.streams.audio] == [False, True]
    assert audio.read(path).track == 2 and not audio.is_silent(audio.load(path))
