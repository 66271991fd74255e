"""A widened network computes the same, and learns with all of its channels."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from w2l import models
from w2l.errors import W2LError
from w2l.models.syncnet import SyncNet
from w2l.models.widen import widen


def trained(network: Any) -> Any:
    """With batch norms that do something, as after a training."""
    made = torch.Generator().manual_seed(1)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            for values, low, high in (
                (part.weight, 0.5, 1.5),
                (part.bias, -0.5, 0.5),
                (part.running_mean, -0.3, 0.3),
                (part.running_var, 0.5, 2),
            ):
                assert values is not None
                values.data.uniform_(low, high, generator=made)
    network.meta = {"data": "talkers", "width": network.width}
    return network.eval()


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(2)
    return (
        torch.randn(3, 1, 80, 16, generator=made),
        torch.rand(3, 15, 48, 96, generator=made),
        torch.rand(3, 6, 96, 96, generator=made),
    )


@torch.inference_mode()
@pytest.mark.parametrize("width", [0.125, 0.15, 0.25])
def test_widened_expert_judges_the_same(width: float) -> None:
    narrow = trained(models.build("syncnet", 0.0625))
    wide = widen(narrow, width)
    assert isinstance(wide, SyncNet) and wide.width == wide.meta["width"] == width and wide.meta["data"] == "talkers"
    mel, lips, _ = inputs()
    (sound, mouths), (wide_sound, wide_mouths) = narrow(mel, lips), wide(mel, lips)
    assert wide_sound.shape[1] == round(512 * width) and sound.std() > 0.01
    torch.testing.assert_close(wide_sound @ wide_mouths.T, sound @ mouths.T, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize(("width", "size"), [(0.125, 96), (0.15, 96), (0.15, 192)])
def test_widened_generator_draws_the_same(width: float, size: int) -> None:
    narrow = trained(models.build("wav2lip", 0.0625, size=size))
    mel, _, face = inputs()
    if narrow.detail is not None:
        face = face.repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.nn.init.normal_(narrow.detail.last.weight, generator=torch.Generator().manual_seed(3))
    drawn = narrow(mel, face)
    assert drawn.std() > 0.05
    torch.testing.assert_close(widen(narrow, width)(mel, face), drawn, atol=1e-4, rtol=1e-3)


def test_copies_of_a_channel_learn_different_things() -> None:
    wide: Any = widen(trained(models.build("syncnet", 0.0625)), 0.125)
    mel, lips, _ = inputs()
    sound, mouths = wide(mel, lips)
    (sound * mouths).sum().backward()
    weight = wide.audio_encoder[4].conv_block[0].weight  # not residual: what it reads has one path
    copies = wide.audio_encoder[4].conv_block[1].num_features // 2
    assert (weight.grad[:copies] - weight.grad[copies:]).abs().max() > 1e-3 * weight.grad.abs().max()


def test_width_must_grow() -> None:
    with pytest.raises(W2LError, match=r"width 0\.25 cannot be widened to 0\.25"):
        widen(models.build("syncnet", 0.25), 0.25)
    with pytest.raises(W2LError, match="a QualityDisc cannot be widened"):
        widen(models.build("quality_disc", 0.25), 0.5)
