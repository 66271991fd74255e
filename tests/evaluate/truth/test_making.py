"""Making a test set: two films that differ in the mouth alone, and going on after an interruption."""

import csv

import numpy as np
import pytest

from w2l import video
from w2l.errors import W2LError
from w2l.evaluate.truth import making, testset
from w2l.evaluate.truth.testset import Recipe

RECIPE = Recipe(seconds=2.0, side=192)  # of the fixtures


def test_face_and_truth_differ_in_the_mouth_alone(made):
    for clip in made.clips:
        face, truth = (
            np.stack(list(video.read_frames(path))).astype(int)
            for path in (made.face(clip, "crops"), made.truth(clip, "crops"))
        )
        assert face.shape == truth.shape == (50, 96, 96, 3)
        apart = np.abs(face - truth).mean((0, 3))
        assert apart[:40].mean() < 0.3 < 3 < apart[62:84, 34:62].mean()
        assert np.corrcoef(clip.new[:, 0], clip.old[:, 0])[0, 1] < 0.6


def test_jobs_and_speech_fit_the_faces(made):
    rows = list(csv.DictReader((made.folder / "jobs.csv").read_text().splitlines()))
    assert [row["out"] for row in rows] == ["000.mp4", "001.mp4"]
    for row, clip in zip(rows, made.clips, strict=True):
        info = video.probe(made.folder / row["face"])
        assert (info.width, info.height, info.n_frames, info.has_audio) == (192, 192, 50, False)
        assert (made.folder / row["audio"]).is_file()
        assert len(made.speech(clip)) == 32000


def test_an_interrupted_making_goes_on(copied, monkeypatch):
    (copied.folder / "manifest.json").unlink()
    (copied.folder / "clips" / "001.json").unlink()
    (copied.folder / "truth" / "frames" / "001.mp4").unlink()
    before = (copied.folder / "frames" / "000.mp4").stat().st_mtime_ns
    asked, make_clip = [], making._make_clip

    def one(folder, recipe, number):
        asked.append(number)
        return make_clip(folder, recipe, number)

    def interrupted(number, recipe, mouths):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(making, "shoot", interrupted)
        with pytest.raises(KeyboardInterrupt):
            making.make(copied.folder, 2, RECIPE)
    with pytest.raises(W2LError, match="is not finished"):
        testset.read_testset(copied.folder)
    monkeypatch.setattr(making, "_make_clip", one)
    assert making.make(copied.folder, 2, RECIPE).checksum == copied.checksum
    assert asked == [1]
    assert (copied.folder / "frames" / "000.mp4").stat().st_mtime_ns == before
    assert making.make(copied.folder, 2, RECIPE).checksum == copied.checksum
    assert asked == [1]  # nothing was missing
    assert not list(copied.folder.rglob(".*"))


@pytest.mark.parametrize(
    ("count", "recipe", "said"),
    [
        (1, RECIPE, "a test set of 1 talkers cannot be made"),
        (1000, RECIPE, "a test set of 1000 talkers cannot be made"),
        (2, Recipe(seconds=2.0, side=128), "holds a test set of another recipe"),
    ],
)
def test_what_cannot_be_made(count, recipe, said, copied):
    with pytest.raises(W2LError, match=said):
        making.make(copied.folder, count, recipe)
