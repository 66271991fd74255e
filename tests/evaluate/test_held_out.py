"""Evaluation: known offsets are recovered, the arithmetic is plain, and the table tells failure from success."""

import numpy as np
import pytest

from w2l import models, sync
from w2l.audio import mel_windows
from w2l.errors import W2LError
from w2l.evaluate import held_out
from w2l.evaluate.studies import card
from w2l.faces.crop import mouth_box
from w2l.talker.cast import Cast

FRAMES = 50  # of a test clip


def test_untrained_networks_fail_the_table(random_weights, tmp_path):
    figures = held_out.evaluate_classroom(**random_weights, count=3, progress=False)
    assert set(figures) == {criterion.key for criterion in held_out.CRITERIA}
    assert all(np.isfinite(value) for value in figures.values())
    failed = [c.key for c in held_out.CRITERIA if not c.holds(figures[c.key])]
    assert {"expert_accuracy", "opening_r_new", "box_over_swapped"} <= set(failed)
    table = held_out.table(figures)
    assert table.count("| NO |") == len(failed)
    text = card.write(tmp_path / "card.md", figures, "test", 3, random_weights, cast=Cast(looks="drawn")).read_text()
    assert table in text and "steps 7" in text and "1.5 minutes" in text


@pytest.mark.parametrize("fps", [25.0, 12.5])
def test_a_dubber_gives_each_frame_its_sound_and_the_middle_frame(fps):
    """In batches as all at once; also where only some frames are asked for."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (70, 96, 96, 3), dtype=np.uint8)
    mel = rng.uniform(-4, 4, (80, 480)).astype(np.float32)
    given = []

    def generate(crops, windows, references):
        given.append((crops, windows, references))
        return crops

    assert (held_out.Dubber(generate, 2.0).speak(frames, mel, fps) == frames).all()
    crops, windows, references = (np.concatenate(parts) for parts in zip(*given, strict=True))
    assert (crops == frames).all() and (references == frames[35]).all()
    assert (windows == mel_windows(mel, fps, 70, 2.0)).all()
    some = held_out.driven(frames, mel, np.array([3, 40, 69]), 2.0, fps)
    assert (some.windows == windows[[3, 40, 69]]).all() and (some.crops == frames[[3, 40, 69]]).all()


def test_a_dubber_knows_what_its_generator_was_trained_with(random_weights, tmp_path):
    assert held_out.Dubber.load(random_weights["generator"]).mel_shift == -1.0
    model = models.load(random_weights["generator"])
    models.save(model, tmp_path / "late.safetensors", "wav2lip", 0.1, mel_shift=3.0)
    assert held_out.Dubber.load(tmp_path / "late.safetensors").mel_shift == 3.0
    with pytest.raises(W2LError, match="not of wav2lip"):
        held_out.Dubber.load(random_weights["expert"])


def test_box_errors_compare_with_the_truth(random_weights):
    """A generator that returns the truth has no error; one that pastes the reference has that of pasting."""
    clips = held_out.corpus("test", 3, progress=False)
    networks = {name: models.load(path) for name, path in random_weights.items()}

    def figures(generate):
        dubber, expert = held_out.Dubber(generate), sync.load_expert(networks["expert"])
        return held_out.measure_talker(dubber, expert, networks["meter"], *clips)

    exact = figures(lambda crops, mels, references: crops)
    assert exact["box_l1"] == 0 and exact["box_swapped"] == 0 and exact["box_paste"] > 0.1
    pasted = figures(lambda crops, mels, references: references)
    assert pasted["box_l1"] == pytest.approx(pasted["box_paste"]) == pytest.approx(pasted["box_mean"])
    rows, columns = mouth_box()
    target, middle = clips[0].frames, clips[0].frames[FRAMES // 2].astype(float)
    others = np.delete(target, FRAMES // 2, axis=0)[:, rows, columns]
    errors = [np.abs(frame - middle[rows, columns]).mean() / 255 for frame in others]
    assert pasted["box_l1"] == pytest.approx(np.mean(errors), rel=1e-4)


def test_too_few_clips_are_refused(random_weights):
    with pytest.raises(W2LError, match="too few"):
        held_out.evaluate_classroom(**random_weights, count=2, progress=False)
