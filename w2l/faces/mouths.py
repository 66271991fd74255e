"""Reading a mouth off a crop with the mouth meter, which needs no landmarks."""

from __future__ import annotations

import numpy as np
import torch

from w2l.faces.crop import lower_halves


@torch.no_grad()
def measure(meter: torch.nn.Module, frames: np.ndarray, device: torch.device | str = "cpu") -> np.ndarray:
    """Opening and width of each crop: uint8 (n, H, H, 3) BGR to float32 (n, 2), pixels of a crop of 96."""
    faces = lower_halves(frames).reshape(-1, 3, 48, 96)
    parts = [meter(torch.from_numpy(faces[at : at + 64]).to(device)) for at in range(0, len(faces), 64)]
    return torch.cat(parts).cpu().numpy()
