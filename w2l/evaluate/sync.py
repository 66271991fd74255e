"""How well picture and sound fit; see `w2l.sync`, which preprocessing and training stand on too."""

from w2l.sync import MAX_SHIFT, SyncCurve, embed, sync_curve

__all__ = ["MAX_SHIFT", "SyncCurve", "embed", "sync_curve"]
