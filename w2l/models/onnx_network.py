"""A generator in an ONNX file, run by onnxruntime, in the place of a torch module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from w2l.errors import W2LError
from w2l.models.blocks import Network
from w2l.weights.formats import check_head, value_of

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxNetwork(Network):
    """A generator whose forward pass onnxruntime computes, in float32; it has no parameters and cannot be trained.

    session: an ``onnxruntime.InferenceSession``. meta: the file's metadata.
    """

    def __init__(self, session: Any, meta: dict[str, Any]) -> None:
        super().__init__()
        self.session = session
        self.meta = meta
        self.width = float(meta["width"])
        self.size = int(meta["size"])

    def forward(self, mel: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """See `Wav2Lip.forward`; one frame in each row."""
        values = {"mel": mel.float().cpu().numpy(), "face": face.float().contiguous().cpu().numpy()}
        return torch.from_numpy(self.session.run(None, values)[0]).to(face.device)

    def __deepcopy__(self, _: Any) -> OnnxNetwork:
        return self  # it never changes


def load(path: str | os.PathLike[str], network: str | None = None) -> OnnxNetwork:
    """The generator of an ONNX file that `export` wrote.

    network: requires a particular one, as in `models.load`. Raises W2LError without onnxruntime, and for a file that
    is damaged, that `export` did not write, or that holds another network.
    """
    session = session_of(path)
    meta = {key: value_of(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
    found = meta.get("network")
    numbers = [meta.get(key) for key in ("width", "size", "mel_shift")]
    if not found or not all(isinstance(number, (int, float)) for number in numbers):
        raise W2LError(f"{path} does not say which network it holds; give a file that w2l export wrote.")
    if found != "wav2lip" or network not in (None, found):
        wanted = f"not of {network}" if network not in (None, found) else "which other programs use"
        raise W2LError(f"{path} holds the network {found}, {wanted}; of ONNX files, only generators are read.")
    given = {one.name: one.shape[1:] for one in session.get_inputs()}
    if given != {"mel": [1, 80, 16], "face": [6, meta["size"], meta["size"]]}:
        raise W2LError(f"{path} has other inputs than a generator ({given}); give a file that w2l export wrote.")
    return OnnxNetwork(session, meta).eval()


def session_of(path: str | os.PathLike[str]) -> Any:
    """An ``onnxruntime.InferenceSession`` of a file, on one thread for each call.

    Raises W2LError as `load` does.
    """
    runtime = import_onnxruntime()
    check_head(Path(path))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # `Generate` gives each thread its own frames
    options.log_severity_level = 3  # errors alone
    providers = [name for name in _PROVIDERS if name in runtime.get_available_providers()]
    try:
        # from memory, since a file may otherwise name further files to be read
        return runtime.InferenceSession(Path(path).read_bytes(), options, providers=providers)
    except Exception as error:  # onnxruntime has a class of error for each kind of damage, and no common one
        reason = str(error).strip().split("\n")[0][:120].rstrip(". ")
        raise W2LError(f"{path} is damaged, or not an ONNX file that onnxruntime can run ({reason}).") from error


def import_onnxruntime() -> Any:
    """The package; raises W2LError without it."""
    try:
        import onnxruntime
    except ImportError as error:
        raise W2LError("ONNX files take the package onnxruntime; run pip install 'w2l[export]'.") from error
    return onnxruntime
