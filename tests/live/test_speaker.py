"""Frames of a live stream are those of a dub of the same sound, and each waits for its look-ahead only."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from helpers.dubs import BOX, seen, write_speech

from w2l.errors import W2LError
from w2l.live import LiveFace, LiveSpeaker


def speak(face, wav, rate, piece, **how):
    """The frames of a sound that is fed in pieces of so many samples."""
    speaker, frames = LiveSpeaker(face, **how), []
    for start in range(0, len(wav), piece):
        speaker.hear(wav[start : start + piece], rate)
        frames += speaker.frames()
    speaker.finish()
    return [*frames, *speaker.frames()]


def farthest(frames, moments):
    assert [frame.index for frame in frames] == [moment.index for moment in moments]
    return max(np.abs(f.picture.astype(int) - m.result).max() for f, m in zip(frames, moments, strict=True))


@pytest.mark.parametrize(
    ("kind", "rate", "channels", "piece", "how"),
    [
        ("picture", 16000, 1, 3200, {}),
        ("picture", 16000, 1, 411, {"feather": False, "match_colour": False}),
        ("picture", 48000, 2, 9600, {}),
        ("moving", 44100, 1, 2048, {}),
        ("moving", 16000, 1, 3200, {"reference": "own", "fps": 30}),
    ],
)
def test_frames_are_those_of_a_dub(kind, rate, channels, piece, how, generator, tmp_path, request):
    clip = request.getfixturevalue(kind)
    speech = write_speech(tmp_path / "speech.wav", 1.3, rate, channels)
    wav = soundfile.read(speech, dtype="float32")[0]
    _, moments = seen(clip, speech, tmp_path / "out.mp4", generator, **how)
    frames = speak(LiveFace(clip, box=BOX, weights=generator, **how), wav, rate, piece)
    assert farthest(frames, moments) <= 1  # a batch of another size rounds differently
    assert all(frame.time == pytest.approx(moment.time) for frame, moment in zip(frames, moments, strict=True))


def test_quiet_speech_is_raised_as_in_a_dub_when_the_gain_is_known(face, picture, generator, tmp_path):
    speech = write_speech(tmp_path / "speech.wav", 1.0)
    wav = 0.01 * soundfile.read(speech, dtype="float32")[0]
    soundfile.write(tmp_path / "quiet.wav", wav, 16000, subtype="FLOAT")
    _, moments = seen(picture, tmp_path / "quiet.wav", tmp_path / "out.mp4", generator)
    from w2l.dubbing.speech import listen

    gain = listen(tmp_path / "quiet.wav").gain
    assert gain > 5
    assert farthest(speak(face, wav, 16000, 3200, gain=gain), moments) <= 1


@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_frame_waits_for_its_look_ahead_and_nothing_else(face, rate):
    speaker, heard, step = LiveSpeaker(face), 0.0, rate // 100
    assert speaker.hearing.look_ahead == pytest.approx(0.1725)  # weights trained with a mel shift of -1
    filter_reach = 0.0 if rate == 16000 else 0.0086
    for _ in range(100):
        speaker.hear(np.zeros(step, np.float32), rate)
        heard += 0.01
        for frame in speaker.frames():
            assert heard - frame.time <= speaker.hearing.look_ahead + filter_reach + 0.01
    assert speaker.next == round(25 * 0.83)


def test_a_speaker_goes_on_when_the_rate_changes(face):
    speaker = LiveSpeaker(face)
    for rate in (48000, 16000, 44100):
        speaker.hear(np.zeros(rate, np.float32), rate)
    speaker.finish()
    assert len(list(speaker.frames())) == 75


def test_whole_numbers_and_floats_are_the_same_sound(face):
    wav = (np.random.default_rng(0).standard_normal((16000, 2)) * 3000).astype(np.int16)
    first, second = (speak(face, sound, 16000, 3200) for sound in (wav, wav / np.float32(32768)))
    assert all((a.picture == b.picture).all() for a, b in zip(first, second, strict=True))


def test_silence_keeps_the_face_still_with_the_lips_at_rest(face):
    speaker = LiveSpeaker(face)
    resting = speaker.rest()
    assert resting.at_rest and resting.index == 0
    frames = speak(face, np.zeros(16000, np.float32), 16000, 3200)
    assert len(frames) == 25
    assert all(np.abs(frame.picture.astype(int) - resting.picture).max() <= 1 for frame in frames)


def test_every_picture_has_the_label(face, picture):
    from w2l import video
    from w2l.marking import mark

    frame = LiveSpeaker(face).rest()
    x1, y1, x2, y2 = mark.label_box(*face.size, mark.quiet_corner(*face.size, face.track.boxes))
    plain = video.read_image(picture)
    assert (frame.picture[y1:y2, x1:x2] != plain[y1:y2, x1:x2]).mean() > 0.9


@pytest.mark.parametrize(
    ("wav", "rate", "said"),
    [
        (np.array([0.0, np.nan]), 16000, "NaN"),
        (np.zeros(100, np.int32), 16000, "int32"),
        (np.zeros((2, 2, 2), np.float32), 16000, "(N, channels)"),
        (np.zeros(100, np.float32), 0, "0 Hz"),
        (np.zeros(100, np.float32), 44100.5, "44100.5 Hz"),
        (np.zeros(100, np.float32), "fast", "fast"),
        (np.zeros(4000 * 61, np.float32), 4000, "61 s"),
        ("hello", 16000, "piece of sound"),
    ],
)
def test_what_is_no_sound_gets_a_sentence(face, wav, rate, said):
    with pytest.raises(W2LError, match=said.replace("(", r"\(").replace(")", r"\)")):
        LiveSpeaker(face).hear(wav, rate)


def test_settings_that_make_no_sense_live_are_refused(picture, generator):
    with pytest.raises(W2LError, match="parity cannot be chosen"):
        LiveFace(picture, weights=generator, box=BOX, parity=True)
    with pytest.raises(W2LError, match="did you mean pads"):
        LiveFace(picture, weights=generator, box=BOX, pad=3)


def test_a_picture_too_small_for_the_label_is_refused(generator, tmp_path):
    from w2l import video

    video.write_image(tmp_path / "small.png", np.full((40, 40, 3), 90, np.uint8))
    with pytest.raises(W2LError, match="40x40 pixels is too small"):
        LiveFace(tmp_path / "small.png", box=(5, 5, 35, 35), weights=generator)


def test_a_clip_that_is_too_long_to_be_held_is_cut_and_a_note_says_so(moving, generator, monkeypatch):
    monkeypatch.setattr("w2l.live.face._MOST_BYTES", 5 * 160 * 160 * 3)
    face = LiveFace(moving, box=BOX, weights=generator)
    assert len(face.frames) == 5
    assert face.notes == ["of moving.mp4 only the first 0.2 s are used; a live stream holds all frames in memory."]
