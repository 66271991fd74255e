"""A file streamed as slowly as it is spoken: what is written, what is told."""

from __future__ import annotations

import time

import numpy as np
import pytest
import soundfile
from helpers.command_line import run_main
from helpers.dubs import write_speech

from w2l import video
from w2l.errors import W2LError
from w2l.live import rehearse
from w2l.live import session as module
from w2l.marking import mark


@pytest.fixture
def speech(tmp_path):
    return write_speech(tmp_path / "speech.wav", 0.7, 24000, 2)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a machine that is busy with other tests nothing is left out."""
    monkeypatch.setattr(module, "_PATIENCE", 60.0)


def test_a_file_is_streamed_in_real_time_and_written_with_its_sound_and_marks(face, speech, tmp_path):
    before, seen = time.monotonic(), []
    done = rehearse(face, speech, tmp_path / "out.mp4", on_frame=seen.append)
    assert time.monotonic() - before >= 0.7
    assert (done.n_frames, done.late, done.unread, len(done.delays)) == (18, 0, 0, 18)
    assert [frame.index for frame in seen] == list(range(18))
    assert min(done.delays[:9]) > 0.17  # a frame waits for its look-ahead
    clip = video.probe(tmp_path / "out.mp4")
    assert clip.has_audio and len(list(video.read_frames(tmp_path / "out.mp4"))) == 18
    assert mark.read(tmp_path / "out.mp4").synthetic
    assert "0 of 18 frames left out" in done.describe()


def test_frames_that_were_left_out_are_held_so_that_the_rest_stays_in_time(face, speech, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module.LiveSession, "_until_rest", lambda self: time.sleep(0.2) or 1.0)  # too slow
    done = rehearse(face, speech, tmp_path / "out.mp4", piece=0.02)
    assert done.late > 0 and done.late + done.unread + len(done.delays) == 18
    assert len(list(video.read_frames(tmp_path / "out.mp4"))) == 18


def test_what_a_dub_decides_of_the_whole_speech_is_decided_so(face, tmp_path):
    wav = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.002
    soundfile.write(tmp_path / "odd.wav", np.stack([wav, -wav], axis=1), 16000, subtype="FLOAT")
    done = rehearse(face, tmp_path / "odd.wav")
    assert done.path is None and done.n_frames == 25
    assert [any(word in note for note in done.notes) for word in ("cancel", "very quiet")] == [True, True]


@pytest.mark.parametrize("piece", [0, -1, 11, float("nan")])
def test_pieces_of_no_length_or_too_long_ones_are_refused(face, speech, piece):
    with pytest.raises(W2LError, match="pieces of"):
        rehearse(face, speech, piece=piece)


def test_an_error_leaves_no_file(face, speech, tmp_path):
    def fail(frame):
        raise RuntimeError("no screen")

    with pytest.raises(RuntimeError, match="no screen"):
        rehearse(face, speech, tmp_path / "out.mp4", on_frame=fail)
    assert not list(tmp_path.glob("out*"))


def test_the_command_streams_a_file_and_prints_how_it_went(picture, speech, generator, tmp_path, capsys):
    box = ("--box", 30, 130, 40, 120, "--weights", generator, "--device", "cpu")
    out = tmp_path / "out.mp4"
    code, said, _ = run_main(capsys, "live", picture, "--from", speech, "--out", out, *box, "--i-have-consent")
    assert code == 0 and out.is_file()
    assert "18 frames at 25 fps" in said and "from sound to picture" in said


def test_the_command_asks_for_consent_but_not_for_the_presenter(picture, speech, generator, capsys, monkeypatch):
    code, _, said = run_main(capsys, "live", picture, "--from", speech, "--weights", generator)
    assert code == 2 and "--i-have-consent" in said
    code, said, _ = run_main(capsys, "live", "--from", speech, "--weights", generator, "--box", 100, 400, 100, 400)
    assert code == 0 and "18 frames" in said
