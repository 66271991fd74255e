"""Piper voices: a neural synthesiser's voice files, spoken by the `piper-tts` that the user has installed.

piper-tts (https://github.com/OHF-Voice/piper1-gpl) is under the GPL and no part of the kit: it is imported only when a
user names a voice file.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from w2l.errors import W2LError

SUFFIX = ".onnx"
_INSTALL = "pip install piper-tts"


@dataclass(frozen=True)
class PiperFile:
    """A Piper voice that is loaded. code: its file's name; language: espeak-ng's code of what it speaks, or ""."""

    code: str
    language: str
    _voice: Any
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, text: str) -> tuple[np.ndarray, int]:
        """The text as float32 (N,) in [-1, 1], and its rate in Hz. Raises W2LError when Piper fails."""
        try:
            with self._lock:
                chunks = list(self._voice.synthesize(text))
        except Exception as error:  # whatever a voice file makes of a text
            raise W2LError(f"the Piper voice {self.code} failed ({type(error).__name__}: {error}).") from error
        if not chunks:
            return np.zeros(0, np.float32), 16000
        samples = b"".join(chunk.audio_int16_bytes for chunk in chunks)
        return np.frombuffer(samples, "<i2").astype(np.float32) / 32768, int(chunks[0].sample_rate)


def load(path: str | os.PathLike[str]) -> PiperFile:
    """The voice in a file NAME.onnx, beside which NAME.onnx.json lies. The last one is kept for the next text.

    Raises W2LError when a file is missing or is no voice, and when piper-tts is not installed.
    """
    path = Path(path)
    for file in (path, path.with_name(f"{path.name}.json")):
        if not file.is_file():
            raise W2LError(f"no such file: {file}; a Piper voice is two files, NAME.onnx and NAME.onnx.json.")
    return _loaded(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _loaded(path: Path, changed: int) -> PiperFile:
    try:
        from piper import PiperVoice
    except ImportError as error:
        raise W2LError(f"{path} needs Piper, which is not installed ({error}); {_INSTALL}.") from error
    if not hasattr(PiperVoice, "synthesize_wav"):
        raise W2LError(f"{path} needs a newer Piper; {_INSTALL} --upgrade.")
    try:
        voice = PiperVoice.load(path)
    except Exception as error:  # whatever damaged files do
        raise W2LError(f"{path} is no Piper voice ({type(error).__name__}: {error}); download it again.") from error
    return PiperFile(path.name, str(getattr(voice.config, "espeak_voice", "") or ""), voice)
