"""A test set on disk: checksums that survive another machine's rounding, and every way in which it can be wrong."""

import json

import numpy as np
import pytest

from w2l.errors import W2LError
from w2l.evaluate.truth import making, testset
from w2l.evaluate.truth.testset import Recipe, TruthClip, read_testset
from w2l.talker.corpus import make_speaker, speech


@pytest.mark.parametrize("number", [0, 59])
def test_words_and_mouths_are_those_of_every_machine(number):
    recipe = Recipe()
    spoken, wav = speech(make_speaker("test", 1000 + number), 0, recipe.seconds)
    phones = [{"phone": one.phone, "start": one.start, "end": one.end} for one in spoken]
    samples = np.rint(wav.astype(np.float64) * 32768).astype(np.int16)
    both = np.concatenate(making.tracks(number, recipe))
    marks = [testset.sound_checksum(samples), testset.mouths_checksum(both, phones)]
    assert marks == testset.edition()["clips"][f"{number:03d}"]
    # what other processors and libraries change, measured: the last bits of floats
    assert testset.mouths_checksum(both + np.float32(1e-7), phones) == marks[1]
    assert testset.mouths_checksum(both + np.float32(0.01), phones) != marks[1]
    assert testset.sound_checksum(samples[::-1]) != marks[0]


def test_the_edition_has_sixty_clips_that_all_differ():
    clips = testset.edition()["clips"]
    assert list(clips) == [f"{number:03d}" for number in range(making.TALKERS)]
    assert len({mark for marks in clips.values() for mark in marks}) == 2 * making.TALKERS


def test_a_set_of_another_recipe_says_that_its_figures_stand_alone(made):
    assert "another recipe (seconds 2, side 192, seed 0)" in made.strays


def test_a_record_is_read_back_as_it_was_written(made):
    clip = made.clips[0]
    again = TruthClip.from_json(clip.to_json())
    np.testing.assert_allclose(again.new, clip.new, atol=5e-4)
    assert (again.boxes == clip.boxes).all() and again.phones == clip.phones
    assert (again.name, again.person, again.sound, again.mouths) == (clip.name, clip.person, clip.sound, clip.mouths)


def test_lips_rest_only_in_pauses():
    phones = [{"phone": "SIL", "start": 0, "end": 3200}, {"phone": "a", "start": 3200, "end": 16000}]
    new = np.zeros((25, 2), np.float32)
    new[1, 0] = 2.0  # still closing
    clip = TruthClip("000", "", np.zeros((25, 4), int), new, new, phones, "", "")
    assert np.flatnonzero(clip.resting).tolist() == [0, 2, 3, 4]


def _without(name):
    return lambda folder: (folder / name).unlink()


def _manifest(**changes):
    def change(folder):
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _other_record(folder):
    path = folder / "clips" / "001.json"
    path.write_text(path.read_text().replace("[", "[ ", 1))


_WRONG = {
    "nothing there": (lambda folder: None, "does not exist; make it with: w2l evaluate truth"),
    "unfinished": (_without("manifest.json"), "is not finished"),
    "no manifest": (lambda folder: (folder / "manifest.json").write_text("[1]"), "is not the manifest of a test set"),
    "of another kit": (_manifest(format="w2l truth 9"), "is of the kind 'w2l truth 9'"),
    "someone else's manifest": (_manifest(checksum="0" * 16), "belongs to another test set"),
    "another record": (_other_record, "001.json is missing, or not the one"),
    "no record": (_without("clips/000.json"), "000.json is missing, or not the one"),
    "no face": (_without("frames/001.mp4"), "001.mp4 is missing from the test set"),
    "no truth": (_without("truth/crops/000.mp4"), "000.mp4 is missing from the test set"),
}


@pytest.mark.parametrize("what", _WRONG)
def test_what_is_wrong_with_a_set_is_said_in_a_sentence(what, copied, tmp_path):
    spoil, said = _WRONG[what]
    folder = tmp_path / "no" if what == "nothing there" else copied.folder
    spoil(folder)
    with pytest.raises(W2LError, match=r"^[^\n]+$") as told:
        read_testset(folder)
    assert said in str(told.value)


def test_other_speech_than_was_made_is_noticed(copied):
    first, second = (copied.folder / "speech" / f"{clip.name}.wav" for clip in copied.clips)
    first.write_bytes(second.read_bytes())
    with pytest.raises(W2LError, match=r"000\.wav is not the speech that was made for this test set"):
        copied.speech(copied.clips[0])
    assert copied.speech(copied.clips[1]).shape == (32000,)
