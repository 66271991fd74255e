"""Clips on disk, read and written whole, for tests."""

import numpy as np

from w2l import video


def read(path):
    return np.stack(list(video.read_frames(path)))


def write(path, frames, wav):
    with video.VideoWriter(path, 25, audio=None if wav is None else (wav, 16000), quality=12) as writer:
        for frame in frames:
            writer.write(frame)
    return path
