"""The quality discriminator."""

import torch
from helpers import tiny_training as tiny

from w2l import models
from w2l.train import gan


def test_a_fresh_discriminator_sees_the_picture():
    torch.manual_seed(0)
    faces = torch.rand(8, 3, 48, 96)

    def spread(disc):
        return torch.nn.Sequential(*disc.face_encoder_blocks, disc.binary_pred[0])(faces).std().item()

    with torch.no_grad():
        assert spread(gan.fresh_disc(0.25)) > 0.05 > 20 * spread(models.build("quality_disc", 0.25))


def test_losses_for_detail_are_off_unless_they_have_a_weight():
    plain, sharp = tiny.make("gan"), tiny.make("gan", feature_weight=2.0, laplacian_weight=3.0, meter_weight=0.5)
    generator = torch.Generator().manual_seed(0)
    made, true = (torch.rand(10, 3, 96, 96, generator=generator) for _ in range(2))
    window = torch.zeros(2, 80, 16)
    made.requires_grad_()
    losses = [trainer.loss(made, true, window, 5) for trainer in (plain, sharp)]
    assert not {"feature_loss", "laplacian", "reading"} & losses[0][1].keys()
    found = losses[1][1]
    more = 2 * found["feature_loss"] + 3 * found["laplacian"] + found["reading"] / 2
    assert torch.allclose(losses[1][0], losses[0][0] + more, rtol=1e-4) and found["feature_loss"] > 0.01
    losses[1][0].backward()
    assert made.grad is not None and made.grad.abs().max() > 0
    assert sharp.meter is not None and all(p.grad is None for p in sharp.meter.parameters())
    assert all(p.grad is None for p in sharp.disc.network.parameters())  # the discriminator learns from its own loss
    assert sharp.features_apart(true, true) == 0
