"""Evaluation: known offsets are recovered, the arithmetic is plain, and the table tells failure from success."""

import numpy as np
import pytest
import torch

from w2l import models, sync
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.evaluate import held_out
from w2l.evaluate.report import strips
from w2l.evaluate.studies import card
from w2l.faces.crop import MOUTH_BOX

FRAMES = 50  # of a test clip


class KnowingExpert:
    """Embeds a window by the number written into its first frame or its first mel column: a perfect expert."""

    frames = 5

    def embed_faces(self, faces: torch.Tensor) -> torch.Tensor:
        return self._hot((faces[:, 0, 0, 0] * 255).round().long())

    def embed_audio(self, mel: torch.Tensor) -> torch.Tensor:
        return self._hot(torch.floor((mel[:, 0, 0, 0] + 4) * 25 / 3.2 + 0.5).long())  # column k holds k / 25 - 4

    @staticmethod
    def _hot(index: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(index, 200).float()


@pytest.mark.parametrize("late", [-10, -3, 0, 1, 7, 10])
def test_sync_curve_recovers_known_offsets(late):
    """Frame t shows t; the sound is delayed by `late` frames: the offset says so, positive when the sound is late."""
    frames = np.zeros((60, 96, 96, 3), np.uint8)
    frames[:] = np.arange(20, 80)[:, None, None, None]
    column = np.arange(200) / 25 - 4 + 20 * 3.2 / 25  # frame 0 shows number 20
    mel = np.tile((column - late * 3.2 / 25).astype(np.float32), (80, 1))
    curve = sync.sync_curve(KnowingExpert(), frames, mel)
    assert curve.offset == late
    assert curve.confidence > 0.8
    assert (curve.in_sync > 0.8) == (late == 0)


def test_sync_curve_averages_over_windows_inside_the_clip():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (12, 96, 96, 3), dtype=np.uint8)
    mel = rng.uniform(-4, 4, (80, 60)).astype(np.float32)
    torch.manual_seed(0)
    expert = models.build("syncnet", 0.1).eval()
    mouths, sounds = sync.embed(expert, frames, mel)
    curve = sync.sync_curve(expert, frames, mel, max_shift=3)
    for shift, value in zip(curve.shifts, curve.cosine, strict=True):
        pairs = [mouths[t] @ sounds[t + shift] for t in range(8) if 0 <= t + shift < 8]
        assert value == pytest.approx(np.mean(pairs), rel=1e-5)


def test_clips_shorter_than_a_window_are_refused():
    with pytest.raises(ValueError, match="too short"):
        sync.embed(KnowingExpert(), np.zeros((4, 96, 96, 3), np.uint8), np.zeros((80, 40), np.float32))


@pytest.fixture
def random_weights(tmp_path, monkeypatch):
    """Untrained networks, and talkers made of noise instead of the corpus."""
    torch.manual_seed(0)
    names = {"generator": "wav2lip", "expert": "syncnet", "meter": "mouth_meter"}
    for role, network in names.items():
        width = 1.0 if role == "meter" else 0.1
        model = models.build(network) if role == "meter" else models.build(network, width)
        models.save(model, tmp_path / f"{role}.safetensors", network, width, minutes=1.5, training={"steps": 7})
    rng = np.random.default_rng(0)
    clips = [
        Clip(
            rng.integers(0, 256, (FRAMES, 96, 96, 3), dtype=np.uint8),
            rng.uniform(-4, 4, (80, 160)).astype(np.float32),
            rng.integers(0, 3, (FRAMES, 3)).astype(np.float32) * 10,  # closed, 10 or 20 pixels
        )
        for _ in range(5)
    ]
    for module in (held_out, strips):
        monkeypatch.setattr(module, "corpus", lambda split, count, progress: clips[:count])
    return {role: str(tmp_path / f"{role}.safetensors") for role in names}


def test_untrained_networks_fail_the_table(random_weights, tmp_path):
    figures = held_out.evaluate_classroom(**random_weights, count=3, progress=False)
    assert set(figures) == {criterion.key for criterion in held_out.CRITERIA}
    assert all(np.isfinite(value) for value in figures.values())
    failed = [c.key for c in held_out.CRITERIA if not c.holds(figures[c.key])]
    assert {"expert_accuracy", "opening_r_new", "box_over_swapped"} <= set(failed)
    table = held_out.table(figures)
    assert table.count("| NO |") == len(failed)
    text = card.write(tmp_path / "card.md", figures, "test", 3, random_weights).read_text()
    assert table in text and "steps 7" in text and "1.5 minutes" in text


def test_box_errors_compare_with_the_truth(random_weights):
    """A generator that returns the truth has no error; one that pastes the reference has that of pasting."""
    clips = held_out.corpus("test", 3, progress=False)
    networks = {name: models.load(path) for name, path in random_weights.items()}

    def figures(generate):
        return held_out._generated(generate, networks["expert"], networks["meter"], *clips)

    exact = figures(lambda crops, mels, references: crops)
    assert exact["box_l1"] == 0 and exact["box_swapped"] == 0 and exact["box_paste"] > 0.1
    pasted = figures(lambda crops, mels, references: references)
    assert pasted["box_l1"] == pytest.approx(pasted["box_paste"]) == pytest.approx(pasted["box_mean"])
    rows, columns = MOUTH_BOX
    target, middle = clips[0].frames, clips[0].frames[FRAMES // 2].astype(float)
    others = np.delete(target, FRAMES // 2, axis=0)[:, rows, columns]
    errors = [np.abs(frame - middle[rows, columns]).mean() / 255 for frame in others]
    assert pasted["box_l1"] == pytest.approx(np.mean(errors), rel=1e-4)


def test_too_few_clips_are_refused(random_weights):
    with pytest.raises(W2LError, match="too few"):
        held_out.evaluate_classroom(**random_weights, count=2, progress=False)


def test_strips_show_four_talkers(random_weights, tmp_path):
    from w2l.video import read_image

    path = strips.write(tmp_path / "strips.png", random_weights["generator"], "test")
    picture = read_image(path)
    assert picture.shape[1] == 10 * 96 * 2 and picture.shape[0] == 4 * (4 * 56 + 6) * 2
