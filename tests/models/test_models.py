"""The networks are the published ones: key for key, and equal to golden outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.golden_weights import GAINS, GOLDEN, fill, normal, published_shapes, uniform
from torch.nn import functional

from w2l import models, weights
from w2l.base import paths
from w2l.errors import W2LError
from w2l.weights.registry import Entry, Licence

ABSOLUTE = 1e-4
RELATIVE = 1e-4


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "models.npz") as file:
        return dict(file)


def published(name: str) -> torch.nn.Module:
    return fill(models.build(name), GAINS[name])


def close(out: torch.Tensor, wanted: np.ndarray, absolute: float = ABSOLUTE) -> None:
    assert out.shape == wanted.shape
    assert np.abs(out.numpy() - wanted).max() < absolute


@pytest.mark.parametrize("name", sorted(GAINS))
def test_keys_and_shapes_are_the_published_ones(name: str) -> None:
    shapes = {key: list(value.shape) for key, value in models.build(name).state_dict().items()}
    assert shapes == published_shapes(name)
    assert list(shapes) == list(published_shapes(name))


@torch.inference_mode()
def test_wav2lip_gives_golden_faces(golden: dict[str, np.ndarray]) -> None:
    model = published("wav2lip")
    out = model(normal("input.mel", (2, 1, 80, 16)), uniform("input.face", (2, 6, 96, 96)))
    close(out, golden["wav2lip.out"])
    out = model(normal("input.mel5", (2, 5, 1, 80, 16)), uniform("input.face5", (2, 6, 5, 96, 96)))
    close(out[:, :, :, 40:, 24:72], golden["wav2lip.out5"])


@torch.inference_mode()
def test_syncnet_gives_golden_embeddings(golden: dict[str, np.ndarray]) -> None:
    model = published("syncnet")
    audio, face = model(normal("input.melsync", (3, 1, 80, 16)), uniform("input.lips", (3, 15, 48, 96)))
    close(audio, golden["syncnet.audio"])
    close(face, golden["syncnet.face"])
    loss = functional.binary_cross_entropy(functional.cosine_similarity(audio, face), torch.ones(3))
    close(loss, golden["syncnet.bce_label1"])


@torch.inference_mode()
def test_quality_disc_gives_golden_probabilities(golden: dict[str, np.ndarray]) -> None:
    model = published("quality_disc")
    close(model(uniform("input.disc", (2, 3, 5, 96, 96))), golden["quality_disc.out"])


@torch.inference_mode()
def test_s3fd_gives_golden_maps(golden: dict[str, np.ndarray]) -> None:
    maps = published("s3fd")(uniform("input.s3fd", (1, 3, 128, 160)) * 255 - 120)
    assert len(maps) == 12
    for i, out in enumerate(maps):
        wanted = golden[f"s3fd.head{i}"]
        close(out, wanted, RELATIVE * np.abs(wanted).max())


@torch.inference_mode()
def test_syncnet_v2_gives_golden_embeddings(golden: dict[str, np.ndarray]) -> None:
    model = published("syncnet_v2")
    lip = model.forward_lip(uniform("input.lip224", (1, 3, 5, 224, 224)) * 255)
    close(lip, golden["syncnet_v2.lip"], RELATIVE * np.abs(golden["syncnet_v2.lip"]).max())
    audio = model.forward_aud(normal("input.mfcc", (2, 1, 13, 20)) * 10)
    close(audio, golden["syncnet_v2.aud"], RELATIVE * np.abs(golden["syncnet_v2.aud"]).max())


@pytest.mark.parametrize(("name", "millions"), [("wav2lip", 2.28), ("syncnet", 1.04), ("quality_disc", 0.88)])
def test_quarter_width_is_about_a_sixteenth(name: str, millions: float) -> None:
    count = sum(parameter.numel() for parameter in models.build(name, 0.25).parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize("width", [0.1, 0.25, 0.3, 0.5])
@torch.inference_mode()
def test_narrow_networks_run(width: float) -> None:
    mel, face = torch.zeros(1, 1, 80, 16), torch.zeros(1, 6, 96, 96)
    out = models.build("wav2lip", width).eval()(mel, face)
    assert out.shape == (1, 3, 96, 96)
    assert 0 <= out.min() <= out.max() <= 1
    assert models.build("quality_disc", width)(torch.zeros(1, 3, 2, 96, 96)).shape == (2, 1)


@pytest.mark.parametrize("frames", [1, 3, 5])
@torch.inference_mode()
def test_expert_takes_windows_of_other_lengths(frames: int) -> None:
    model = models.build("syncnet", 0.25, frames=frames).eval()
    audio, face = model(torch.randn(2, 1, 80, 16), torch.rand(2, 3 * frames, 48, 96))
    assert audio.shape == face.shape == (2, 128)
    assert torch.allclose(face.norm(dim=1), torch.ones(2), atol=1e-5)


@torch.inference_mode()
def test_sequences_keep_frames_and_samples_apart() -> None:
    model = models.build("wav2lip", 0.1).eval()
    mel, face = torch.randn(2, 3, 1, 80, 16), torch.rand(2, 6, 3, 96, 96)
    out = model(mel, face)
    assert out.shape == (2, 3, 3, 96, 96)
    for sample in range(2):
        for frame in range(3):
            alone = model(mel[sample : sample + 1, frame], face[sample : sample + 1, :, frame])
            assert torch.allclose(out[sample, :, frame], alone[0], atol=1e-5)


@torch.inference_mode()
def test_quality_disc_looks_at_the_lower_half_only() -> None:
    model = fill(models.build("quality_disc", 0.1), 2.0)
    faces = torch.rand(1, 3, 1, 96, 96)
    upper, lower = faces.clone(), faces.clone()
    upper[..., :48, :] = 0
    lower[..., 48:, :] = 0
    assert torch.equal(model(upper), model(faces))
    assert not torch.equal(model(lower), model(faces))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("wav2lap",), "no network 'wav2lap'"),
        (("wav2lip", 0), "width"),
        (("wav2lip", 1.5), "width"),
        (("wav2lip", "wide"), "width"),
        (("s3fd", 0.5), "width 1 only"),
    ],
)
def test_impossible_networks_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(W2LError, match=words):
        models.build(*arguments)


def test_window_of_two_frames_is_refused() -> None:
    with pytest.raises(W2LError, match="cannot have 2 frames"):
        models.build("syncnet", frames=2)


def test_load_takes_every_bundled_name() -> None:
    for name in weights.BUNDLED:
        assert same(models.load(name), models.load(weights.find(name))), name
    assert models.load("classroom").meta == models.load("classroom_generator_gan").meta


def test_load_takes_the_name_of_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.build("wav2lip", 0.05)
    models.save(model, tmp_path / "fake.safetensors", "wav2lip", 0.05)
    size = (tmp_path / "fake.safetensors").stat().st_size
    entry = Entry("fake", "fake.safetensors", size, "", Licence("MIT", "Free."), "a test", ())
    monkeypatch.setitem(weights.REGISTRY, "fake", entry)
    with pytest.raises(W2LError, match="'w2l weights fetch fake'"):
        models.load("fake")
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    assert models.load("fake").meta["width"] == 0.05


def test_bare_name_means_bundled_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.build("wav2lip", 0.05)
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    models.save(model, tmp_path / "weights" / "tiny.safetensors", "wav2lip", 0.05)
    assert models.load("tiny").meta["network"] == "wav2lip"
    with pytest.raises(W2LError, match=r"no weights 'missing'; give a weight file or one of .*classroom, .*s3fd"):
        models.load("missing")
    with pytest.raises(W2LError, match="no weights 'elsewhere/tiny'"):
        models.load("elsewhere/tiny")


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
