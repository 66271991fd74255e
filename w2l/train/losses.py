"""The losses of the paper, and the mouth-box loss, which makes a mouth appear within class time."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from w2l.faces.crop import CROP_SIZE, mouth_box

_READ_SPREAD = 2.5  # px of the 96-pixel crop: about the spread of opening and of width while somebody speaks


def pair_scores(audio: torch.Tensor, faces: torch.Tensor, windows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine of every face window with every sound window of the same clip.

    audio, faces: (clips * windows, D), normalised, non-negative. Returns (positives (clips * windows,), negatives
    (clips * windows * (windows - 1),)), in [0, 1].
    """
    a, f = audio.view(-1, windows, audio.shape[1]), faces.view(-1, windows, faces.shape[1])
    cosines = torch.einsum("cid,cjd->cij", f, a).clamp(0, 1)  # (clips, face window, sound window)
    same = torch.eye(windows, dtype=torch.bool, device=audio.device).expand_as(cosines)
    return cosines[same], cosines[~same]


def sync_bce(cosine: torch.Tensor, in_sync: float) -> torch.Tensor:
    """Binary cross-entropy of cosines in [0, 1] taken as the probability of being in sync (paper, section 3.2)."""
    return functional.binary_cross_entropy(cosine.clamp(0, 1), torch.full_like(cosine, in_sync))


def contrastive(cosine: torch.Tensor, in_sync: float) -> torch.Tensor:
    """LipGAN's loss on the distance d of normalised embeddings: d^2 in sync, max(0, 1 - d)^2 off (KR et al. 2019)."""
    squared = (2 - 2 * cosine).clamp_min(1e-6)  # a root has no gradient at 0
    return squared.mean() if in_sync else (1 - squared.sqrt()).clamp_min(0).square().mean()


def mouth_l1(generated: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference inside the mouth box; (..., H, H) in [0, 1]."""
    rows, columns = mouth_box(target.shape[-1])
    return (generated - target)[..., rows, columns].abs().mean()


def laplacian_l1(generated: torch.Tensor, target: torch.Tensor, levels: int = 3) -> torch.Tensor:
    """L1 of the lower halves' Laplacian pyramids: of what each halving loses, finer levels counting more, 2^-level.

    generated, target: (N, 3, H, H) in [0, 1]. A blurred mouth is nearly as good as a sharp one that is a pixel off to a
    plain L1, and much worse to this one (Ling and Okada 2006; Bojanowski et al. 2018).
    """
    apart, total = lower_half(generated) - lower_half(target), generated.new_zeros(())
    for level in range(levels):  # the pyramid is linear, so that of the difference is the difference of both
        small = functional.avg_pool2d(apart, 2)
        back = functional.interpolate(small, size=apart.shape[2:], mode="bilinear", align_corners=False)
        total = total + (apart - back).abs().mean() / 2**level
        apart = small
    return total


def reading_error(meter: nn.Module, generated: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How far apart the openings and widths are that a mouth meter reads off two faces: mean square, in spreads.

    generated, target: (N, 3, H, H) in [0, 1]. Where the sound leaves the mouth open to doubt, the L1 of pixels is
    smallest for a blurred mouth; this error is smallest for the mean of the mouths that it may be.
    """
    made, true = (meter(small_lower_half(faces)) for faces in (generated, target))
    return ((made - true.detach()) / _READ_SPREAD).square().mean()


def gradient_energy(faces: torch.Tensor) -> torch.Tensor:
    """How sharp lower halves are: the mean squared step between neighbouring pixels; (..., H, H) in [0, 1]."""
    lower = lower_half(faces)
    across, down = lower.diff(dim=-1), lower.diff(dim=-2)
    return across.square().mean() + down.square().mean()


def lower_half(faces: torch.Tensor) -> torch.Tensor:
    """The half that a generator draws: (..., H, W) to (..., H / 2, W)."""
    return faces[..., faces.shape[-2] // 2 :, :]


def small_lower_half(faces: torch.Tensor) -> torch.Tensor:
    """That half as the expert and the meter take it: (N, C, H, H) to (N, C, 48, 96).

    Larger faces are averaged down, as `faces.crop.lower_halves` does.
    """
    lower, times = lower_half(faces), faces.shape[-1] // CROP_SIZE
    return functional.avg_pool2d(lower, times) if times > 1 else lower


def gradient_ratio(loss: torch.Tensor, other: torch.Tensor, generated: torch.Tensor) -> torch.Tensor:
    """Norm of a loss's gradient at the picture over that of another loss; far above 1, the first paints patterns."""
    norms = [torch.autograd.grad(one, generated, retain_graph=True)[0].norm() for one in (loss, other)]
    return norms[0] / (norms[1] + 1e-12)
