"""A generator of 192 pixels: the published one inside, key for key, and a start that draws the same pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.golden_weights import fill
from torch.nn import functional

from w2l import models
from w2l.errors import W2LError
from w2l.models.fast.generate import Generate
from w2l.models.grow import grow
from w2l.weights import formats

WIDTH = 0.1


def inputs(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    face = torch.rand(2, 6, size, size)
    face[:, :3, size // 2 :] = 0
    return torch.randn(2, 1, 80, 16), face


def test_it_has_the_keys_of_the_published_one_and_more() -> None:
    small, large = (models.build("wav2lip", WIDTH, size=size).state_dict() for size in (96, 192))
    assert {key: value.shape for key, value in large.items() if key in small} == {k: v.shape for k, v in small.items()}
    assert all(key.startswith("detail.") for key in large.keys() - small.keys())
    count = sum(value.numel() for value in models.build("wav2lip", 0.25, size=192).parameters())
    assert count == pytest.approx(2.31e6, rel=0.01)


@torch.inference_mode()
def test_a_grown_generator_draws_the_old_pictures_enlarged() -> None:
    small = fill(models.build("wav2lip", WIDTH), 1.4)
    large = grow(small, 192)
    assert large.size == large.meta["size"] == 192 and not large.training
    mel, face = inputs(192)
    old, new = small(mel, functional.avg_pool2d(face, 2)), large(mel, face)
    assert new.shape == (2, 3, 192, 192)
    logits = functional.interpolate(old.logit(), scale_factor=2.0, mode="bilinear")
    assert torch.allclose(new, logits.sigmoid(), atol=1e-5)


def test_what_it_adds_is_learned_and_lies_in_the_lower_half() -> None:
    large = grow(fill(models.build("wav2lip", WIDTH), 1.4), 192)
    mel, face = inputs(192)
    before = large(mel, face)
    before[:, :, 96:].mean().backward()
    assert large.detail is not None and large.detail.last.weight.grad.abs().max() > 0
    torch.manual_seed(2)
    torch.nn.init.normal_(large.detail.last.weight)
    after = large(mel, face)
    assert torch.equal(after[:, :, :96], before[:, :, :96])
    assert not torch.allclose(after[:, :, 96:], before[:, :, 96:], atol=0.01)
    face[:, 3:, 150:152, 90:92] += 0.5  # its detail comes from the reference at full size
    face[:, 3:, 150:152, 91:92] -= 1.0  # and the mean of the four pixels, which is all that the inner levels see, stays
    assert (large(mel, face) - after).abs().max() > 0.01


@torch.inference_mode()
def test_the_fast_generator_draws_what_the_plain_network_draws() -> None:
    model = fill(models.build("wav2lip", WIDTH, size=192), 1.4)
    mel, face = inputs(192)
    crops = np.random.default_rng(0).integers(0, 256, (2, 192, 192, 3), dtype=np.uint8)
    generate = Generate(model, "cpu", "float32")
    drawn = generate(crops, mel[:, 0].numpy())
    whole = torch.from_numpy(crops).permute(0, 3, 1, 2) / 255
    face = torch.cat([whole, whole], 1)
    face[:, :3, 96:] = 0
    plain = model(mel, face).mul(255).permute(0, 2, 3, 1).numpy()
    assert generate.size == 192 and np.abs(drawn - plain).max() <= 0.51
    with pytest.raises(W2LError, match=r"give uint8 \(B, 192, 192, 3\)"):
        generate(crops[:, :96, :96], mel[:, 0].numpy())


def test_growing_downwards_is_refused() -> None:
    with pytest.raises(W2LError, match="of 192 pixels cannot grow to 96"):
        grow(models.build("wav2lip", WIDTH, size=192), 96)


@pytest.mark.parametrize("name", ["wav2lip", "quality_disc"])
def test_there_is_no_other_size(name: str) -> None:
    with pytest.raises(W2LError, match=f"no {name} for faces of 128 pixels; choose one of 96, 192"):
        models.build(name, WIDTH, size=128)


@torch.inference_mode()
def test_the_quality_discriminator_of_192_pixels_looks_at_the_lower_half_only() -> None:
    model = fill(models.build("quality_disc", WIDTH, size=192), 2.0)
    faces = torch.rand(2, 3, 3, 192, 192)
    assert model(faces).shape == (6, 1)
    upper, lower = faces.clone(), faces.clone()
    upper[..., :96, :] = 0
    lower[..., 96:, :] = 0
    assert torch.equal(model(upper), model(faces)) and not torch.equal(model(lower), model(faces))


@pytest.mark.parametrize("name", ["wav2lip", "quality_disc"])
@pytest.mark.parametrize("size", [96, 192])
def test_a_file_says_the_size_of_its_faces_and_the_layers_show_it(tmp_path: Path, name: str, size: int) -> None:
    model = models.build(name, WIDTH, size=size)
    models.save(model, tmp_path / "a.safetensors", name, WIDTH)
    assert formats.read(tmp_path / "a.safetensors")[1].get("size") == (None if size == 96 else 192)
    torch.save({"state_dict": model.state_dict(), "step": 3}, tmp_path / "checkpoint.pt")  # says nothing
    for path in (tmp_path / "a.safetensors", tmp_path / "checkpoint.pt"):
        loaded = models.load(path, name)
        assert loaded.size == loaded.meta["size"] == size
