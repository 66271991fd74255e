"""What the tests of dubs share: a tiny generator, numbered clips, speech."""

from __future__ import annotations

import numpy as np
import soundfile

from w2l import video
from w2l.dubbing.dub import dub

SIZE = 160
BOX = (40, 30, 120, 130)


def numbered(i, width=SIZE, height=SIZE):
    """A frame that tells its number by its grey."""
    return np.full((height, width, 3), 20 + 10 * i, np.uint8)


def number(frame):
    """The number of a frame, read in its upper left corner."""
    return round((float(frame[:20, :20].mean()) - 20) / 10)


def write_clip(path, count=20, fps=25, width=SIZE, height=SIZE):
    with video.VideoWriter(path, fps, quality=8) as writer:
        for i in range(count):
            writer.write(numbered(i, width, height))
    return path


def write_speech(path, seconds, rate=16000, channels=1, seed=0):
    """Bursts of harmonics on a gliding tone: something to hear, to line up by, and that AAC keeps."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    glide = 2 * np.pi * (150 * t + 40 * np.sin(5 * t))
    wav = sum(np.sin(k * glide + rng.uniform(0, 6)) / k for k in range(1, 12)) * np.abs(np.sin(9 * t)) ** 3
    soundfile.write(path, np.repeat(0.2 * wav[:, None], channels, axis=1), rate)
    return path


def run_dub(face, speech, out, generator, **options):
    """A dub of a fixed box, unsigned, without bars."""
    options = {"box": BOX, "weights": generator, "progress": False, "sign": False} | options
    return dub(face, speech, out, **options)


def seen(clip, speech, out, generator, **options):
    moments = []
    result = run_dub(clip, speech, out, generator, watch=moments.append, **options)
    return result, moments


class TwoFaces:
    """Sees two faces that stand still, the larger on the left."""

    name, settings = "two", ""
    boxes = np.float32([[10, 20, 70, 90, 0.9], [95, 30, 145, 90, 0.8]])

    def detect(self, frames):
        return [self.boxes for _ in frames]
