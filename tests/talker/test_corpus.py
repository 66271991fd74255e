"""The synthetic talker: same seed, same bytes; truth that is true; speech that sounds like its phones."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.painted import painted_people

from w2l import audio, talker
from w2l.errors import W2LError
from w2l.talker.drawn.render import make_motion, presenter_view, render
from w2l.train.settings import TrainingConfig
from w2l.video import probe, read_frames, read_metadata


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


@pytest.mark.parametrize("size", [96, 128])
@pytest.mark.parametrize(("looks", "source"), [("drawn", "algorithmicMedia"), ("photo", "compositeSynthetic")])
def test_clips_on_disk_are_reproducible_and_complete(tmp_path, size, looks, source):
    speaker = talker.make_speaker("validation", 2, cast=talker.Cast(looks=looks))
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
    assert source in str(read_metadata(paths[0]))


def test_a_killed_corpus_goes_on(tmp_path):
    first = list(talker.write_corpus(tmp_path, {"train": 2}, seconds=0.4))
    kept = first[0].stat().st_mtime_ns
    first[1].with_suffix(".json").unlink()  # as if killed before the truth was written
    second = list(talker.write_corpus(tmp_path, {"train": 2}, seconds=0.4))
    assert second == first and first[0].stat().st_mtime_ns == kept
    assert first[1].with_suffix(".json").exists()


def test_photographic_and_mixed_speakers_take_the_people_of_their_split_in_turn():
    people = painted_people()
    photo, both = (talker.Cast(looks=looks, people=people) for looks in ("photo", "mixed"))
    names = [talker.make_speaker("train", k, cast=photo).person.name for k in range(4)]
    assert names == ["p002", "p003", "p004", "p002"]
    mixed = [talker.make_speaker("test", k, cast=both).person for k in range(10)]
    assert [k for k, person in enumerate(mixed) if person is None] == [4, 9]
    assert [person.name for person in mixed if person] == ["p000", "p005"] * 4
    assert talker.make_speaker("train", 3, cast=photo).voice == talker.make_speaker("train", 3).voice
    bundled = talker.make_speaker("train", 0, cast=talker.Cast(looks="photo"))
    assert bundled.person.name.startswith("blend")
    with pytest.raises(W2LError, match="no looks 'painted'"):
        talker.Cast(looks="painted")


def test_who_was_under_age_when_photographed_is_passed_over():
    people = painted_people()
    kept = [name for name, split in zip(people.names, people.splits, strict=True) if split == "train"]
    some = replace(people, names=tuple({kept[1]: "c044f"}.get(name, name) for name in people.names))
    cast = talker.Cast(looks="photo", people=some)
    names = [talker.make_speaker("train", k, cast=cast).person.name for k in range(4)]
    assert names == [kept[0], kept[2], kept[2], kept[0]]
    young = replace(some, splits=tuple("train" if name == "c044f" else "" for name in some.names))
    with pytest.raises(W2LError, match="under 18"):
        talker.make_speaker("train", 0, cast=talker.Cast(looks="photo", people=young))


def test_a_photographic_clip_is_like_a_drawn_one_and_a_switch_turns_its_manner_off():
    people = painted_people()
    clips = [
        talker.make_clip("validation", 4, seconds=1.0, cast=talker.Cast(looks="photo", people=people, manner=manner))
        for manner in (None, None, True, False)
    ]
    one, again, lively, plain = clips
    np.testing.assert_array_equal(one.frames, again.frames)
    np.testing.assert_array_equal(one.truth, lively.truth)
    assert one.frames.shape == (25, 96, 96, 3) and one.truth.shape == (25, 3) and one.mouth.shape == (25, 7)
    np.testing.assert_array_equal(one.wav, plain.wav)
    assert np.abs(one.mouth - plain.mouth).max() > 0.02
    drawn = talker.make_clip(
        "validation", 4, seconds=1.0, cast=talker.Cast(looks="mixed")
    )  # every fifth speaker is drawn
    np.testing.assert_array_equal(plain.mouth, drawn.mouth)
    np.testing.assert_array_equal(plain.mel, drawn.mel)
    other = talker.make_clip("validation", 4, seconds=1.0, cast=talker.Cast(looks="mixed", manner=True))
    np.testing.assert_array_equal(other.mouth, one.mouth)  # a manner belongs to the speaker, however they look


def test_talkers_are_photographic_but_for_one_in_five_unless_told_otherwise():
    assert [k for k in range(10) if talker.make_speaker("train", k).person is None] == [4, 9]
    assert TrainingConfig().looks == talker.Cast().looks == "mixed"


def test_lips_move_when_they_do_whatever_the_talkers_look_like():
    casts = (talker.Cast(looks=looks, manner=False) for looks in ("drawn", "mixed", "photo"))
    drawn, mixed, photo = (talker.make_clip("validation", 4, seconds=1.0, cast=cast).mouth for cast in casts)
    np.testing.assert_array_equal(drawn, mixed)
    np.testing.assert_array_equal(drawn, photo)


def test_a_photographic_clip_on_disk_says_that_it_is_made_from_photographs(tmp_path):
    speaker = talker.make_speaker("test", 0, cast=talker.Cast(looks="photo"))
    path = talker.write_clip(tmp_path / "photo.mp4", speaker, seconds=0.2, size=128)
    metadata = str(read_metadata(path))
    assert "compositeSynthetic" in metadata and "CC BY 4.0" in metadata and "no real person" not in metadata
    assert "10.6084/m9.figshare.5047666" in metadata and "10.6084/m9.figshare.4220517" in metadata


def test_other_photographs_are_not_credited_to_the_sets_that_the_bundled_faces_are_from(tmp_path):
    speaker = talker.make_speaker("test", 0, cast=talker.Cast(looks="photo", people=painted_people()))
    metadata = str(read_metadata(talker.write_clip(tmp_path / "own.mp4", speaker, seconds=0.2, size=128)))
    assert "compositeSynthetic" in metadata and "p000" in metadata and "ICT-FaceKit" in metadata
    assert "DeBruine" not in metadata and "CC BY" not in metadata
