"""Picture quality of generated faces: PSNR, SSIM, errors of the lower face, sharpness, and jitter of the mouth.

Faces are (n, H, H, 3) uint8 BGR crops, real and generated ones aligned in space and time. PSNR and SSIM are computed
here, so that figures never depend on what is installed; the tests compare them with torchmetrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from w2l.faces.crop import mouth_box

PSNR_LIMIT = 100.0  # dB: the value for equal pictures, where the formula gives infinity, which would ruin every mean
_WINDOW, _SIGMA = 11, 1.5  # pixels: the Gaussian of Wang et al. (2004), as is usual
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(squared_error: float) -> float:
    """Decibels for a mean squared error of 8-bit values; at most 100."""
    if not squared_error > 0:
        return PSNR_LIMIT
    return min(PSNR_LIMIT, 10 * math.log10(255**2 / squared_error))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two pictures (H, W, C) uint8, mean over channels and pixels, edges reflected.

    Gaussian window of 11 pixels, sigma 1.5, K = 0.01 and 0.03 (Wang et al. 2004); as in torchmetrics by default.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = _blur(x), _blur(y)
    vx, vy, cov = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    similar = (2 * mx * my + _C1) * (2 * cov + _C2) / ((mx * mx + my * my + _C1) * (vx + vy + _C2))
    return float(similar.mean())


def _blur(picture: np.ndarray) -> np.ndarray:
    kernel = cv2.getGaussianKernel(_WINDOW, _SIGMA, cv2.CV_64F)
    return cv2.sepFilter2D(picture, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


def gradient_energy(faces: np.ndarray, area: tuple[slice, slice] | None = None) -> float:
    """Mean squared step between neighbouring pixels, values in 0 .. 1, as `losses.gradient_energy`.

    area: rows and columns of the crops that count; left out, their lower half, which the generator draws.
    """
    seen = faces[:, *(area or (slice(faces.shape[1] // 2, None), slice(None)))].astype(np.float32) / 255
    return float((np.diff(seen, axis=1) ** 2).mean() + (np.diff(seen, axis=2) ** 2).mean())


class Errors:
    """Errors of generated faces against the real ones, block by block."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: dict[str, float] = {}

    def add(self, real: np.ndarray, generated: np.ndarray) -> None:
        """Blocks of equal length, frame by frame."""
        apart = np.abs(real.astype(np.float32) - generated)
        side = real.shape[1]
        found = {
            "squared": float((apart**2).mean()),
            "ssim": float(np.mean([ssim(a, b) for a, b in zip(real, generated, strict=True)])),
            "l1": float(apart.mean()) / 255,
            "lower_l1": float(apart[:, side // 2 :].mean()) / 255,
            "mouth_l1": float(apart[:, *mouth_box(side)].mean()) / 255,
            "energy_real": gradient_energy(real),
            "energy": gradient_energy(generated),
        }
        for name, value in found.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * len(real)
        self._count += len(real)

    def figures(self) -> dict[str, float]:
        """psnr (of the mean squared error of the clip, dB), ssim, lower_l1, mouth_l1 (0 .. 1), sharpness (gradient
        energy over that of the truth)."""
        mean = {name: value / self._count for name, value in self._sums.items()}
        kept = {name: mean[name] for name in ("ssim", "lower_l1", "mouth_l1")}
        sharpness = mean["energy"] / mean["energy_real"] if mean["energy_real"] > 0 else math.nan
        return {"psnr": psnr(mean["squared"]), **kept, "sharpness": sharpness}


class Jitter:
    """Jitter of the mouth region: the mean size of the second difference over time, 0 .. 1.

    Steady motion and still pictures have none; flicker and shaking boxes do. Frames are added block by block.
    """

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._sum, self._count = 0.0, 0

    def add(self, faces: np.ndarray) -> None:
        """The next frames."""
        frames = faces if self._last is None else np.concatenate([self._last, faces])
        self._last = frames[-2:]
        if len(frames) > 2:
            mouths = frames[:, *mouth_box(frames.shape[1])].astype(np.float32) / 255
            bends = np.abs(mouths[2:] - 2 * mouths[1:-1] + mouths[:-2])
            self._sum += float(bends.mean()) * len(bends)
            self._count += len(bends)

    def value(self) -> float:
        """NaN for fewer than three frames."""
        return self._sum / self._count if self._count else math.nan


def degraded(faces: np.ndarray, kind: str, strength: float, seed: int = 0) -> np.ndarray:
    """Faces made worse on purpose, for tests and robustness curves: uint8 (n, H, H, 3) in and out.

    kind and strength: ``blur``, sigma in pixels; ``noise``, standard deviation in 8-bit steps; ``jpeg``, quality 1 to
    100; ``small``, pixels of a side to which the face is shrunk before it is enlarged again; ``shuffle``, the side in
    pixels of squares that swap places, the same way in all frames.
    """
    return np.stack(list(_degrade(faces, kind, strength, np.random.default_rng(seed))))


def _degrade(faces: np.ndarray, kind: str, strength: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    side = faces.shape[1]
    order = rng.permutation((side // int(strength)) ** 2) if kind == "shuffle" else None
    for face in faces:
        if kind == "blur":
            yield cv2.GaussianBlur(face, (0, 0), strength)
        elif kind == "noise":
            yield np.clip(np.rint(face + rng.normal(0, strength, face.shape)), 0, 255).astype(np.uint8)
        elif kind == "jpeg":
            data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(strength)])[1]
            decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
            assert decoded is not None
            yield decoded
        elif kind == "small":
            small = cv2.resize(face, (int(strength),) * 2, interpolation=cv2.INTER_AREA)
            yield cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
        elif order is not None:
            size, across = int(strength), side // int(strength)
            tiles = face.reshape(across, size, across, size, 3).swapaxes(1, 2).reshape(-1, size, size, 3)
            yield tiles[order].reshape(across, across, size, size, 3).swapaxes(1, 2).reshape(face.shape)
        else:
            raise ValueError(f"faces cannot be degraded by {kind!r}; choose blur, noise, jpeg, small or shuffle.")
