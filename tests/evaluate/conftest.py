"""What the tests of evaluation share: instruments, clips on disk, and networks that know nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.films import read, write

from w2l import models, talker
from w2l.data.clip import Clip
from w2l.evaluate import held_out
from w2l.evaluate.metrics.quality import degraded
from w2l.evaluate.report import strips
from w2l.evaluate.rows import Instruments

FRAMES = 50  # of a clip


@pytest.fixture(scope="package")
def tools():
    return Instruments("classroom_expert", device="cpu")


@pytest.fixture(scope="package")
def folders(tmp_path_factory):
    """Real talkers with their truth, and the same clips blurred, as a poor generator would have them."""
    return _pairs(tmp_path_factory.mktemp("pairs"), talker.Cast())


@pytest.fixture(scope="package")
def drawn_folders(tmp_path_factory):
    """The same of drawn talkers, whose mouths lose less in a blur."""
    return _pairs(tmp_path_factory.mktemp("drawn_pairs"), talker.Cast(looks="drawn"))


def _pairs(folder, cast):
    for number in range(2):
        speaker = talker.make_speaker("validation", number, cast=cast)
        path = talker.write_clip(folder / "real" / f"{number}.mp4", speaker, seconds=FRAMES / 25)
        _, wav = talker.speech(speaker, seconds=FRAMES / 25)
        write(folder / "made" / f"{number}.mp4", degraded(read(path), "blur", 2.0), wav)
    return folder


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
        monkeypatch.setattr(module, "corpus", lambda split, count, **_: clips[:count])
    return {role: str(tmp_path / f"{role}.safetensors") for role in names}
