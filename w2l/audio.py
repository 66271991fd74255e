"""Sound to mel: decoding any file, the published log-mel spectrogram, and one mel window per video frame.

The signal path is that of the released weights (reference: Wav2Lip's hyper-parameters): 16 kHz mono, pre-emphasis
0.97, 50 ms Hann windows every 12.5 ms, 80 Slaney mel bands from 55 to 7600 Hz, decibels scaled to [-4, 4].
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2l.errors import W2LError

if TYPE_CHECKING:
    import av
    import av.container

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

_SILENCE = 1e-4  # peak below this (-80 dB of full scale) is silence: quieter than one step of 14-bit sound


def decode(path: str | os.PathLike[str]) -> tuple[np.ndarray, int]:
    """Decodes the (best) sound stream of any sound or video file, at its own rate.

    Returns (samples, rate): float32 (N, channels) in about [-1, 1] and the rate in Hz. Sound of a video starts with
    the picture: a late sound stream is led in by zeros, an early one is cut.
    Raises W2LError when the file is missing, is not readable, or holds no sound at all.
    """
    import av

    path = Path(path)
    if not path.is_file():
        raise W2LError(f"no such sound file: {path}; check the path.")
    blocks: list[np.ndarray] = []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.best("audio")
            if not isinstance(stream, av.AudioStream):
                raise W2LError(f"{path} has no sound; give a file with speech (wav, mp3, m4a, or a video with sound).")
            rate, start = int(stream.rate), _start_after_picture(container, stream)
            try:
                for frame in container.decode(stream):
                    blocks.append(_to_float(frame))
            except av.FFmpegError:
                if not blocks:  # what decoded before the damage is used
                    raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise W2LError(
            f"{path} cannot be read as sound ({_reason(error)}); convert it to wav or choose another file."
        ) from error
    channels = min((block.shape[1] for block in blocks), default=1)
    wav = np.concatenate([block[:, :channels] for block in blocks]) if blocks else np.zeros((0, 1), np.float32)
    if len(wav) == 0:
        raise W2LError(f"{path} holds no sound samples (0 s long); choose a file with speech in it.")
    lead = round(start * rate)
    return (np.pad(wav, ((lead, 0), (0, 0))) if lead > 0 else wav[-lead:]), rate


def load(path: str | os.PathLike[str]) -> np.ndarray:
    """Loads any sound file, or the sound of a video, as float32 (N,) mono at 16 kHz in about [-1, 1].

    Channels are averaged, then resampled with soxr's high quality (as librosa.load does). Raises W2LError as `decode`.
    """
    wav, rate = decode(path)
    return to_model_rate(wav, rate)


def to_model_rate(wav: np.ndarray, rate: int) -> np.ndarray:
    """Averages channels of (N,) or (N, channels) sound at `rate` Hz and resamples: float32 (M,) at 16 kHz."""
    import librosa

    mono = np.ascontiguousarray(wav if wav.ndim == 1 else wav.mean(axis=1), dtype=np.float32)
    if rate == SAMPLE_RATE:
        return mono
    return librosa.resample(mono, orig_sr=rate, target_sr=SAMPLE_RATE, res_type="soxr_hq").astype(np.float32)


def is_silent(wav: np.ndarray) -> bool:
    """Whether the sound (float, any shape) never rises above -80 dB of full scale."""
    return wav.size == 0 or float(np.abs(wav).max()) < _SILENCE


def melspectrogram(wav: np.ndarray) -> np.ndarray:
    """The published log-mel spectrogram.

    wav: float (N,), 16 kHz mono. Returns float32 (80, T) in [-4, 4], T = 1 + N // 200, column k centred on k * 12.5 ms.
    Sound shorter than half a window (400 samples) is led out by silence first, since the edges are reflected.
    Raises W2LError when the sound has NaN or infinite samples. Source: reference mel of the released weights.
    """
    import librosa
    from scipy.signal import lfilter

    wav = np.asarray(wav, dtype=np.float32)
    if wav.ndim != 1:
        raise ValueError(f"melspectrogram takes mono sound of shape (N,), not {wav.shape}; average the channels first.")
    if not np.isfinite(wav).all():
        raise W2LError("the sound has NaN or infinite samples; write it again as ordinary wav.")
    columns = 1 + len(wav) // HOP
    emphasised = lfilter([1.0, -PREEMPHASIS], [1.0], np.pad(wav, (0, max(0, N_FFT - len(wav)))))
    spectrum = np.abs(librosa.stft(y=emphasised, n_fft=N_FFT, hop_length=HOP, win_length=N_FFT, pad_mode="reflect"))
    decibels = 20 * np.log10(np.maximum(10 ** (MIN_LEVEL_DB / 20), _mel_basis() @ spectrum)) - REF_LEVEL_DB
    scaled = 2 * MEL_LIMIT * (decibels - MIN_LEVEL_DB) / -MIN_LEVEL_DB - MEL_LIMIT
    return np.clip(scaled, -MEL_LIMIT, MEL_LIMIT)[:, :columns].astype(np.float32)


def window_starts(fps: float, n_frames: int, shift: float = 0.0) -> np.ndarray:
    """First mel column of each video frame's window: int64 (n_frames,), floor(80 i / fps + 3.2 shift).

    shift is in frames of 1/25 s: 0 is what the published inference does, -1 what the released weights were trained
    with (the window then starts one frame before the picture: reference 2.6). Starts may be negative.
    """
    if not fps > 0:
        raise W2LError(f"{fps} frames a second is not a frame rate; give a number above 0, such as 25.")
    per_frame = MELS_PER_SECOND / fps
    lead = shift * MELS_PER_SECOND / TRAINING_FPS
    # the small number only mends products such as 3.2 * 5 - 3.2, which float arithmetic leaves just under a whole
    return np.floor(np.arange(n_frames) * per_frame + lead + (1e-6 if lead else 0.0)).astype(np.int64)


def mel_windows(mel: np.ndarray, fps: float, n_frames: int, shift: float = -1.0) -> np.ndarray:
    """One 200 ms mel window per video frame, to the very last frame.

    mel: float32 (80, T). Returns float32 (n_frames, 80, 16). Columns before the start or after the end of the sound are
    silence (-4), so that no frame is lost at the end (the original stops 3 or more frames early). `shift` as in
    `window_starts`.
    """
    starts = window_starts(fps, n_frames, shift)
    if n_frames == 0:
        return np.empty((0, mel.shape[0], WINDOW), np.float32)
    before = max(0, -int(starts.min()))
    after = max(0, int(starts.max()) + WINDOW - mel.shape[1])
    padded = np.pad(mel, ((0, 0), (before, after)), constant_values=-MEL_LIMIT)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)  # (80, T', 16), no copy
    return np.ascontiguousarray(windows[:, starts + before].transpose(1, 0, 2), dtype=np.float32)


@lru_cache(maxsize=1)
def _mel_basis() -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=FMIN, fmax=FMAX)  # (80, 401)


def _to_float(frame: av.AudioFrame) -> np.ndarray:
    """The samples of one PyAV audio frame as float32 (N, channels)."""
    raw, channels = frame.to_ndarray(), len(frame.layout.channels)
    raw = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    if raw.dtype.kind == "i":
        return (raw / 2.0 ** (8 * raw.dtype.itemsize - 1)).astype(np.float32)
    return raw.astype(np.float32)


def _start_after_picture(container: av.container.InputContainer, stream: av.AudioStream) -> float:
    """Seconds from the first picture to the first sound sample; 0 for files without video."""
    # a cover picture in a sound file is a video stream to FFmpeg, but no clock to follow
    pictures = [v for v in container.streams.video if v.average_rate and v.start_time is not None and v.frames != 1]
    if not pictures or stream.start_time is None:
        return 0.0
    return _seconds(stream) - _seconds(pictures[0])


def _seconds(stream: av.VideoStream | av.AudioStream) -> float:
    """When the stream starts."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
