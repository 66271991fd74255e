"""Figures of pictures against second implementations and plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from w2l.evaluate.metrics import quality
from w2l.faces.crop import mouth_box
from w2l.train import losses


def tensors(*pictures):
    return [torch.from_numpy(p.transpose(0, 3, 1, 2).astype(np.float64)) for p in pictures]


@pytest.mark.parametrize(("kind", "strength"), [("blur", 2), ("noise", 15), ("jpeg", 10)])
def test_psnr_and_ssim_are_those_of_torchmetrics(kind, strength, faces):
    real, made = faces[:6], quality.degraded(faces[:6], kind, strength)
    errors = quality.Errors()
    errors.add(real[:2], made[:2])
    errors.add(real[2:], made[2:])
    found, (a, b) = errors.figures(), tensors(made, real)
    assert found["psnr"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255.0).item(), rel=1e-5)
    ours, theirs = found["ssim"], structural_similarity_index_measure(a, b, data_range=255.0).item()
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_errors_are_plain_arithmetic():
    rng = np.random.default_rng(0)
    real, made = rng.integers(0, 256, (2, 3, 96, 96, 3), dtype=np.uint8)
    errors = quality.Errors()
    errors.add(real, made)
    apart = np.abs(real / 255 - made / 255)
    found = errors.figures()
    assert found["lower_l1"] == pytest.approx(apart[:, 48:].mean(), rel=1e-5)
    rows, columns = mouth_box()
    assert found["mouth_l1"] == pytest.approx(apart[:, rows, columns].mean(), rel=1e-5)
    a, b = (losses.gradient_energy(t / 255).item() for t in tensors(made, real))
    assert found["sharpness"] == pytest.approx(a / b, rel=1e-5)
    made[:, :48, 1:] = made[:, :48, :1]  # the upper half: columns alike, so that steps are between rows alone
    steps = (np.diff(made[:, :48] / 255, axis=1) ** 2).mean()
    assert quality.gradient_energy(made, (slice(0, 48), slice(None))) == pytest.approx(steps, rel=1e-5)
    same = quality.Errors()
    same.add(real, real)
    assert same.figures()["psnr"] == quality.PSNR_LIMIT and same.figures()["ssim"] == pytest.approx(1)


def test_jitter_is_of_trembling_not_of_motion():
    """A steady fade has none; one that shakes by a step up and down twice the step."""
    steady = np.repeat(np.arange(0, 60, 3, dtype=np.uint8), 96 * 96 * 3).reshape(20, 96, 96, 3)
    shaking = steady + np.uint8(10) * (np.arange(20) % 2).astype(np.uint8)[:, None, None, None]

    def value(frames, block):
        jitter = quality.Jitter()
        for at in range(0, len(frames), block):
            jitter.add(frames[at : at + block])
        return jitter.value()

    assert value(steady, 7) == pytest.approx(0, abs=1e-6)
    assert value(shaking, 1) == pytest.approx(2 * 10 / 255, rel=1e-5) == pytest.approx(value(shaking, 20))
    assert math.isnan(value(steady[:2], 2))


def test_unknown_degradations_are_refused(faces):
    with pytest.raises(ValueError, match="'rust'"):
        quality.degraded(faces[:1], "rust", 1)
