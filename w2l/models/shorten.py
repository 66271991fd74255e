"""An expert with a shorter window, made from a trained one, so that its training goes on instead of starting over."""

from __future__ import annotations

import torch

from w2l import models
from w2l.models.syncnet import SyncNet


def shorten(expert: SyncNet, frames: int) -> SyncNet:
    """A copy whose window is the middle `frames` of the expert's; in eval mode, with the same `meta`.

    On a mouth that keeps still beyond these frames it computes what the expert does: the weights of a frame that is cut
    off are added to those of its nearest neighbour. What the cut frames told besides, it has to learn to do without.
    Raises W2LError for a window that there is not.
    """
    short = models.build("syncnet", expert.width, frames=frames)
    weights = expert.state_dict()
    key = "face_encoder.0.conv_block.0.weight"  # (channels, 3 * frames, 7, 7): reads the frames, one after the other
    by_frame = weights[key].unflatten(1, (expert.frames, 3))
    cut = (expert.frames - frames) // 2
    nearest = (torch.arange(expert.frames) - cut).clamp(0, frames - 1)
    kept = torch.zeros_like(by_frame[:, :frames]).index_add(1, nearest, by_frame)
    short.load_state_dict(weights | {key: kept.flatten(1, 2)})
    short.meta = {**expert.meta, "frames": frames}
    return short.eval()
