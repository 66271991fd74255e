"""Sound to mel: decoding any file, the published log-mel spectrogram, and one mel window per video frame.

The signal path is that of the released weights (reference: Wav2Lip's hyper-parameters): 16 kHz mono, pre-emphasis
0.97, 50 ms Hann windows every 12.5 ms, 80 Slaney mel bands from 55 to 7600 Hz, decibels scaled to [-4, 4].
"""

from __future__ import annotations

import os
from collections.abc import Iterator
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
SAMPLES_PER_FRAME = SAMPLE_RATE // TRAINING_FPS

_LOUDEST = 1e5  # float samples beyond this, NaN and infinity are damage, not sound; integer samples stay below
_FARTHEST = 600.0  # seconds between the first sound and the first picture; more means a broken clock
_MEL_BLOCK = 1024  # mel columns computed at a time
_SILENCE = 1e-4  # peak below this (-80 dB of full scale) is silence: quieter than one step of 14-bit sound


def decode(path: str | os.PathLike[str]) -> tuple[np.ndarray, int]:
    """Decodes the (best) sound stream of any sound or video file, at its own rate.

    Returns (samples, rate): float32 (N, channels) in about [-1, 1], all finite, and the rate in Hz. Sound of a video
    starts with the picture: a late sound stream is padded with zeros, an early one is cut. Damaged parts are silent.
    Raises W2LError when the file is missing, is not readable, or holds no sound at all.
    """
    import av

    from w2l.video.files import open_container, read_head

    path = Path(path)
    if not os.path.isfile(path):  # unlike Path.is_file, this never fails on names that no file can have
        raise W2LError(f"no such sound file: {path}; check the path.")
    read_head(path, "sound")
    samples = bytearray()  # grows in place, where joining blocks at the end would hold the sound twice
    rate = channels = start = 0
    try:
        with open_container(path) as container:
            stream = _best_stream(container, path)
            for block, block_rate in _blocks(container, stream):
                if not channels:
                    rate, channels = block_rate, block.shape[1]
                    start = round(_start_after_picture(container, stream) * rate)
                    samples += bytes(4 * channels * max(0, start))
                elif block.shape[1] < channels:  # a broadcast may change from stereo to mono
                    block = block[:, :1].repeat(channels, axis=1)
                samples += block[:, :channels].tobytes()
    except (av.FFmpegError, OSError, ValueError) as error:
        raise W2LError(
            f"{path} cannot be read as sound ({_reason(error)}); convert it to wav or choose another file."
        ) from error
    wav = np.frombuffer(samples, np.float32).reshape(-1, max(1, channels))
    if len(wav) == 0:
        raise W2LError(f"{path} holds no sound samples (0 s long); choose a file with speech in it.")
    return wav[-start if -len(wav) < start < 0 else 0 :], rate


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
    return wav.size == 0 or max(float(wav.max()), -float(wav.min())) < _SILENCE


def melspectrogram(wav: np.ndarray) -> np.ndarray:
    """The published log-mel spectrogram.

    wav: float (N,), 16 kHz mono. Returns float32 (80, T) in [-4, 4], T = 1 + N // 200, column k centred on k * 12.5 ms.
    Sound shorter than half a window (400 samples) is padded with silence first, since the edges are reflected.
    Raises W2LError when the sound has NaN or infinite samples. Source: reference mel of the released weights.
    """
    import librosa
    from scipy.signal import lfilter

    wav = np.asarray(wav, dtype=np.float32)
    if wav.ndim != 1:
        raise ValueError(f"melspectrogram takes mono sound of shape (N,), not {wav.shape}; average the channels first.")
    if not np.isfinite(wav).all():
        raise W2LError("the sound has NaN or infinite samples; save it again as an ordinary wav file.")
    emphasised = lfilter([1.0, -PREEMPHASIS], [1.0], np.pad(wav, (0, max(0, N_FFT - len(wav)))))
    padded = np.pad(emphasised, N_FFT // 2, mode="reflect")
    mel = np.empty((N_MELS, 1 + len(wav) // HOP), np.float32)
    for first in range(0, mel.shape[1], _MEL_BLOCK):  # in blocks: a spectrum is sixteen times as large as the sound
        block = padded[first * HOP : (first + _MEL_BLOCK - 1) * HOP + N_FFT]
        spectrum = np.abs(librosa.stft(y=block, n_fft=N_FFT, hop_length=HOP, win_length=N_FFT, center=False))
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
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=FMIN, fmax=FMAX)  # (80, 401)


def _best_stream(container: av.container.InputContainer, path: Path) -> av.AudioStream:
    """FFmpeg's choice among the sound streams that can be decoded."""
    # Phones add a spatial sound stream, which FFmpeg cannot decode, to the usual one.
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams:
        what = "sound that cannot be decoded" if container.streams.audio else "no sound"
        raise W2LError(f"{path} has {what}; give a file with speech (wav, mp3, m4a, or a video with sound).")
    best = container.streams.best("audio")
    return next((stream for stream in streams if stream is best), streams[0])


def _blocks(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[tuple[np.ndarray, int]]:
    """The decoded samples, float32 (N, channels), and their rate; a packet that does not decode becomes silence.

    Raises FFmpegError only when nothing at all decodes.
    """
    import av

    lost, block, damage = 0, None, None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            packet, damage = None, error
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            lost, damage = lost + 1, error
            continue
        for frame in frames:
            if lost and block is not None:  # so that what follows stays in time
                yield block.repeat(lost, axis=0) * 0, frame.sample_rate
            lost, block = 0, _to_float(frame)
            yield block, frame.sample_rate
    if block is None and damage is not None:
        raise damage


def _to_float(frame: av.AudioFrame) -> np.ndarray:
    """The samples of one PyAV audio frame as float32 (N, channels)."""
    raw, channels = frame.to_ndarray(), len(frame.layout.channels)
    raw = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    if raw.dtype.kind == "i":
        return (raw / 2.0 ** (8 * raw.dtype.itemsize - 1)).astype(np.float32)
    return np.where(np.abs(raw) < _LOUDEST, raw, 0).astype(np.float32)


def _start_after_picture(container: av.container.InputContainer, stream: av.AudioStream) -> float:
    """Seconds from the first picture to the first sound sample; 0 for files without video."""
    # to FFmpeg, the cover picture of a sound file is a video stream, but it has no timing to follow
    pictures = [v for v in container.streams.video if v.average_rate and v.start_time is not None and v.frames != 1]
    if not pictures or stream.start_time is None:
        return 0.0
    seconds = _seconds(stream) - _seconds(pictures[0])
    return seconds if abs(seconds) < _FARTHEST else 0.0


def _seconds(stream: av.VideoStream | av.AudioStream) -> float:
    """When the stream starts."""
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
