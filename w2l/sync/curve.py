"""How well picture and sound of a clip fit, shift by shift, in the eyes of an expert."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from w2l.audio import TRAINING_FPS, mel_windows
from w2l.data.clip import FRAMES
from w2l.data.windows import lower_halves
from w2l.models.syncnet import SyncNet

MAX_SHIFT = 15  # frames, as the published metric tries


@dataclass(frozen=True)
class SyncCurve:
    """Mean cosine of mouth and sound for each shift of the sound, -15 .. 15 frames of 1/25 s.

    Positive shifts and offsets: the sound is late. Modelled on the published LSE (Chung and Zisserman 2016), with
    cosine for distance.
    """

    shifts: np.ndarray  # int (31,)
    cosine: np.ndarray  # float (31,)

    @property
    def offset(self) -> int:
        """Frames by which the sound lags the lips."""
        return int(self.shifts[self.cosine.argmax()])

    @property
    def confidence(self) -> float:
        """Best minus median cosine."""
        return float(self.cosine.max() - np.median(self.cosine))

    @property
    def in_sync(self) -> float:
        """Mean cosine as the clip is."""
        return float(self.cosine[self.shifts == 0][0])


@torch.no_grad()
def embed(expert: SyncNet, frames: np.ndarray, mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of every window of a clip: (mouths, sounds), float32 (n, D) each.

    frames: uint8 (n + 4, 96, 96, 3) BGR at 25 a second; mel: float32 (80, T).
    """
    count = len(frames) - FRAMES + 1
    if count < 1:
        raise ValueError(
            f"a clip of {len(frames)} frames is too short for the expert's window of {FRAMES}; give a longer one."
        )
    windows = torch.from_numpy(mel_windows(mel, TRAINING_FPS, count, shift=0))[:, None]
    first = (FRAMES - expert.frames) // 2
    mouths, sounds = [], []
    for at in range(0, count, 32):
        starts = range(at, min(count, at + 32))
        faces = np.stack([lower_halves(frames[s + first : s + first + expert.frames]) for s in starts])
        mouths.append(expert.embed_faces(torch.from_numpy(faces)).numpy())
        sounds.append(expert.embed_audio(windows[at : at + 32]).numpy())
    return np.concatenate(mouths), np.concatenate(sounds)


def sync_curve(expert: SyncNet, frames: np.ndarray, mel: np.ndarray, max_shift: int = MAX_SHIFT) -> SyncCurve:
    """The curve of a clip of crops: arguments as `embed`. Windows shifted out of the clip are left out of the mean."""
    mouths, sounds = embed(expert, frames, mel)
    scores = mouths @ sounds.T  # (n, n): mouth window, sound window
    reach = min(max_shift, len(mouths) - 1)
    shifts = np.arange(-reach, reach + 1)
    return SyncCurve(shifts, np.array([np.diagonal(scores, shift).mean() for shift in shifts]))
