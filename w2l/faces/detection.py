"""The faces and cuts of a whole clip; what is found in a file is cached by the hash of its content."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from w2l import video
from w2l.base import files, paths
from w2l.base.files import hash_of
from w2l.base.parallel import ahead
from w2l.base.progress import progress_bar
from w2l.errors import W2LError
from w2l.faces.cuts import CutFinder
from w2l.faces.detectors import Detector
from w2l.faces.heads import Heads
from w2l.faces.sampling import Sampling
from w2l.video import Framing

_BATCH = 8  # frames given at once to a detector that has no `batch` of its own
_AHEAD = 8  # frames decoded while the detector works on earlier ones
_WHOLE_FRAME = Framing()
_FORMAT = 3  # increase it with every change to boxes, cuts or the layout of cache files
_ROOM = 50 * 2**20  # bytes that the cache may take
_BLOCK = 4096  # bytes that a small file takes on disk
# The arrays of a cache file besides its key: type and dimensions. Faces are stored as counts per frame and all boxes.
_FIELDS: dict[str, tuple[type, int]] = {
    "counts": (np.int64, 1),
    "boxes": (np.float32, 2),
    "poses": (np.float32, 2),
    "cuts": (np.int64, 1),
    "views": (np.int64, 1),
    "size": (np.int64, 1),
    "whole": (np.bool_, 0),
}


@dataclass(frozen=True)
class Found:
    """What was found in the n frames of a clip.

    faces: for each frame (k, 5) float32, x1, y1, x2, y2 in pixels and a score, best first, k >= 0. cuts: the frames at
    which a new shot begins, ascending, without 0. size: width and height of the frames. whole: whether the clip ends
    here (False: it has more frames, which were not requested). views: the view of each shot, see
    `w2l.faces.cuts.CutFinder`; one more than there are cuts, or None where they are unknown. poses: for each frame
    (k, 2) float32, how the heads of its faces lie, see `w2l.faces.heads.Heads`; None where that is unknown.
    """

    faces: list[np.ndarray]
    cuts: list[int]
    size: tuple[int, int]
    whole: bool
    views: list[int] | None = None
    poses: list[np.ndarray] | None = None


def detect_clip(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    finder: Detector,
    fps: float | None = None,
    max_frames: int | None = None,
    framing: Framing = _WHOLE_FRAME,
    cache: bool = True,
    progress: bool = False,
    on_frame: Callable[[], object] | None = None,
    as_detected: bool = False,
    start: float | None = None,
    end: float | None = None,
) -> Found:
    """Finds faces and cuts in each frame of a clip, a few frames in memory at a time.

    path_or_frames: a clip or picture, or its frames, (H, W, 3) uint8 BGR, all of one size. fps: rate at which a clip is
    read (default: its own). max_frames: how many of its first frames to search (one more is read, to learn whether the
    clip ends there). framing: the part of each frame that is searched; boxes are in its pixels. cache: reuse what was
    found in a file of the same content with the same detector, fps and framing, and store what is found now. progress:
    show a bar. on_frame: called for each frame that is searched. as_detected: leave the boxes as the detector gives
    them, even of heads that are not upright. start, end: search the part of a clip between these times, in seconds
    (see `w2l.video.excerpt`), as if there were no other.

    Raises W2LError when there are no frames, when they differ in size or are not pictures, and where reading or
    detecting raises it.
    """
    if max_frames is not None and max_frames < 1:
        raise W2LError(f"faces cannot be searched for in {max_frames} frames; give max_frames of 1 or more.")
    if not isinstance(path_or_frames, (str, os.PathLike)):
        if start is not None or end is not None:
            raise W2LError("frames that are given have no times; give those of the part, and leave start and end out.")
        frames = _framed(path_or_frames, framing, "the clip")
        return _search(frames, finder, max_frames, "the clip", None, progress, on_frame, as_detected)
    path = Path(path_or_frames)
    info = video.probe(path)
    rate = float(info.fps if fps is None else fps)
    part = video.excerpt(info, rate, start, end)
    max_frames = part.most(max_frames)
    entry = _entry(path, finder, rate, framing, part.first) if cache and finder.settings and not as_detected else None
    if entry is not None and (kept := _recall(entry, max_frames)) is not None:
        return kept
    read = video.read_frames(path, rate, part.first / rate, None if max_frames is None else max_frames + 1)
    with closing(ahead(_framed(read, framing, str(path)), _AHEAD)) as frames:
        found = _search(frames, finder, max_frames, str(path), part.n_frames, progress, on_frame, as_detected)
    if entry is not None:
        _keep(entry, found)
    return found


def _framed(frames: Iterable[np.ndarray], framing: Framing, name: str) -> Iterator[np.ndarray]:
    """The part of each frame that is searched. Raises W2LError for anything but a frame of the first one's size."""
    shape: tuple[int, ...] | None = None
    for i, frame in enumerate(frames):
        if np.ndim(frame) != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise W2LError(f"frame {i} of {name} is not (H, W, 3) uint8; give frames as w2l.video reads them.")
        shape = shape or frame.shape
        if frame.shape != shape:
            raise W2LError(
                f"frame {i} of {name} is {frame.shape[1]} x {frame.shape[0]} pixels, the first one "
                f"{shape[1]} x {shape[0]}; give frames of one size."
            )
        yield framing(frame)


def _search(
    frames: Iterator[np.ndarray],
    finder: Detector,
    max_frames: int | None,
    name: str,
    length: int | None,
    progress: bool,
    on_frame: Callable[[], object] | None,
    as_detected: bool,
) -> Found:
    faces: list[np.ndarray] = []
    poses: list[np.ndarray] = []
    heads, sampling = Heads(finder), Sampling(finder)
    cuts: list[int] = []
    size = (0, 0)
    begins_shot = CutFinder()
    if length is not None and max_frames is not None:
        length = min(length, max_frames)
    stream = iter(_shown(itertools.islice(frames, max_frames), length, progress))
    while batch := list(itertools.islice(stream, getattr(finder, "batch", _BATCH))):
        begins = [begins_shot(frame) for frame in batch]
        cuts += [i for i, cut in enumerate(begins, len(faces)) if cut]
        found = finder.detect(batch) if as_detected else sampling(batch, begins)
        for frame, detected, cut in zip(batch, found, begins, strict=True):
            seen, lie = heads(frame, detected, cut)
            faces.append(detected if as_detected else seen)
            poses.append(heads.poses(detected) if as_detected else lie)
            if on_frame is not None:
                on_frame()
        size = (batch[0].shape[1], batch[0].shape[0])
    if not faces:
        raise W2LError(f"{name} has no frames; give one with at least one frame.")
    return Found(faces, cuts, size, next(frames, None) is None, begins_shot.views, poses)


def _shown(frames: Iterable[np.ndarray], length: int | None, progress: bool) -> Iterable[np.ndarray]:
    if not progress:
        return frames
    return progress_bar(frames, total=length, desc="finding the face", unit="frame")


# The cache.


def _entry(path: Path, finder: Detector, fps: float, framing: Framing, first: int = 0) -> Path | None:
    """The cache file for a clip from a frame on; None when the clip cannot be read."""
    try:
        parts = (_FORMAT, hash_of(path), finder.name, finder.settings, fps, framing, *([first] if first else []))
    except OSError:
        return None
    key = hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()
    return paths.cache() / "faces" / f"{key}.npz"


def _recall(entry: Path, max_frames: int | None) -> Found | None:
    """The cached faces of at most that many frames; None when they are missing, broken or too few."""
    try:
        found = _read(entry)
    except Exception:  # damaged archives raise all kinds of errors, and all mean the same
        return None
    count = len(found.faces)
    if not found.whole and (max_frames is None or max_frames > count):
        return None
    with suppress(OSError):
        os.utime(entry)  # marks it as used: the oldest are deleted first
    if max_frames is None or max_frames >= count:
        return found
    cuts = [cut for cut in found.cuts if cut < max_frames]
    views = None if found.views is None else found.views[: len(cuts) + 1]
    poses = None if found.poses is None else found.poses[:max_frames]
    return Found(found.faces[:max_frames], cuts, found.size, False, views, poses)


def _read(entry: Path) -> Found:
    """The content of a file that `_keep` wrote. Raises any exception when it is something else."""
    with entry.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        key, *arrays = (kept[name] for name in ("key", *_FIELDS))
    counts, boxes, poses, cuts, views, size, whole = arrays
    if (
        str(key) != entry.stem
        or [(a.dtype, a.ndim) for a in arrays] != list(_FIELDS.values())
        or boxes.shape != (counts.sum(), 5)
        or poses.shape != (counts.sum(), 2)
        or (counts < 0).any()
        or (np.diff(cuts, prepend=0, append=len(counts)) < 1).any()
        or len(views) != len(cuts) + 1
        or size.shape != (2,)
        or (size < 1).any()
    ):
        raise ValueError("not the faces of a clip")
    width, height = size.tolist()
    ends = np.cumsum(counts)[:-1]
    faces, lie = np.split(boxes, ends), np.split(poses, ends)
    return Found(faces, cuts.tolist(), (width, height), bool(whole), views.tolist(), lie)


def _keep(entry: Path, found: Found) -> None:
    """Caches what was found, if it can be written, and deletes the oldest files when the cache is full."""
    content = {
        "counts": [len(boxes) for boxes in found.faces],
        "boxes": np.concatenate(found.faces),
        "poses": np.concatenate(found.poses or []),
        "cuts": found.cuts,
        "views": found.views,
        "size": found.size,
        "whole": found.whole,
    }
    arrays: dict[str, Any] = {name: np.asarray(value, _FIELDS[name][0]) for name, value in content.items()}
    with suppress(W2LError, OSError):
        with files.atomic(entry) as temporary:
            np.savez(temporary, key=np.array(entry.stem), **arrays)
        _drop_oldest(entry.parent)


def _drop_oldest(folder: Path) -> None:
    room = _ROOM
    for status, path in sorted(((path.stat(), path) for path in folder.glob("*.npz")), key=lambda f: -f[0].st_mtime):
        room -= max(status.st_size, _BLOCK)
        if room < 0:
            path.unlink(missing_ok=True)
