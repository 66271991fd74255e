"""w2l: a notebook kit and small library that teaches Wav2Lip by building it, training it and using it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each public name lives. They are imported on first use, because torch, librosa and OpenCV take seconds to start.
_HOMES = {
    "dub": "w2l.dub",
    "DubResult": "w2l.dub",
    "find_tracks": "w2l.faces",
    "Settings": "w2l.settings",
    "sync_curve": "w2l.evaluate",
    "track_faces": "w2l.faces",
    "W2LError": "w2l.errors",
}

if TYPE_CHECKING:
    from w2l.dub import DubResult as DubResult
    from w2l.dub import dub as dub
    from w2l.errors import W2LError as W2LError
    from w2l.evaluate import sync_curve as sync_curve
    from w2l.faces import find_tracks as find_tracks
    from w2l.faces import track_faces as track_faces
    from w2l.settings import Settings as Settings

__all__ = ["DubResult", "Settings", "W2LError", "__version__", "dub", "find_tracks", "sync_curve", "track_faces"]


def __getattr__(name: str) -> object:
    """Imports a public name of the kit when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
