"""Sound to mel: the published log-mel spectrogram, and one mel window per video frame.

The signal path is that of the released weights (reference: Wav2Lip's hyper-parameters): 16 kHz mono, pre-emphasis
0.97, 50 ms Hann windows every 12.5 ms, 80 Slaney mel bands from 55 to 7600 Hz, decibels scaled to [-4, 4].
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from w2l.errors import W2LError

SAMPLE_RATE = 16_000  # samples a second
N_FFT = 800  # samples: 50 ms, also the length of the Hann window
HOP = 200  # samples: 12.5 ms
N_MELS = 80
FMIN, FMAX = 55.0, 7600.0  # Hz
PREEMPHASIS = 0.97
MIN_LEVEL_DB, REF_LEVEL_DB = -100.0, 20.0
MEL_LIMIT = 4.0  # the mel lies in [-4, 4]; digital silence is exactly -4

MELS_PER_SECOND = SAMPLE_RATE // HOP  # 80 columns a second
WINDOW = 16  # mel columns the networks see at once: 200 ms
TRAINING_FPS = 25  # frames a second of the published training data; one frame is 3.2 mel columns
SAMPLES_PER_FRAME = SAMPLE_RATE // TRAINING_FPS

_MEL_BLOCK = 1024  # mel columns computed at a time
_HANN = (0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, N_FFT + 1)))[:-1]


def melspectrogram(wav: np.ndarray) -> np.ndarray:
    """The published log-mel spectrogram.

    wav: float (N,), 16 kHz mono. Returns float32 (80, T) in [-4, 4], T = 1 + N // 200, column k centred on k * 12.5 ms.
    Sound shorter than half a window (400 samples) is padded with silence first, since the edges are reflected.
    Raises W2LError when the sound has NaN or infinite samples. Source: reference mel of the released weights.
    """
    wav = np.asarray(wav, dtype=np.float32)
    if wav.ndim != 1:
        raise ValueError(f"melspectrogram takes mono sound of shape (N,), not {wav.shape}; average the channels first.")
    if not np.isfinite(wav).all():
        raise W2LError("the sound has NaN or infinite samples; save it again as an ordinary wav file.")
    emphasised = np.convolve([1.0, -PREEMPHASIS], np.pad(wav, (0, max(0, N_FFT - len(wav)))))[:-1]
    padded = np.pad(emphasised, N_FFT // 2, mode="reflect")
    mel = np.empty((N_MELS, 1 + len(wav) // HOP), np.float32)
    for first in range(0, mel.shape[1], _MEL_BLOCK):  # in blocks: a spectrum is sixteen times as large as the sound
        block = padded[first * HOP : (first + _MEL_BLOCK - 1) * HOP + N_FFT]
        pieces = np.lib.stride_tricks.sliding_window_view(block, N_FFT)[::HOP]
        spectrum = np.abs(np.fft.rfft(_HANN * pieces).T)
        decibels = 20 * np.log10(np.maximum(10 ** (MIN_LEVEL_DB / 20), _mel_basis() @ spectrum)) - REF_LEVEL_DB
        scaled = 2 * MEL_LIMIT * (decibels - MIN_LEVEL_DB) / -MIN_LEVEL_DB - MEL_LIMIT
        columns = mel[:, first : first + _MEL_BLOCK]
        columns[:] = np.clip(scaled, -MEL_LIMIT, MEL_LIMIT)[:, : columns.shape[1]]
    return mel


def window_starts(fps: float, n_frames: int, shift: float = 0.0, start: int = 0) -> np.ndarray:
    """First mel column of each video frame's window: int64 (n_frames,), floor(80 i / fps + 3.2 shift).

    shift is in frames of 1/25 s: 0 is what the published inference does, -1 what the released weights were trained
    with (the window then starts one frame before the picture: reference 2.6). start: the first frame i. The columns may
    be negative.
    """
    if not fps > 0:
        raise W2LError(f"{fps} frames a second is not a frame rate; give a number above 0, such as 25.")
    per_frame = MELS_PER_SECOND / fps
    lead = shift * MELS_PER_SECOND / TRAINING_FPS
    # the small number only corrects products such as 3.2 * 5 - 3.2, which in floats come out just below a whole number
    exact = np.arange(start, start + n_frames) * per_frame + lead + (1e-6 if lead else 0.0)
    return np.floor(exact).astype(np.int64)


def mel_windows(mel: np.ndarray, fps: float, n_frames: int, shift: float = -1.0, start: int = 0) -> np.ndarray:
    """One 200 ms mel window per video frame, including the last.

    mel: float32 (80, T). Returns float32 (n_frames, 80, 16), the windows of frames start to start + n_frames - 1.
    Columns before the start or after the end of the sound are silence (-4), so that no frame is lost at the end (the
    original stops 3 or more frames early). `shift` as in `window_starts`.
    """
    columns = window_starts(fps, n_frames, shift, start)[:, None] + np.arange(WINDOW)  # (n_frames, 16)
    windows = mel[:, np.clip(columns, 0, mel.shape[1] - 1)]  # (80, n_frames, 16)
    windows[:, (columns < 0) | (columns >= mel.shape[1])] = -MEL_LIMIT
    return np.ascontiguousarray(windows.transpose(1, 0, 2), dtype=np.float32)


def mel_of_frames(wav: np.ndarray, first: int, count: int) -> np.ndarray:
    """The mel of `count` frames (25 a second) from frame `first` on: float32 (80, 1 + 16 count / 5).

    wav: float32 (N,) at 16 kHz. The first column is centred on the beginning of the first frame. Sound on either side
    of the frames is taken into account, as in the mel of the whole; at both ends of `wav` the mel is that of
    `melspectrogram`.
    """
    begin, end = first * SAMPLES_PER_FRAME, min((first + count) * SAMPLES_PER_FRAME, len(wav))
    lead = min(begin, N_FFT) // HOP
    mel = melspectrogram(wav[begin - lead * HOP : end + N_FFT])
    return np.ascontiguousarray(mel[:, lead : lead + 1 + (end - begin) // HOP])


@lru_cache(maxsize=1)
def _mel_basis() -> np.ndarray:
    """The mel bands as weights of the spectrum, float32 (80, 401): triangles of equal area (Slaney, Auditory Toolbox).

    To the bit what librosa.filters.mel gives, whose import takes two seconds.
    """
    corners = _corners()[:, None]
    away, gaps = corners - np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE), np.diff(corners, axis=0)
    bands = np.maximum(0, np.minimum(-away[:-2] / gaps[:-1], away[2:] / gaps[1:])).astype(np.float32)
    bands *= 2 / (corners[2:] - corners[:-2])
    return bands


@lru_cache(maxsize=1)
def mel_centres() -> np.ndarray:
    """Where each mel band is most sensitive, in Hz: float64 (80,), rising."""
    return _corners()[1:-1]


def _corners() -> np.ndarray:
    """The corners of the mel bands in Hz, float64 (82,): evenly spaced on Slaney's scale.

    It is linear up to 1000 Hz and logarithmic above.
    """
    low, step = 200 / 3, np.log(6.4) / 27  # Hz a mel below 1000 Hz; log of the ratio of neighbours above
    knee = 1000 / low
    lowest, highest = (hz / low if hz < 1000 else knee + np.log(hz / 1000) / step for hz in (FMIN, FMAX))
    mels = np.linspace(lowest, highest, N_MELS + 2)
    return np.where(mels < knee, low * mels, 1000 * np.exp(step * (mels - knee)))
