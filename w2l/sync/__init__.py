"""Sync: how well picture and sound of a clip match, shift by shift, as judged by an expert."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from w2l.sync.curve import MAX_SHIFT, SyncCurve

# Imported on first use: they load torch or the face detectors, which the curve itself does not need.
_HOMES = {
    "ClipSync": "w2l.sync.clip",
    "Expert": "w2l.sync.experts",
    "embed": "w2l.sync.scorer",
    "load_expert": "w2l.sync.experts",
    "offset_curve": "w2l.sync.scorer",
    "sync_curve": "w2l.sync.clip",
}

if TYPE_CHECKING:
    from w2l.sync.clip import ClipSync as ClipSync
    from w2l.sync.clip import sync_curve as sync_curve
    from w2l.sync.experts import Expert as Expert
    from w2l.sync.experts import load_expert as load_expert
    from w2l.sync.scorer import embed as embed
    from w2l.sync.scorer import offset_curve as offset_curve

__all__ = ["MAX_SHIFT", "ClipSync", "Expert", "SyncCurve", "embed", "load_expert", "offset_curve", "sync_curve"]


def __getattr__(name: str) -> object:
    """Imports a public name of this package when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
