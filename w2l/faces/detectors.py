"""Face detectors: their common interface, and `detector`, which loads one by its name.

All of them give the same kind of box, that of the published training data: from the middle of the forehead to the chin,
about ear to ear, with the mouth at three quarters of its height. So crops look alike whichever detector found the face.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from w2l import weights
from w2l.errors import W2LError
from w2l.faces.yunet import YuNet

DETECTORS = ("auto", "yunet", "s3fd")
HOG_IS_GONE = "the detector hog is no longer part of w2l; leave the choice to w2l, or name yunet, which finds more."


class Detector(Protocol):
    """Finds faces in frames, each frame on its own: it keeps no memory of the frames before.

    settings: a text with everything that affects its boxes, its weights included, so that cached boxes are used with
    the same settings only; empty if boxes are not worth caching. A detector that works best on a certain number of
    frames at once has that number as ``batch``.
    """

    name: str
    settings: str

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Boxes of the faces in each frame, best first.

        frames: (H, W, 3) uint8 BGR each, sizes may differ. Returns one (k, 5) float32 array a frame, k >= 0:
        x1, y1, x2, y2 in pixels of the frame (they may reach over its border) and a score on the detector's own scale.
        """
        ...


def detector(
    name: str = "auto", batch_size: int | None = None, device: str = "auto", published: bool = False
) -> Detector:
    """The detector of that name, loaded once per process for the same file and options.

    ``yunet``: a small network, bundled. ``s3fd``: the one that the published crops were made with, meant for a GPU; its
    weights are fetched with 'w2l weights fetch s3fd'. ``auto``: yunet. batch_size, device: frames at once and where to
    compute, of s3fd (see `S3fd`); yunet runs frame by frame on the CPU. published: s3fd sees frames as in the published
    code, unshrunk and with the channels reversed. Raises W2LError for any other name, and when the weights are missing
    or broken.
    """
    check_name(name)
    kind = "yunet" if name == "auto" else name
    path = find_weights(kind)
    facts = path.stat()
    options = (batch_size, device, published) if kind == "s3fd" else (None, "cpu", False)
    return _loaded(kind, path, (facts.st_size, facts.st_mtime_ns), *options, os.getpid())


def check_name(name: str) -> None:
    """Raises W2LError when there is no detector of that name."""
    if name == "hog":
        raise W2LError(HOG_IS_GONE)
    if name not in DETECTORS:
        raise W2LError(f"no detector is called {name!r}; choose one of {', '.join(DETECTORS)}.")


def find_weights(name: str) -> Path:
    """The weight file of a detector. Raises W2LError when it is missing or is another file of its name."""
    if weights.status(name) == "absent":
        raise W2LError(
            f"the weights of the detector {name} are not on this machine; run 'w2l weights fetch {name}', or use the "
            "detector yunet, which is bundled."
        )
    return weights.find(name)


@lru_cache(maxsize=4)
def _loaded(
    kind: str,
    path: Path,
    content: tuple[int, int],
    batch_size: int | None,
    device: str,
    published: bool,
    process: int,
) -> Detector:
    """The detector, made once. content: size and modification time of its file. process: a fork loads its own."""
    if kind == "s3fd":
        from w2l.faces.s3fd import S3fd  # imported here, because torch takes seconds to start

        how: dict[str, Any] = {"side": None, "published_order": True} if published else {}
        return S3fd(path, batch_size=batch_size, device=device, **how)
    return YuNet(path)
