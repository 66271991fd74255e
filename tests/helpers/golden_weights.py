"""Weights and inputs made from a formula, so that golden outputs need no stored weights (tests/golden)."""

from __future__ import annotations

import json
import zlib

import numpy as np
import torch
from torch import nn

from helpers.places import GOLDEN

GAINS = {"wav2lip": 1.4, "syncnet": 2.0, "quality_disc": 2.0, "s3fd": 1.0, "syncnet_v2": 2.0}


def published_shapes(name: str) -> dict[str, list[int]]:
    """The published network's state dict: key to shape."""
    return json.loads((GOLDEN / "state_dict_shapes.json").read_text())[name]


def _generator(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def normal(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Standard normal numbers, float32, seeded by the name."""
    return torch.from_numpy(np.asarray(_generator(name).standard_normal(shape), dtype=np.float32))


def uniform(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers in [0, 1), float32, seeded by the name."""
    return torch.from_numpy(np.asarray(_generator(name).random(shape), dtype=np.float32))


def tensor(key: str, shape: tuple[int, ...], gain: float) -> torch.Tensor:
    """The weight of one key of a state dict."""
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    noise = normal(key, shape)
    if key.endswith("running_var"):
        return 1 + 0.1 * noise.abs()
    if key.endswith("running_mean"):
        return 0.1 * noise
    if len(shape) >= 2:
        return noise * float(np.sqrt(gain / np.prod(shape[1:])))
    return 1 + 0.1 * noise if key.endswith("weight") else 0.05 * noise


def fill(model: nn.Module, gain: float) -> nn.Module:
    """Gives a network its formula weights and puts it in eval mode."""
    model.load_state_dict({key: tensor(key, tuple(value.shape), gain) for key, value in model.state_dict().items()})
    return model.eval()
