"""Random variation: what cameras, codecs and unsteady detectors do to a face crop; other throats and microphones."""

from __future__ import annotations

import cv2
import numpy as np

from w2l.audio import MEL_LIMIT, N_MELS, mel_centres
from w2l.faces.crop import CROP_SIZE

_DECIBELS = 0.08  # of a mel's units a decibel


class Augment:
    """One random variation, the same for every frame of a clip: what cameras and codecs do.

    Shift, zoom and mirror imitate a detector's unsteady box; light, blur, noise and JPEG keep the expert from judging
    by a generator's texture (an expert trained without them is easily fooled: reference synthetic-talker, "the trap").
    size: of the frames, with which the shift grows.
    """

    def __init__(self, rng: np.random.Generator, degrade: bool = True, size: int = CROP_SIZE) -> None:
        self._rng, self._size = rng, size
        self.scale = rng.uniform(0.93, 1.07, 2).astype(np.float32)  # across, down
        mirror = rng.random() < 0.5
        shift = rng.uniform(-4, 4, 2) * (size / CROP_SIZE) + size / 2 * (1 - self.scale)
        self.matrix = np.array([[self.scale[0], 0, shift[0]], [0, self.scale[1], shift[1]]], np.float32)
        if mirror:
            self.matrix[0] = (-self.scale[0], 0, size - 1 - shift[0])
        self.gain = rng.uniform(0.85, 1.15) * rng.uniform(0.93, 1.07, 3).astype(np.float32) * _light(rng)
        self.blur = rng.uniform(0.3, 1.2) if degrade and rng.random() < 0.4 else 0.0
        self.noise = rng.uniform(1, 6) if degrade and rng.random() < 0.4 else 0.0
        self.quality = int(rng.integers(25, 90)) if degrade and rng.random() < 0.3 else 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """A varied copy of a (size, size, 3) uint8 frame."""
        whole = self._size, self._size
        out = cv2.warpAffine(frame, self.matrix, whole, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if self.blur:
            out = cv2.GaussianBlur(out, (0, 0), self.blur)
        changed = out * self.gain
        if self.noise:
            changed += self._rng.standard_normal((*whole, 1), dtype=np.float32) * np.float32(self.noise)
        out = np.clip(changed, 0, 255).astype(np.uint8)
        if self.quality:
            out = _through_jpeg(out, self.quality)
        return out


class AugmentVoice:
    """One random variation of a voice: what other throats, microphones and distances do to a mel window.

    Frequencies are stretched as by a shorter or longer vocal tract (Jaitly and Hinton 2013), typically by 7 %; the
    level changes by 4 dB, and the colour of the sound by a slope and a broad wave of 3 dB each.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        stretch = float(np.exp(np.clip(rng.normal(0, 0.07), -0.17, 0.17)))
        # which band each one is taken from
        self.band = np.interp(mel_centres() * stretch, mel_centres(), np.arange(N_MELS))
        along = np.linspace(-1, 1, N_MELS)
        wave = np.cos(np.pi * along + rng.uniform(0, 2 * np.pi))
        level, slope, height = rng.normal(0, (4, 3, 3)) * _DECIBELS
        self.colour = (level + slope * along + height * wave)[:, None]

    def __call__(self, mel: np.ndarray) -> np.ndarray:
        """A varied copy of mels, float32 (..., 80, T) in [-4, 4] to the same."""
        below = np.minimum(self.band.astype(int), N_MELS - 2)
        share = (self.band - below)[:, None]
        stretched = mel[..., below, :] * (1 - share) + mel[..., below + 1, :] * share
        return np.clip(stretched + self.colour, -MEL_LIMIT, MEL_LIMIT).astype(np.float32)


def _light(rng: np.random.Generator) -> np.ndarray:
    """Factors (B, G, R) of the light's colour: every second clip is lit by a warm lamp, or from a cool sky.

    Without this a meter read the mouth of a dark-skinned man under a yellow lamp the wrong way round.
    """
    warmth = rng.uniform(-0.2, 0.6) if rng.random() < 0.5 else 0.0
    return np.exp(warmth * np.array([-1.0, 0.0, 0.4])).astype(np.float32)


def _through_jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    decoded = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded
