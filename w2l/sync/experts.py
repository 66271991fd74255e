"""Experts, which judge sync: the published SyncNet, by distance, and those of the kit, by cosine.

The two kinds of figure mean different things and are never mixed: LSE-D and LSE-C (reference 2.10) belong to
``syncnet_v2`` alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from w2l import models, weights
from w2l.audio import SAMPLES_PER_FRAME, TRAINING_FPS, mel_windows, melspectrogram
from w2l.base.device import pick_device
from w2l.base.files import hash_of
from w2l.data.clip import FRAMES
from w2l.errors import W2LError
from w2l.faces.crop import lower_halves
from w2l.models.fast.generate import channels_last, fold_batch_norm
from w2l.models.syncnet import SyncNet
from w2l.models.syncnet_v2 import SyncNetV2
from w2l.sync.mfcc import mfcc, to_pcm16

_MFCC_COLUMNS, _MFCC_WINDOW = 4, 20  # per frame, per window of five frames
_BATCH = {"cpu": 20}  # windows in one pass; 20 is the published number, and on a GPU more fit
_GPU_BATCH = 64
DEFAULT = "classroom_expert"
PUBLISHED = "syncnet_v2"
_NETWORKS = {"cosine": "syncnet", "distance": "syncnet_v2"}


class Expert(Protocol):
    """name, sha256: of the weights. measure: ``distance`` (small is good) or ``cosine`` (large is good).

    size: pixels of a side of the frames it takes. spare: last frames of a clip in which no window may end. batch:
    windows processed at a time.
    """

    name: str
    sha256: str
    measure: str
    size: int
    spare: int
    batch: int

    def resize(self, frame: np.ndarray) -> np.ndarray:
        """Resizes any (H, W, 3) uint8 BGR picture of a face to what `see` takes: (size, size, 3)."""

    def windows(self, sound: np.ndarray) -> int | None:
        """How many windows this sound, float32 (N,) at 16 kHz, has room for; None: any number."""

    def hear(self, sound: np.ndarray) -> Callable[[int, int], np.ndarray]:
        """Prepares the sound; returns a function (first, count) that embeds `count` windows: float32 (count, D)."""

    def see(self, frames: np.ndarray) -> np.ndarray:
        """Embeds the windows of (count + 4, size, size, 3) uint8 BGR frames: float32 (count, D)."""

    def score(self, mouths: np.ndarray, sounds: np.ndarray) -> np.ndarray:
        """Distance or cosine of each pair of embeddings: float32 (count,)."""

    def outside(self, count: int, like: np.ndarray) -> np.ndarray:
        """Embeddings that take the place of sound before the clip begins and after it ends."""


class PublishedExpert:
    """The network of Chung and Zisserman (2016) with the arithmetic of the published scores (reference 2.10).

    Frames are resized to 224 whatever their shape and taken as 0 .. 255; the sound as 16-bit MFCC. The scripts write
    frames as JPEG first; here they are used as decoded.
    """

    measure, size, spare = "distance", 224, 1

    def __init__(
        self, network: nn.Module, name: str = PUBLISHED, sha256: str = "", device: str | torch.device = "auto"
    ) -> None:
        self.name, self.sha256, self.device = name, sha256, pick_device(device)
        self.batch = _BATCH.get(self.device.type, _GPU_BATCH)
        self._network = fold_batch_norm(network).to(self.device)

    def resize(self, frame: np.ndarray) -> np.ndarray:
        """Bilinear, as published."""
        return cv2.resize(frame, (self.size, self.size)) if frame.shape[:2] != (self.size, self.size) else frame

    def windows(self, sound: np.ndarray) -> int | None:
        """One less than there is room for, as published."""
        return max(0, len(sound) // SAMPLES_PER_FRAME - FRAMES)

    def hear(self, sound: np.ndarray) -> Callable[[int, int], np.ndarray]:
        """Windows of 20 MFCC columns, four to a frame."""
        cepstra = mfcc(to_pcm16(sound)).astype(np.float32)

        def embed(first: int, count: int) -> np.ndarray:
            starts = (first + np.arange(count)) * _MFCC_COLUMNS
            columns = starts[:, None] + np.arange(_MFCC_WINDOW)
            windows = cepstra[:, columns].transpose(1, 0, 2)[:, None]
            return self._run("forward_aud", windows)

        return embed

    def see(self, frames: np.ndarray) -> np.ndarray:
        """(count, 1024)."""
        windows = np.lib.stride_tricks.sliding_window_view(frames, FRAMES, axis=0)  # (count, H, W, 3, 5)
        return self._run("forward_lip", windows.transpose(0, 3, 4, 1, 2).astype(np.float32))

    @torch.inference_mode()
    def _run(self, tower: str, windows: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(windows)).to(self.device)
        return getattr(self._network, tower)(batch).float().cpu().numpy()

    def score(self, mouths: np.ndarray, sounds: np.ndarray) -> np.ndarray:
        """Euclidean, with the published 1e-6 added to each difference."""
        return functional.pairwise_distance(torch.from_numpy(mouths), torch.from_numpy(sounds)).numpy()

    def outside(self, count: int, like: np.ndarray) -> np.ndarray:
        """Zeros: the published arithmetic counts them."""
        return np.zeros((count, like.shape[1]), np.float32)


class OwnExpert:
    """An expert of the kit, or the published lipsync_expert: lower halves of 96 x 96 crops, mel windows, cosine."""

    measure, size, spare = "cosine", 96, 0

    def __init__(self, network: SyncNet, name: str, sha256: str = "", device: str | torch.device = "auto") -> None:
        self.name, self.sha256, self.device = name, sha256, pick_device(device)
        self.batch = 32 if self.device.type == "cpu" else 4 * _GPU_BATCH
        self.frames = network.frames
        # in channels_last a processor needs two thirds of the time
        self.network = channels_last(fold_batch_norm(network).to(self.device))

    def resize(self, frame: np.ndarray) -> np.ndarray:
        """By averaging when shrinking, as for every crop in the kit."""
        if frame.shape[:2] == (self.size, self.size):
            return frame
        how = cv2.INTER_AREA if frame.shape[0] * frame.shape[1] > self.size**2 else cv2.INTER_LINEAR
        return cv2.resize(frame, (self.size, self.size), interpolation=how)

    def windows(self, sound: np.ndarray) -> int | None:
        """Any number: sound that ends early is followed by silence."""
        return None

    def hear(self, sound: np.ndarray) -> Callable[[int, int], np.ndarray]:
        """sound: float32 (N,) at 16 kHz, or its mel (80, T)."""
        mel = sound if sound.ndim == 2 else melspectrogram(sound)

        def embed(first: int, count: int) -> np.ndarray:
            windows = mel_windows(mel, TRAINING_FPS, count, shift=0, start=first)[:, None]
            return self._run(self.network.embed_audio, windows)

        return embed

    def see(self, frames: np.ndarray) -> np.ndarray:
        """(count, 512 * width); an expert with a shorter window sees the middle of the five."""
        first = (FRAMES - self.frames) // 2
        starts = range(first, first + len(frames) - FRAMES + 1)
        return self._run(
            self.network.embed_faces, np.stack([lower_halves(frames[s : s + self.frames]) for s in starts])
        )

    @torch.inference_mode()
    def _run(self, tower: Callable[[torch.Tensor], torch.Tensor], windows: np.ndarray) -> np.ndarray:
        return tower(torch.from_numpy(windows).to(self.device)).float().cpu().numpy()

    def score(self, mouths: np.ndarray, sounds: np.ndarray) -> np.ndarray:
        """In [0, 1], since both embeddings are normalised and not negative."""
        return np.einsum("nd,nd->n", mouths, sounds)

    def outside(self, count: int, like: np.ndarray) -> np.ndarray:
        """NaN: sound outside the clip is left out of the mean."""
        return np.full((count, like.shape[1]), np.nan, np.float32)


def load_expert(
    expert: str | os.PathLike[str] | nn.Module | Expert = "auto",
    device: str | torch.device = "auto",
    measure: str | None = None,
) -> Expert:
    """An expert from a name, a file or a network in memory; an expert is returned as it is.

    expert: ``auto`` (the published syncnet_v2 where it is on this machine, else the bundled classroom_expert), a
    bundled name, ``syncnet_v2`` or ``lipsync_expert`` of the registry, a weight file of either network, or a SyncNet
    or SyncNetV2, which is copied. Nothing is downloaded. measure: ``cosine`` or ``distance`` to accept only experts of
    that kind.
    Raises W2LError when there is no such expert.
    """
    if isinstance(expert, nn.Module):
        found = _wrap(expert, type(expert).__name__, "", device)
    elif isinstance(expert, str | os.PathLike):
        called = os.fspath(expert)
        if called == "auto":
            called = PUBLISHED if measure != "cosine" and weights.locate(PUBLISHED) else DEFAULT
        path = weights.find(called)
        network = models.load(path, network=_NETWORKS.get(measure or ""))
        found = _wrap(network, Path(called).name, hash_of(path), device)
    else:
        found = expert
    if measure not in (None, found.measure):
        raise W2LError(f"{found.name} judges by {found.measure}; give an expert that judges by {measure}.")
    return found


def _wrap(network: nn.Module, name: str, sha256: str, device: str | torch.device) -> Expert:
    if isinstance(network, SyncNetV2):
        return PublishedExpert(network, name, sha256, device)
    if isinstance(network, SyncNet):
        return OwnExpert(network, name, sha256, device)
    kind = getattr(network, "meta", {}).get("network", type(network).__name__)
    raise W2LError(f"{name} is a network of kind {kind}, which cannot judge sync; give an expert's weights.")
