"""Pictures of learning: what they show is what was measured, and they are light."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers import tiny_training as tiny
from PIL import Image

from w2l import models, sync
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber
from w2l.evaluate.studies.ablation_plan import APART, CUTS
from w2l.models.fast.generate import Generate
from w2l.notebook import learning


@pytest.fixture
def shown(monkeypatch):
    """What was shown, as pictures."""
    import IPython.display

    pictures = []
    monkeypatch.setattr(IPython.display, "display", lambda image: pictures.append(Image.open(io.BytesIO(image.data))))
    return pictures


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log.csv").write_text("step,loss,held_out_loss\n10,0.7,\n20,0.5,0.6\n30,0.4,\n", encoding="utf8")
    return tmp_path


def test_a_column_has_the_rows_that_know_it(folder):
    steps, values = learning.column(folder, "held_out_loss")
    assert steps.tolist() == [20]
    assert values.tolist() == [0.6]
    assert learning.column(folder, "loss")[1].tolist() == [0.7, 0.5, 0.4]


def test_a_column_that_is_not_there_is_told(folder, tmp_path):
    with pytest.raises(W2LError, match="there is no accuracy in the log of"):
        learning.column(folder, "accuracy")
    with pytest.raises(W2LError, match="run the cell that trains in that folder"):
        learning.column(tmp_path / "nowhere", "loss")


def naive_pairs(scores, distance):
    n = range(len(scores))
    return [scores[i, j] for i in n for j in n if abs(i - j) == distance]


@pytest.mark.parametrize("distance", [0, 1, 4])
def test_pairs_at_a_distance(distance):
    scores = [np.random.default_rng(seed).random((6, 6)) for seed in (0, 1)]
    found = learning.at_distance(scores, distance)
    assert sorted(found) == sorted(naive_pairs(scores[0], distance) + naive_pairs(scores[1], distance))


def test_accuracy_counts_both_kinds_half():
    scores = np.zeros((8, 8))
    scores[np.arange(4), np.arange(4)] = 1  # half of those in sync are known; of those off, all
    assert learning.accuracy([scores]) == pytest.approx(0.75)
    scores[0, 5] = 1  # one of the twelve that share no frame
    assert learning.accuracy([scores]) == pytest.approx((0.5 + 11 / 12) / 2)


def test_cosines_are_those_of_the_embeddings():
    expert, (clip, *_) = tiny.judge(), tiny.clips()
    (scores,) = learning.cosines(expert, [clip], frames=12)
    mouths, sounds = sync.embed(expert, clip.frames[:12], clip.mel)
    assert scores.shape == (8, 8)
    np.testing.assert_allclose(scores, mouths @ sounds.T, atol=0.02)  # in 16 bits where the processor has them


def test_the_curve_of_a_clip_is_that_of_its_windows():
    expert, (clip, *_) = tiny.judge(), tiny.clips()
    found = learning.curve(expert, clip)
    assert found.cosine.tolist() == sync.offset_curve(expert, clip.frames[: clip.starts + 4], clip.mel).cosine.tolist()


@pytest.mark.parametrize(("frames", "columns"), [(5, 16), (-5, -16), (10, 32), (1, 3), (0, 0)])
def test_delayed_sound_comes_later(frames, columns):
    clip = tiny.clips()[0]
    moved = learning.delayed(clip, frames)
    quiet = np.arange(40, 50)
    assert (moved.mel[:, quiet] == clip.mel[:, (quiet - columns) % clip.mel.shape[1]]).all()
    assert moved.frames is clip.frames


def test_a_generator_speaks_with_its_own_mel_shift(tmp_path):
    clip = tiny.clips(1)[0]
    model = models.load("classroom_generator")  # random weights would hardly hear the difference
    for name, shift in (("early", -1.0), ("late", 3.0)):
        models.save(model, tmp_path / f"{name}.safetensors", "wav2lip", 0.25, mel_shift=shift)
    one, two = (learning.speak(tmp_path / f"{name}.safetensors", clip, clip.mel) for name in ("early", "late"))
    assert one.shape == clip.frames.shape
    assert (one == Dubber(Generate(model), -1.0).speak(clip.frames, clip.mel)).all()
    assert (two == Dubber(Generate(model), 3.0).speak(clip.frames, clip.mel)).all()
    assert (one != two).any()


@pytest.mark.slow
def test_figures_of_the_bundled_generator():
    """It follows the new words and not the old ones, better than pasting; the table has a line for it."""
    found = learning.figures("classroom_generator", corpus("validation", 2, progress=False))
    assert found["opening, new words"] > 0.8
    assert abs(found["opening, old words"]) < 0.4
    assert 0.5 < found["amplitude"] < 1.5
    assert 0.4 < found["box / pasting"] < 1
    assert 0.2 < found["sharpness"] < 1.3
    assert found["confidence"] > 0.5
    assert 0 < found["sync loss"] < 0.6


def test_the_table_of_figures(capsys):
    learning.show_figures({"a": {"one": 0.123, "two": 2.0}, "longer": {"one": -1.0, "two": 0.5}})
    assert capsys.readouterr().out.splitlines() == [
        "          one    two",
        "a        0.12   2.00",
        "longer  -1.00   0.50",
    ]


def scaled(scale):
    """Figures of an expert that are all the same."""
    return dict.fromkeys([*(f"apart_{n}" for n in APART), *(f"exact_{n}" for n in CUTS)], scale)


def draw(name, scale):
    """One picture of a kind, of numbers that `scale` changes."""
    scores = scale * np.random.default_rng(0).random((20, 20))
    clip = tiny.clips()[0]
    shifts = np.arange(-3, 4)
    return {
        "windows": lambda: learning.show_windows(clip, {"A": (2, 2), "B": (2, round(8 * scale))}),
        "cosines": lambda: learning.show_cosines({"in sync": scores[0], "off": scores[1]}, "title"),
        "matrix": lambda: learning.show_matrix(scores, [0, 3, 5], "title"),
        "line": lambda: learning.show_line({1: scale, 2: 1.0}, "x", "y", "title", level=0.5),
        "bars": lambda: learning.show_bars({"a": scale, "b": 1.0}, "x", "title", level=0.5),
        "near and short": lambda: learning.show_near_and_short({"a": scaled(scale), "b": scaled(1.0)}),
        "curves": lambda: learning.show_curves({"a": sync.SyncCurve(shifts, scores[0, :7])}, "title"),
        "mouths": lambda: learning.show_mouths({"a": (scale * clip.frames).astype(np.uint8)}, range(0, 12, 4)),
        "openings": lambda: learning.show_openings({"a": (scale * clip.frames).astype(np.uint8)}, clip, clip, "title"),
    }[name]()


@pytest.mark.parametrize(
    "name", ["windows", "cosines", "matrix", "line", "bars", "near and short", "curves", "mouths", "openings"]
)  # fmt: skip
def test_pictures_show_the_numbers_and_are_light(name, shown):
    """The same numbers give the same bytes, other numbers other ones."""
    for scale in (1.0, 1.0, 0.5):
        draw(name, scale)
    first, again, other = ((picture.size, picture.convert("RGB").tobytes()) for picture in shown)
    assert first == again
    assert first != other
    assert 200 <= shown[0].width <= 1300
    assert name == "mouths" or (shown[0].format == "PNG" and len(shown[0].getcolors()) <= 128)


def test_a_log_is_shown_up_to_a_step(folder, shown):
    for until in (None, 30, 20):
        learning.show_log({"a run": folder}, ["loss"], "title", until)
    whole, same, part = (picture.convert("RGB").tobytes() for picture in shown)
    assert whole == same
    assert whole != part


def test_mouths_stand_in_their_rows(shown):
    """A red face above a blue one."""
    red, blue = np.zeros((2, 20, 96, 96, 3), np.uint8)
    red[..., 2], blue[..., 0] = 255, 255
    learning.show_mouths({"red": red, "blue": blue}, [3, 9])
    pixels = np.asarray(shown[0].convert("RGB"))
    assert np.abs(pixels[28, 200] - [255, 0, 0]).max() < 6  # JPEG
    assert np.abs(pixels[60 + 28, 200] - [0, 0, 255]).max() < 6


def test_clips_are_left_as_they_were():
    clip = tiny.clips()[0]
    before = Clip(clip.frames.copy(), clip.mel.copy(), clip.truth)
    learning.delayed(clip, 3)
    learning.cosines(tiny.judge(), [clip], frames=8)
    assert (clip.mel == before.mel).all() and (clip.frames == before.frames).all()
