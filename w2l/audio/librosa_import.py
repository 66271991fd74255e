"""Importing librosa where nothing beside it and nothing at home can be written."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from types import ModuleType


def import_librosa() -> ModuleType:
    """The module librosa.

    It has numba keep compiled functions beside its files or in the user's cache, and cannot be imported where neither
    can be written; they are then kept in a temporary folder until the process ends.
    """
    import librosa

    try:
        _ = librosa.load, librosa.resample, librosa.stft, librosa.filters.mel  # imported on first use
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        import numba

        folder = tempfile.mkdtemp(prefix="w2l-numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # the variable is for processes started from here
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = folder  # type: ignore[attr-defined]
    return librosa
