"""The quality discriminator."""

import torch

from w2l import models
from w2l.train import gan


def test_a_fresh_discriminator_sees_the_picture():
    torch.manual_seed(0)
    faces = torch.rand(8, 3, 48, 96)

    def spread(disc):
        return torch.nn.Sequential(*disc.face_encoder_blocks, disc.binary_pred[0])(faces).std().item()

    with torch.no_grad():
        assert spread(gan.fresh_disc(0.25)) > 0.05 > 20 * spread(models.build("quality_disc", 0.25))
