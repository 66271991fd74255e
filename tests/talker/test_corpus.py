"""The synthetic talker: same seed, same bytes; truth that is true; speech that sounds like its phones."""

import json

import numpy as np
import pytest

from w2l import audio, talker
from w2l.talker.drawn.render import crop_view, make_motion, presenter_view, render
from w2l.talker.mouth import mouth_track
from w2l.talker.speech.voice import Spoken, make_voice, plan_speech, synthesise
from w2l.video import probe, read_frames, read_metadata

RATE = 16000


@pytest.fixture(scope="module")
def clip():
    return talker.make_clip("train", 3, seconds=2.0)


def test_same_seed_same_clip_and_other_seed_another(clip):
    again = talker.make_clip("train", 3, seconds=2.0)
    np.testing.assert_array_equal(clip.frames, again.frames)
    np.testing.assert_array_equal(clip.wav, again.wav)
    np.testing.assert_array_equal(clip.truth, again.truth)
    for other in (talker.make_clip("train", 3, seconds=2.0, seed=1), talker.make_clip("train", 3, clip=1, seconds=2.0)):
        assert not np.array_equal(clip.wav, other.wav) and not np.array_equal(clip.frames, other.frames)


def test_shapes_and_ranges(clip):
    assert clip.frames.shape == (50, 96, 96, 3) and clip.frames.dtype == np.uint8
    assert clip.wav.shape == (32000,) and clip.wav.dtype == np.float32 and np.abs(clip.wav).max() <= 1
    assert clip.mel.shape == (80, 161)
    assert clip.mouth.shape == (50, 7) and clip.truth.shape == (50, 3)
    assert clip.truth[:, 0].min() == 0 and 3 < clip.truth[:, 0].max() < 25


def test_speakers_of_the_splits_differ_in_face_and_voice():
    people = [talker.make_speaker(split, number) for split in talker.SPLITS for number in range(20)]
    assert len({p.face.seed for p in people}) == 60 and len({p.voice.f0 for p in people}) == 60
    with pytest.raises(ValueError, match="not a split"):
        talker.make_speaker("dev", 0)


def test_phone_times_have_no_gaps_and_cover_the_clip(clip):
    assert clip.phones[0].start == 0 and clip.phones[-1].end >= 32000
    for before, after in zip(clip.phones, clip.phones[1:], strict=False):
        assert before.end == after.start and before.end > before.start


def test_lips_meet_on_silence_and_bilabials_and_open_on_a():
    def opening(phone: str) -> float:
        spoken = [Spoken("EH", 0, 4800, 1.0), Spoken(phone, 4800, 4800 + 1600, 1.0), Spoken("EH", 6400, 12000, 1.0)]
        return float(mouth_track(spoken, 16)[7 if phone in talker.BILABIALS else 8, 0])

    for phone in ("SIL", *talker.BILABIALS):
        assert opening(phone) < 0.06, phone
    assert opening("AA") > 0.7 > opening("IY")
    assert opening("AA") > opening("OW") > opening("UW")


def test_rounded_vowels_are_narrower_than_spread_ones():
    track = {v: mouth_track([Spoken(v, 0, 16000, 1.0)], 20)[10] for v in ("IY", "UW", "OW")}
    face = talker.make_speaker("train", 0).face
    pose = make_motion(np.random.default_rng(0), 1)
    widths = {
        v: next(render(face, m[None], pose, np.random.default_rng(0), crop_view(face)))[1][1] for v, m in track.items()
    }
    assert widths["IY"] > widths["OW"] + 8 > widths["UW"]


def test_the_drawn_gap_is_the_true_gap():
    """The dark inside of the mouth, counted in pixels down its middle, is what `truth` says."""
    speaker = talker.make_speaker("train", 1)
    view = presenter_view(512)
    mouths = np.zeros((4, 7), np.float32)
    mouths[:, 0] = (0.3, 0.5, 0.8, 1.0)  # no teeth, no tongue
    poses = [make_motion(np.random.default_rng(2), 1)[0]._replace(roll=0, yaw=0, pitch=0, x=0, y=0, scale=1)] * 4
    for frame, truth in render(speaker.face, mouths, poses, np.random.default_rng(0), view):
        middle = frame[:, 256].astype(int)
        inside = (np.abs(middle - np.array([28, 18, 48]) * 1.05).max(axis=1) < 22) & (np.arange(512) > 230)
        assert abs(inside.sum() - truth[0]) <= 3


def test_vowels_have_their_formants():
    """The two strongest bands of a steady vowel lie where its first two formants were put."""
    from dataclasses import replace

    voice = make_voice(np.random.default_rng(4))
    voice = replace(voice, f0=100.0, tract=1.0, breath=0.0, colour=0.0, room=0.0, noise=0.0, vibrato=0.0, jitter=0.0)
    for vowel in ("EH", "IY"):  # formants far enough apart to tell
        wav = synthesise([Spoken(vowel, 0, RATE, 1.0)], 1.0, voice, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(wav[4000:12000] * np.hanning(8000))) ** 2
        hertz = np.fft.rfftfreq(8000, 1 / RATE)
        first, second, _ = talker.PHONES[vowel].formants
        for formant, low, high in ((first, 1.45, 1.6), (second, 0.55, 0.65)):  # compared with the valley between them
            near = power[(hertz > formant * 0.85) & (hertz < formant * 1.15)].max()
            valley = power[(hertz > formant * low) & (hertz < formant * high)].max()
            assert near > 4 * valley, (vowel, formant)


def test_pauses_are_quiet_and_speech_is_not():
    voice = make_voice(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    spoken = plan_speech(rng, 4.0, voice)
    wav = synthesise(spoken, 4.0, voice, rng)
    level = {kind: [] for kind in ("vowel", "silence")}
    for name, start, end, _ in spoken:
        kind = talker.PHONES[name].kind
        if kind in level and end < len(wav):
            level[kind].append(wav[(start + end) // 2 : end - 200].std())
    assert np.median(level["vowel"]) > 10 * np.median(level["silence"])


@pytest.mark.parametrize("size", [96, 128])
def test_clips_on_disk_are_reproducible_and_complete(tmp_path, size):
    speaker = talker.make_speaker("validation", 2)
    paths = [talker.write_clip(tmp_path / name, speaker, seconds=0.6, size=size) for name in ("a.mp4", "b.mp4")]
    phones, view = talker.speech(speaker, seconds=0.6)[0], None if size == 96 else presenter_view(size)
    drawn = [np.stack([frame for frame, _ in talker.film(speaker, phones, 15, view=view)]) for _ in paths]
    np.testing.assert_array_equal(*drawn)
    one, two = (np.stack(list(read_frames(path))).astype(int) for path in paths)
    # x264 decides otherwise in a block or two now and then, given the same pictures: not the files, what they show
    assert one.shape == (15, size, size, 3) and np.abs(one - two).mean() < 0.1
    np.testing.assert_array_equal(*(audio.load(path) for path in paths))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    facts = json.loads((tmp_path / "a.json").read_text())
    assert len(facts["opening_width_area"]) == 15 and facts["phones"][0]["phone"] == "SIL"
    info = probe(paths[0])
    assert (info.width, info.height, info.has_audio) == (size, size, True)
    assert "algorithmicMedia" in str(read_metadata(paths[0]))


def test_a_killed_corpus_goes_on(tmp_path):
    first = list(talker.write_corpus(tmp_path, {"train": 2}, seconds=0.4))
    kept = first[0].stat().st_mtime_ns
    first[1].with_suffix(".json").unlink()  # as if killed before the truth was written
    second = list(talker.write_corpus(tmp_path, {"train": 2}, seconds=0.4))
    assert second == first and first[0].stat().st_mtime_ns == kept
    assert first[1].with_suffix(".json").exists()
