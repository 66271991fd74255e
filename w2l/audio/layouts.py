"""Mixing loudspeaker layouts into each other, with FFmpeg's coefficients."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache
def coefficients(source: str, target: str) -> np.ndarray:
    """What each channel of a layout adds to each channel of another: float32 (channels, channels of the target).

    source, target: FFmpeg's names, such as "5.1(side)" or "stereo". The low-frequency channel is left out of smaller
    layouts, centre and surround come in with 0.71 (ITU-R BS.775). Where FFmpeg knows no such mix, as for ambisonic
    sound, each channel gets the mean of all.
    """
    import av

    many, few = len(av.AudioLayout(source).channels), len(av.AudioLayout(target).channels)
    impulses = av.AudioFrame.from_ndarray(np.eye(many, dtype=np.float32).reshape(1, -1), "flt", source)
    impulses.sample_rate = 48_000  # any; it stays the same
    try:
        (mixed,) = av.AudioResampler("flt", target, 48_000).resample(impulses)
    except (av.FFmpegError, ValueError):
        return np.full((many, few), 1 / many, np.float32)
    return mixed.to_ndarray().reshape(many, few)
