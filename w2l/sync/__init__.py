"""Sync: how well picture and sound of a clip fit, shift by shift, in the eyes of an expert."""

from w2l.sync.curve import MAX_SHIFT, SyncCurve, embed, sync_curve

__all__ = ["MAX_SHIFT", "SyncCurve", "embed", "sync_curve"]
