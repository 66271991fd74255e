"""w2l: a notebook kit and small library that teaches Wav2Lip by building it, training it and using it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use
from w2l.base.moved import MOVED, MovedModules
from w2l.base.version import __version__

# Where each public name is defined.
_HOMES = {
    "dub": "w2l.dubbing.dub",
    "DubResult": "w2l.dubbing.dub",
    "find_tracks": "w2l.faces",
    "say": "w2l.tts.say",
    "Settings": "w2l.dubbing.settings",
    "sync_curve": "w2l.sync.clip",
    "track_faces": "w2l.faces",
    "W2LError": "w2l.errors",
}

if TYPE_CHECKING:
    from w2l.dubbing.dub import DubResult as DubResult
    from w2l.dubbing.dub import dub as dub
    from w2l.dubbing.settings import Settings as Settings
    from w2l.errors import W2LError as W2LError
    from w2l.faces import find_tracks as find_tracks
    from w2l.faces import track_faces as track_faces
    from w2l.sync.clip import sync_curve as sync_curve
    from w2l.tts.say import say as say

__all__ = ["DubResult", "Settings", "W2LError", "__version__", "dub", "find_tracks", "say", "sync_curve", "track_faces"]

sys.meta_path.insert(0, MovedModules)


def __getattr__(name: str) -> object:
    """Imports a public name of the kit when it is first used."""
    if name not in _HOMES and (moved := MOVED.get(f"w2l.{name}")):
        raise AttributeError(f"w2l.{name} is now {moved}.")
    globals()[name] = value = on_first_use(__name__, _HOMES)(name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
