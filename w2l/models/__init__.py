"""The published networks, their narrow classroom versions, and their weight files.

``build`` makes a network, ``load`` reads one from any of the formats in use, ``save`` writes one as safetensors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import nn

from w2l.errors import W2LError
from w2l.models.blocks import PUBLISHED_SIZE, SIZES, Network
from w2l.models.mouth_meter import MouthMeter
from w2l.models.quality_disc import QualityDisc
from w2l.models.s3fd import S3FD
from w2l.models.syncnet import SyncNet
from w2l.models.syncnet_v2 import SyncNetV2
from w2l.models.wav2lip import Wav2Lip
from w2l.weights import formats, resolve

DEFAULT_MEL_SHIFT = -1.0  # frames; what the published generator was trained with
_BUILDERS: dict[str, Callable[..., Network]] = {
    "wav2lip": Wav2Lip,
    "syncnet": SyncNet,
    "quality_disc": QualityDisc,
    "syncnet_v2": SyncNetV2,
    "s3fd": S3FD,
    "mouth_meter": MouthMeter,
}
NAMES = tuple(_BUILDERS)
_FIXED_WIDTH = ("syncnet_v2", "s3fd", "mouth_meter")
# for each network: a key that only it has, the layer whose channels give the width, and their number at width 1
_SIGNATURES = {
    "wav2lip": ("output_block.1.weight", "audio_encoder.12.conv_block.0.weight", 512),
    "syncnet": ("face_encoder.0.conv_block.0.weight", "audio_encoder.13.conv_block.0.weight", 512),
    "quality_disc": ("binary_pred.0.weight", "face_encoder_blocks.6.1.conv_block.0.weight", 512),
    "syncnet_v2": ("netcnnaud.0.weight", "netcnnaud.0.weight", 64),
    "s3fd": ("conv1_1.weight", "conv1_1.weight", 64),
    "mouth_meter": ("head.2.weight", "features.0.conv_block.0.weight", 16),
}
# a key that only the network for the larger of SIZES has
_LARGE = {"wav2lip": "detail.last.weight", "quality_disc": "face_encoder_blocks.7.0.conv_block.0.weight"}


@overload
def build(name: Literal["wav2lip"], width: float = 1.0, **options: Any) -> Wav2Lip: ...
@overload
def build(name: Literal["syncnet"], width: float = 1.0, **options: Any) -> SyncNet: ...
@overload
def build(name: Literal["quality_disc"], width: float = 1.0, **options: Any) -> QualityDisc: ...
@overload
def build(name: str, width: float = 1.0, **options: Any) -> Network: ...
def build(name: str, width: float = 1.0, **options: Any) -> Network:
    """A network with fresh weights, in training mode; at width 1 the published one, key for key.

    name: one of NAMES. width: factor on all inner channel counts, 0 < width <= 1 (``syncnet_v2`` and ``s3fd`` come
    at width 1 only). ``build("syncnet", frames=1 | 3 | 5)`` sets the expert's window (published: 5), and
    ``build("wav2lip" | "quality_disc", size=96 | 192)`` the side of the faces in pixels (published: 96).
    Raises W2LError for an unknown name, or a width, window or size that there is not.
    """
    if name not in _BUILDERS:
        raise W2LError(f"there is no network {name!r}; choose one of {', '.join(NAMES)}.")
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 < width <= 1:
        raise W2LError(f"the width of {name} cannot be {width!r}; give a number above 0 and up to 1.")
    if name in _FIXED_WIDTH:
        if width != 1:
            raise W2LError(f"{name} exists at width 1 only, not {width!r}; leave the width out.")
        return _BUILDERS[name](**options)
    return _BUILDERS[name](width=float(width), **options)


@overload
def load(name_or_path: str | os.PathLike[str], network: Literal["wav2lip"]) -> Wav2Lip: ...
@overload
def load(name_or_path: str | os.PathLike[str], network: Literal["syncnet"]) -> SyncNet: ...
@overload
def load(name_or_path: str | os.PathLike[str], network: Literal["quality_disc"]) -> QualityDisc: ...
@overload
def load(name_or_path: str | os.PathLike[str], network: Literal["mouth_meter"]) -> MouthMeter: ...
@overload
def load(name_or_path: str | os.PathLike[str], network: str | None = None) -> Network: ...
def load(name_or_path: str | os.PathLike[str], network: str | None = None) -> Network:
    """A network with the weights of a file, on the CPU, in float32 and eval mode.

    name_or_path: any name that `weights.find` knows (``classroom``, ``wav2lip_gan``), or a .pth (plain, training
    checkpoint, DataParallel, TorchScript) or .safetensors file. Which network it is, its width and the size of its
    faces are read from the keys and shapes; ``network`` requires a particular one. Code inside a file is never run.
    The attribute ``meta`` holds network, width, size (pixels of a face's side, 96 unless the file says otherwise),
    mel_shift (frames; the generator's, -1 unless the file says otherwise) and the file's own metadata.
    Raises W2LError when there are no such weights, and when the file is damaged, holds code, or does not fit the
    network.
    """
    path = resolve.find(name_or_path)
    if path.suffix.lower() == ".onnx":
        from w2l.models import onnx_network  # here: onnxruntime comes with an extra

        return onnx_network.load(path, network)
    tensors, file_meta = formats.read(path)
    name = _identify(path, tensors, network)
    width = file_meta.get("width", _measure_width(tensors, name))
    model = build(name, width, **_options(tensors, name))
    _check_fit(path, name, model.state_dict(), tensors)
    # copying into the model's float32 parameters also converts what was stored as float16
    model.load_state_dict(tensors)
    known = {"network": name, "width": float(width), "size": model.size}
    model.meta = {"mel_shift": DEFAULT_MEL_SHIFT, **file_meta, **known}
    return model.eval()


def save(model: nn.Module, path: str | os.PathLike[str], network: str, width: float, **meta: Any) -> None:
    """Writes a network's weights as safetensors, with network, width and ``meta`` (JSON values) as metadata.

    The size of its faces is added where it is not the published one.
    Convolution and linear weights are stored as float16, which halves the file and changes outputs by about 1e-3.
    Raises W2LError for an unknown network or a place that cannot be written.
    """
    if network not in _BUILDERS:
        raise W2LError(f"there is no network {network!r}; choose one of {', '.join(NAMES)}.")
    size = getattr(model, "size", PUBLISHED_SIZE)
    sized = {} if size == PUBLISHED_SIZE else {"size": size}
    formats.write(path, model.state_dict(), {"network": network, "width": width, **sized, **meta})


def _identify(path: Path, tensors: Mapping[str, torch.Tensor], network: str | None) -> str:
    """Which network the keys belong to."""
    if network is not None and network not in _BUILDERS:
        raise W2LError(f"there is no network {network!r}; choose one of {', '.join(NAMES)}.")
    found = next((name for name, keys in _SIGNATURES.items() if keys[0] in tensors and keys[1] in tensors), None)
    if found is None:
        raise W2LError(
            f"the keys of {path} ({_some(sorted(tensors))}) fit none of the networks {', '.join(NAMES)}; "
            "give one of their weight files."
        )
    if network is not None and network != found:
        raise W2LError(f"{path} holds the weights of {found}, not of {network}; give a file with those of {network}.")
    return found


def _measure_width(tensors: Mapping[str, torch.Tensor], name: str) -> float:
    _, key, published = _SIGNATURES[name]
    return tensors[key].shape[0] / published


def _options(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, Any]:
    """What a network is built with besides its width: the expert's window, the size of faces."""
    if name == "syncnet":
        return {"frames": tensors[_SIGNATURES[name][0]].shape[1] // 3}
    return {"size": SIZES[_LARGE[name] in tensors]} if name in _LARGE else {}


def _check_fit(path: Path, name: str, wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> None:
    """Raises W2LError naming the first keys that are missing, unknown or of another shape."""
    # files written before torch 0.4.1 lack the batch counts, which eval mode does not use
    missing = [key for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    unknown = [key for key in given if key not in wanted]
    reshaped = [key for key in wanted if key in given and wanted[key].shape != given[key].shape]
    faults = {"missing": missing, "unknown": unknown, "of another shape": reshaped}
    if any(faults.values()):
        list_of_faults = "; ".join(f"{kind}: {_some(keys)}" for kind, keys in faults.items() if keys)
        raise W2LError(f"{path} does not fit {name}: keys {list_of_faults}; give unaltered weights of {name}.")


def _some(keys: list[str], most: int = 3) -> str:
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")
