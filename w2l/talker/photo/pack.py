"""The head pack: a 3-D head with mouth shapes and identity modes, from ICT-FaceKit Light (MIT licence)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from w2l.base import paths
from w2l.errors import W2LError

FACE, SOCKET, GUMS, TEETH = range(4)  # parts of the mesh; gums with the tongue
_FILE = "talker/head.npz"


@dataclass(frozen=True, eq=False)
class HeadPack:
    """The mesh and how it deforms, in centimetres: x to the viewer's right, y up, z towards the viewer.

    base: float32 (n, 3), the mean face at rest. triangles: int32 (m, 3), counter-clockwise seen from outside. part:
    int8 (m,) and vertex_part: int8 (n,), which of FACE, SOCKET, GUMS, TEETH. landmarks: int (68,), vertices of the
    Multi-PIE landmarks; jaw: int (35,), vertices along the jaw from ear to ear. shapes: names of the expressions, and
    deltas: float32 (k, n, 3), what each adds at full strength, both sides together. identity: float32 (20, n, 3),
    modes of one standard deviation.
    """

    base: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    vertex_part: np.ndarray
    landmarks: np.ndarray
    jaw: np.ndarray
    shapes: tuple[str, ...]
    deltas: np.ndarray
    identity: np.ndarray

    def shape(self, name: str) -> np.ndarray:
        """The displacement (n, 3) of one expression."""
        return self.deltas[self.shapes.index(name)]


@lru_cache(maxsize=1)
def head_pack() -> HeadPack:
    """The bundled head, read once. Raises W2LError when its file is missing or damaged."""
    path = paths.data() / _FILE
    try:
        with open(path, "rb") as file, np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
        return HeadPack(
            base=arrays["base"].astype(np.float32),
            triangles=arrays["tri"].astype(np.int32),
            part=arrays["part"],
            vertex_part=arrays["vpart"],
            landmarks=arrays["landmarks"].astype(int),
            jaw=arrays["jaw"].astype(int),
            shapes=tuple(str(name) for name in arrays["shapes"]),
            deltas=arrays["deltas"].astype(np.float32),
            identity=arrays["identity"].astype(np.float32),
        )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise W2LError(f"the head of the photographic talker, {path}, cannot be read; install w2l again.") from error
