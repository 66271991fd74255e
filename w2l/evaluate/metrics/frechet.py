"""The Fréchet distance between two sets of faces: how far apart the distributions of a network's features are.

Two networks can give the features, and their figures are never compared or shown under one name:

``small``: the mouth halves of the expert's own first layers (see `SmallFeatures`); bundled, so nothing is fetched.
``inception``: Inception v3, as FID is published; needs the package torch-fidelity and its weights on this machine.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from w2l import weights
from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.faces.crop import lower_halves
from w2l.sync.experts import DEFAULT, OwnExpert, load_expert

INCEPTION = "weights-inception-2015-12-05-6726825d.pth"  # its sha256 begins with the end of its name
_DIGITS = "6726825d"
_BATCH = 32


@dataclass(frozen=True)
class Moments:
    """Number, mean (D,) and scatter (D, D: sum of outer products about the mean) of features, float64."""

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @staticmethod
    def of(features: np.ndarray) -> Moments:
        """The moments of features (n, D)."""
        x = np.asarray(features, np.float64)
        mean = x.mean(0)
        return Moments(len(x), mean, (x - mean).T @ (x - mean))

    def __add__(self, other: Moments) -> Moments:
        """The moments of both sets together (Chan et al. 1979)."""
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        between = np.outer(apart, apart) * (self.count * other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance; W2LError for a single face."""
        if self.count < 2:
            raise W2LError("a Fréchet distance needs at least 2 faces on each side; give more frames.")
        return self.scatter / (self.count - 1)


def frechet(a: Moments, b: Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of two Gaussians (Dowson and Landau 1982), 0 or more.

    The trace of the root is that of the symmetric (C1^1/2 C2 C1^1/2)^1/2, which avoids complex numbers. With few faces
    it comes out too large: compare only sets of the same size.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    between = np.linalg.eigvalsh(root @ b.covariance @ root)
    cross = np.sqrt(np.maximum(between, 0)).sum()
    apart = a.mean - b.mean
    return max(0.0, float(apart @ apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross))


class Features(Protocol):
    """name, sha256: of the network. Called with (n, H, H, 3) uint8 BGR faces gives (n, D) float32."""

    name: str
    sha256: str

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """The features."""


class SmallFeatures:
    """Features of single lower faces from the first layers of an expert of the kit: D = twice three stages' channels.

    They are the mean and standard deviation over the picture of the outputs of the first, second and fourth stage
    (48x96, 46x47, 12x12 pixels; 8, 16 and 64 channels at width 0.25): how much there is of each kind of edge and
    texture, and how unevenly. A window is the same frame five times, so time plays no part. Larger faces are looked at
    as they are, so that their detail counts; compare distances at one size only.
    """

    def __init__(self, expert: str | Path = DEFAULT) -> None:
        judge = load_expert(str(expert), "cpu")
        if not isinstance(judge, OwnExpert):
            raise W2LError(f"{expert} has no features for faces of 96 pixels; give an expert of the kit.")
        self.name, self.sha256 = f"small ({judge.name})", judge.sha256
        self._frames = judge.frames
        self._stages = judge.network.face_encoder
        shapes = [self._out(i) for i in range(len(self._stages))]
        self._taken = [max(i for i, side in enumerate(shapes) if side == wanted) for wanted in (48, 46, 12)]

    def _out(self, index: int) -> int:
        """The height of a picture after the layer of that index."""
        x = torch.zeros(1, 3 * self._frames, 48, 96)
        with torch.inference_mode():
            for layer in list(self._stages)[: index + 1]:
                x = layer(x)
        return x.shape[2]

    @torch.inference_mode()
    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """(n, D)."""
        lower = lower_halves(faces, size=None)
        lower = lower.reshape(-1, 3, *lower.shape[1:])
        found = []
        for at in range(0, len(lower), _BATCH):
            x = torch.from_numpy(np.tile(lower[at : at + _BATCH], (1, self._frames, 1, 1)))
            kept = []
            for index, layer in enumerate(list(self._stages)[: self._taken[-1] + 1]):
                x = layer(x)
                if index in self._taken:
                    kept += [x.mean((2, 3)), x.std((2, 3))]
            found.append(torch.cat(kept, 1).numpy())
        return np.concatenate(found)


class InceptionFeatures:
    """The 2048 features of FID, of whole faces; computed by torch-fidelity.

    Raises W2LError when the package or its weights are missing; nothing is downloaded.
    """

    name = "inception"

    def __init__(self) -> None:
        path = _find_inception()
        try:
            module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        except Exception as error:  # a torchvision of another build than torch's raises RuntimeError
            raise W2LError(
                f"FID needs the package torch-fidelity ({type(error).__name__}: {error}); "
                "install it with pip install 'w2l[metrics]'."
            ) from error
        self.sha256 = hash_of(path)
        if not self.sha256.startswith(_DIGITS):
            raise W2LError(f"{path} does not match its name (its sha256 is {self.sha256}); download it again.")
        self._network: Any = module.FeatureExtractorInceptionV3("w2l", ["2048"], str(path))

    @torch.inference_mode()
    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """(n, 2048)."""
        rgb = torch.from_numpy(np.ascontiguousarray(faces[..., ::-1].transpose(0, 3, 1, 2)))
        parts = [self._network(rgb[at : at + _BATCH])[0].float() for at in range(0, len(rgb), _BATCH)]
        return torch.cat(parts).numpy()


def _find_inception() -> Path:
    """The weights, in one of the places for weights or where torch.hub keeps its downloads."""
    folders = [*weights.places(), Path(torch.hub.get_dir()) / "checkpoints"]
    for folder in folders:
        path = folder if folder.name == INCEPTION else folder / INCEPTION
        if path.is_file():
            return path
    raise W2LError(f"FID needs the Inception weights {INCEPTION}; put them into {folders[0]}, or ask for 'small'.")


def load_features(name: str = "small") -> Features:
    """``small`` or ``inception``. Raises W2LError for another name, or if those features are not available."""
    if name == "small":
        return SmallFeatures()
    if name == "inception":
        return InceptionFeatures()
    raise W2LError(f"there are no features {name!r}; choose small or inception.")


def together(moments: Iterable[Moments]) -> Moments:
    """The moments of all sets together."""
    found: Sequence[Moments] = list(moments)
    total = found[0]
    for one in found[1:]:
        total = total + one
    return total
