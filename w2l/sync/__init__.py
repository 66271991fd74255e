"""Sync: how well picture and sound of a clip match, shift by shift, as judged by an expert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use
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

__getattr__ = on_first_use(__name__, _HOMES)
