"""A generator's audio encoder learns from speech alone."""

import numpy as np
import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.data import utterances
from w2l.data.corpus import corpus
from w2l.talker.cast import Cast
from w2l.train import hearing
from w2l.train.settings import HearingConfig


def test_it_learns_which_mouth_makes_which_sound(tmp_path):
    trainer = tiny.train("hearing", tmp_path, steps=120, batch=16, learning_rate=5e-3, evaluate_every=0)
    assert trainer.evaluate(120)["held_out_opening_r"] > 0.8
    assert tiny.make("hearing").evaluate(0)["held_out_opening_r"] < 0.7  # before


def test_only_the_audio_encoder_of_the_generator_changes(tmp_path, monkeypatch):
    given = {"train": tiny.utterances(), "validation": tiny.utterances(2)}
    monkeypatch.setattr(hearing, "utterances", lambda split, count, *rest, **more: given[split])
    kept = tmp_path / "start.safetensors"
    models.save(models.build("wav2lip", tiny.WIDTH), kept, "wav2lip", tiny.WIDTH, mel_shift=-1.0)
    run = tiny.options(tmp_path / "run")
    config = HearingConfig(steps=3, batch=4, evaluate_every=0)
    path = hearing.train_hearing(config, run, str(kept))
    start, made = models.load(kept, "wav2lip"), models.load(path, "wav2lip")
    before, after = start.state_dict(), made.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"audio_encoder"}
    assert made.meta["start"] == "start.safetensors" and made.meta["training"]["width"] == tiny.WIDTH


def test_utterances_are_those_of_the_corpus_and_are_mended(tmp_path):
    (one,) = utterances.utterances("validation", 1, cache=tmp_path, progress=False)
    (clip,) = corpus("validation", 1, cache=tmp_path, progress=False, cast=Cast(looks="drawn"))
    np.testing.assert_allclose(one.mel, clip.mel, atol=0.003)
    opening = one.mouths[:, 0] * (1 - one.mouths[:, 5].clip(0, 1))
    assert one.mouths.shape == (100, 7) and np.corrcoef(opening, clip.truth[:, 0])[0, 1] > 0.95
    path = next(tmp_path.rglob("speech-*/validation/00000.npz"))
    path.write_bytes(path.read_bytes()[:3000])
    (again,) = utterances.utterances("validation", 1, cache=tmp_path, progress=False)
    np.testing.assert_array_equal(one.mel, again.mel)
