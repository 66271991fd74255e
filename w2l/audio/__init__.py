"""Sound to mel: decoding any file, the published log-mel spectrogram, and one mel window per video frame."""

from w2l.audio.channels import is_silent, load, to_model_rate
from w2l.audio.decoding import decode
from w2l.audio.mel import (
    FMAX,
    FMIN,
    HOP,
    MEL_LIMIT,
    MELS_PER_SECOND,
    MIN_LEVEL_DB,
    N_FFT,
    N_MELS,
    PREEMPHASIS,
    REF_LEVEL_DB,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    TRAINING_FPS,
    WINDOW,
    mel_of_frames,
    mel_windows,
    melspectrogram,
    window_starts,
)

__all__ = [
    "FMAX",
    "FMIN",
    "HOP",
    "MELS_PER_SECOND",
    "MEL_LIMIT",
    "MIN_LEVEL_DB",
    "N_FFT",
    "N_MELS",
    "PREEMPHASIS",
    "REF_LEVEL_DB",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "TRAINING_FPS",
    "WINDOW",
    "decode",
    "is_silent",
    "load",
    "mel_of_frames",
    "mel_windows",
    "melspectrogram",
    "to_model_rate",
    "window_starts",
]
