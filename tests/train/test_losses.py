"""Losses against plain arithmetic."""

import math

import numpy as np
import pytest
import torch

from w2l.train import losses


def test_pair_scores_are_cosines_of_all_pairs():
    audio, faces = (torch.nn.functional.normalize(torch.rand(6, 5), dim=1) for _ in range(2))
    same, other = losses.pair_scores(audio, faces, windows=3)
    expected_same = [float(faces[i] @ audio[i]) for i in range(6)]
    expected_other = [float(faces[c + i] @ audio[c + j]) for c in (0, 3) for i in range(3) for j in range(3) if i != j]
    np.testing.assert_allclose(same.numpy(), expected_same, rtol=1e-5)
    np.testing.assert_allclose(other.numpy(), expected_other, rtol=1e-5)


def test_contrastive_is_lipgans_loss_on_distances():
    rng = np.random.default_rng(1)
    a, b = (np.abs(rng.normal(size=(6, 8))) for _ in range(2))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    distance = np.linalg.norm(a - b, axis=1)
    cosine = torch.from_numpy((a * b).sum(1)).float()
    assert losses.contrastive(cosine, 1.0).item() == pytest.approx((distance**2).mean(), rel=1e-5)
    off = np.maximum(0, 1 - distance) ** 2
    assert off.any() and losses.contrastive(cosine, 0.0).item() == pytest.approx(off.mean(), rel=1e-5)
    same = torch.ones(3, requires_grad=True)  # embeddings that are equal: the root has no slope there
    losses.contrastive(same, 0.0).backward()
    assert torch.isfinite(same.grad).all()


def test_sync_bce_is_cross_entropy_and_bounded_at_the_ends():
    cosine = torch.tensor([0.2, 0.9])
    expected = -(math.log(0.2) + math.log(0.9)) / 2
    assert losses.sync_bce(cosine, 1.0).item() == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(losses.sync_bce(torch.tensor([0.0, 1.0 + 1e-6]), 0.0))


def test_mouth_l1_looks_at_the_mouth_only():
    a, b = torch.zeros(1, 3, 96, 96), torch.zeros(1, 3, 96, 96)
    b[..., :50, :] = 1
    assert losses.mouth_l1(a, b) == 0
    b[..., 70, 48] = 1
    assert losses.mouth_l1(a, b) > 0


def test_gradient_energy_counts_steps_of_the_lower_half():
    face = torch.zeros(1, 3, 96, 96)
    face[..., :48, ::2] = 1
    assert losses.gradient_energy(face) == 0
    face[..., 48:, 50:] = 0.5
    assert losses.gradient_energy(face).item() == pytest.approx(0.25 / 95)


def test_gradient_ratio():
    picture = torch.rand(2, 3, requires_grad=True)
    assert losses.gradient_ratio(6 * picture.sum(), 2 * picture.sum(), picture).item() == pytest.approx(3)


def test_laplacian_l1_asks_for_sharp_edges_in_the_lower_half():
    generator = torch.Generator().manual_seed(0)
    true = torch.rand(2, 3, 192, 192, generator=generator)
    assert losses.laplacian_l1(true, true) == 0
    upper = true.clone()
    upper[:, :, :96] = 0
    assert losses.laplacian_l1(upper, true) == 0
    blurred = torch.nn.functional.avg_pool2d(true, 5, 1, 2)
    darker = true + (blurred - true).abs().mean()  # as far away to a plain L1, but as sharp
    assert losses.laplacian_l1(blurred, true) > 20 * losses.laplacian_l1(darker, true)
    face = torch.zeros(1, 1, 8, 8)
    face[..., 4:, :] = torch.tensor([1.0, -1.0]).repeat(4)  # the finest pattern: all of it is lost at the first level
    assert losses.laplacian_l1(face, torch.zeros_like(face), levels=2).item() == pytest.approx(1.0)


def test_the_reading_error_is_about_the_numbers_read_and_passes_gradients_to_the_picture():
    torch.manual_seed(0)
    meter = lambda halves: torch.stack([halves[:, 0].mean((1, 2)), halves[:, 1].mean((1, 2))], 1) * 50  # noqa: E731
    true = torch.rand(2, 3, 96, 96)
    made = true.clone()
    made[:, :, :48] = 0  # above the half that is drawn
    made[:, 2] = 0  # nothing is read off red
    assert losses.reading_error(meter, made, true) == 0
    made[:, 0, 48:] += 0.1  # 5 px more of the first number
    made.requires_grad_(True)
    error = losses.reading_error(meter, made, true)
    assert error.item() == pytest.approx((5 / 2.5) ** 2 / 2, rel=1e-4)
    error.backward()
    assert (made.grad[:, 0, 48:] > 0).all() and not made.grad[:, 1:].any()
    twice = [faces.repeat_interleave(2, 2).repeat_interleave(2, 3) for faces in (made, true)]
    assert losses.reading_error(meter, *twice).item() == pytest.approx(error.item(), rel=1e-4)  # faces of 192 pixels
