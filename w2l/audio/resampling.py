"""Sound at another rate, with soxr's high quality: what librosa.resample makes, without its start of two seconds."""

from __future__ import annotations

import numpy as np


def resample(wav: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 (N,) or (N, channels) at `rate` Hz to (ceil(N * wanted / rate), ...) at `wanted` Hz."""
    import soxr

    if rate == wanted:
        return wav
    length = int(np.ceil(len(wav) * (float(wanted) / rate)))
    made = soxr.resample(wav, rate, wanted, quality="soxr_hq")[:length]
    missing = length - len(made)
    return np.pad(made, [(0, missing), *[(0, 0)] * (made.ndim - 1)]) if missing else made
