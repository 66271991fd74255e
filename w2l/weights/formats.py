"""Weight files: reading the four formats in use without ever running code from them, and writing our own.

Read: a dict of tensors and a training checkpoint (``{"state_dict": ...}``), both as written by ``torch.save`` in the
old and the zip format; a TorchScript archive; safetensors. A ``module.`` prefix (DataParallel) is removed.
"""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from w2l.base import files
from w2l.errors import W2LError

_FETCH_AGAIN = "fetch it again from a working link"
_PREFIX = "module."
_SAFETENSORS = b"\0\0\0\0{"  # upper half of the header's length (always under 4 GiB), and the beginning of its JSON
_HALF_LIMIT = torch.finfo(torch.float16).max
_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}


def read(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors of a weight file, on the CPU, and its metadata (or ``global_step`` ... of a checkpoint).

    Raises W2LError when the file is missing, empty, cut short, a web page, a git-LFS pointer, or holds code.
    """
    path = Path(path)
    head = check_head(path)
    # safetensors first: it begins with the length of its header, which may look like the mark of a pickle or a zip
    if head[4:9] == _SAFETENSORS:
        content, meta = _read_safetensors(path)
    elif head.startswith(b"PK"):
        content, meta = _read_torchscript(path) if _is_torchscript(path) else _read_torch(path)
    elif head[:1] == b"\x80":
        content, meta = _read_torch(path)
    else:
        raise W2LError(f"{path} is not a weight file (it begins with {head[:8]!r}); give a .pth or .safetensors file.")
    tensors = {key: value for key, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise W2LError(f"{path} holds no tensors; give a file with a network's state dict.")
    return {key.removeprefix(_PREFIX): value for key, value in tensors.items()}, meta


def write(path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """Writes a safetensors file: float16 for tensors of two or more dimensions, the rest as they are.

    ``meta`` goes into the file's metadata, each value as JSON. Raises W2LError when the place cannot be written.
    """
    with files.atomic(path) as temporary:
        compact = {key: _compact(value) for key, value in tensors.items()}
        temporary.write_bytes(save(compact, {key: json.dumps(value) for key, value in meta.items()}))


def _compact(value: torch.Tensor) -> torch.Tensor:
    value = value.detach().cpu().contiguous()
    halves = value.dim() >= 2 and value.is_floating_point() and value.abs().max() <= _HALF_LIMIT
    return value.half() if halves else value


def check_head(path: Path) -> bytes:
    """The first bytes of a weight file.

    Raises W2LError where there is no file, or what a failed download leaves behind.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise W2LError(f"no weight file at {path}; check the path or fetch the weights first.") from None
    except OSError as error:
        raise W2LError(f"cannot read the weight file {path}: {error.strerror}.") from error
    if not head:
        raise W2LError(f"the weight file {path} is empty; {_FETCH_AGAIN}.")
    size = path.stat().st_size
    if head.startswith(b"version https://git-lfs"):
        raise W2LError(f"{path} is a git-LFS pointer of {size} bytes, not the weights; {_FETCH_AGAIN}.")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise W2LError(f"{path} is a web page (HTML) of {size} bytes, not a weight file; {_FETCH_AGAIN}.")
    return head


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with _named_in_utf8(path) as name, safe_open(name, framework="pt", device="cpu") as file:
            meta = {key: value_of(value) for key, value in (file.metadata() or {}).items()}
            return {key: file.get_tensor(key) for key in file.keys()}, meta  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error


@contextmanager
def _named_in_utf8(path: Path) -> Iterator[str]:
    """A name of the file for libraries that take no other; a name that is not UTF-8 exists on Linux only."""
    if str(path).encode("utf8", "replace").decode() == str(path):
        yield str(path)
        return
    with path.open("rb") as file:
        yield f"/dev/fd/{file.fileno()}"


def value_of(text: str) -> Any:
    """A value of a file's metadata: JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_torch(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "global" in str(error).lower():
            raise W2LError(
                f"{path} holds more than tensors (code that loading it would run), so it was not opened; "
                "save the network's state_dict() alone and give that."
            ) from error
        raise _damaged(path, error) from error
    except Exception as error:  # torch raises a dozen kinds of error for files that are cut short or altered
        raise _damaged(path, error) from error
    if not isinstance(content, Mapping):
        raise W2LError(f"{path} holds a {type(content).__name__}, not a state dict; save the network's state_dict().")
    meta = {str(key): value for key, value in content.items() if isinstance(value, (str, int, float, bool))}
    inner = content.get("state_dict", content)
    if not isinstance(inner, Mapping):
        raise W2LError(f"the state_dict in {path} is a {type(inner).__name__}; save the network's state_dict().")
    return {str(key): value for key, value in inner.items()}, meta


def _damaged(path: Path, error: Exception) -> W2LError:
    reason = str(error).strip().split("\n")[0].split(". ")[0][:120].rstrip(".") or type(error).__name__
    size = path.stat().st_size
    return W2LError(f"the weight file {path} is damaged or cut short ({size} bytes: {reason}); {_FETCH_AGAIN}.")


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError) as error:
        raise _damaged(path, error) from error


def _read_torchscript(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors of a TorchScript archive, without ``torch.jit.load``, which compiles and may run the file's code.

    The archive's ``data.pkl`` is the tree of modules; an inert unpickler turns it into plain nodes and tensors, and
    the tensors' paths in that tree are the keys of the state dict.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            root = next(name for name in archive.namelist() if name.endswith("/data.pkl"))[: -len("data.pkl")]
            with archive.open(root + "data.pkl") as file:
                tree = _TreeUnpickler(file, archive, root).load()
        return dict(_walk(tree, "")), {}
    except W2LError as error:
        raise W2LError(f"{path}: {error}") from error
    except Exception as error:  # a pickle stream that is cut short or altered can raise anything
        raise _damaged(path, error) from error


class _Node:
    """A module of the archive's tree: attributes only, nothing that can run."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, dict) else {}


class _TreeUnpickler(pickle.Unpickler):
    """Knows tensors, containers and nodes; every other name in the stream is refused, nothing from it is imported."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._root = root

    def find_class(self, module: str, name: str) -> Any:
        """What to use for a name in the stream."""
        if module.startswith("__torch__"):
            return _Node
        if module == "torch" and name in _STORAGES:
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _rebuild_parameter
        if module == "torch.jit._pickle":
            return _rebuild_list
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise W2LError(f"this TorchScript archive asks for {module}.{name}, which is not run; give a plain state dict.")

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """The values of one storage, from its own entry in the archive."""
        _, kind, key, _, _ = pid
        content = bytearray(self._archive.read(f"{self._root}data/{key}"))
        dtype = _STORAGES[kind]
        return torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)


def _rebuild_tensor(
    storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> torch.Tensor:
    return torch.as_strided(storage, size, stride, offset).clone()


def _rebuild_parameter(data: torch.Tensor, *_: Any) -> torch.Tensor:
    return data


def _rebuild_list(items: Any, *_: Any) -> Any:
    return items


def _walk(node: Any, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    """All tensors below a node with their dotted names."""
    for name, value in getattr(node, "attributes", {}).items():
        if isinstance(value, torch.Tensor):
            yield prefix + name, value
        elif isinstance(value, _Node):
            yield from _walk(value, f"{prefix}{name}.")
