"""The synthetic talker's clips: made once, then cached."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from w2l.base import files, paths
from w2l.base.parallel import can_fork, cores, forked
from w2l.base.progress import progress_bar
from w2l.data.clip import Clip
from w2l.data.packed import PackedFrames
from w2l.data.store import ClipFiles, read_clip, write_clip
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE
from w2l.talker.cast import DEFAULT_CAST, Cast

CACHE_VERSION = 3  # raised whenever the talker draws or speaks differently
PHOTO_VERSION = 1  # raised whenever photographic talkers alone look or move differently
T = TypeVar("T")
_WORTH_A_PROCESS = 4  # clips: fewer than these take less time than starting a process


def corpus(
    split: str,
    count: int,
    seed: int = 0,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = True,
    cast: Cast = DEFAULT_CAST,
    size: int = CROP_SIZE,
) -> Sequence[Clip]:
    """The first `count` clips of a split of the synthetic talker corpus, one speaker each, at `size` pixels a side.

    They are made once and kept under `cache` (default: the kit's cache folder; about 3 MB a clip); a damaged file is
    made again. Clips of 96 pixels are all read; larger ones have `PackedFrames`, and are opened when they are used.
    Where processes can be forked (Linux), all processors share the work. Raises W2LError when the cache cannot be
    written.
    """
    if count < 1:
        raise W2LError(f"the {split} split was asked for {count} clips; ask for at least 1.")
    folder = root(cache) / _name(seed, cast, size) / split
    places = [_file(folder, number, size) for number in range(count)]
    clips = made_once(places, _read, partial(_draw, folder, split, seed, cast, size), f"corpus {split}", progress)
    return ClipFiles(places) if size != CROP_SIZE else [clip for clip in clips if isinstance(clip, Clip)]


def root(cache: str | os.PathLike[str] | None) -> Path:
    """The folder of everything that talkers made: in `cache`, or else in the kit's cache folder."""
    return Path(cache) if cache else paths.cache() / f"corpus-v{CACHE_VERSION}"


def made_once(
    places: Sequence[Path],
    read: Callable[[Path], T | None],
    make: Callable[[int], int],
    what: str,
    progress: bool,
) -> list[T]:
    """What is kept in these files; those that `read` finds missing or damaged are made first, by all processors.

    make: writes the file of that number and returns the number; it may run in other processes. what: for the bar.
    """
    kept = [read(path) for path in places]
    missing = [number for number, one in enumerate(kept) if one is None]
    processes = min(cores(), len(missing) // _WORTH_A_PROCESS) if can_fork() else 0
    bar = progress_bar(total=len(places), initial=len(places) - len(missing), desc=what, unit="clip", show=progress)
    # the first is made here: what is loaded for it need not be loaded by every process
    here, elsewhere = map(make, missing[:1]), forked(make, missing[1:], processes if processes > 1 else 0)
    with bar, closing(elsewhere):
        for number in chain(here, elsewhere):
            kept[number] = read(places[number])
            bar.update()
    if lost := [str(path) for path, one in zip(places, kept, strict=True) if one is None]:
        raise W2LError(
            f"{lost[0]} was written but cannot be read back; is the disk full, or does another program change it?"
        )
    return [one for one in kept if one is not None]


def _name(seed: int, cast: Cast, size: int) -> Path:
    """The folder of a corpus: other talkers or another size, another folder."""
    name = Path(f"seed{seed}" if cast.voices == "formant" else f"seed{seed}-{cast.voices}")
    if cast.looks != "drawn":
        name /= f"{cast.looks}-v{PHOTO_VERSION}-{cast.faces().fingerprint()}"
    name = name if cast.manner is None else name / ("manner" if cast.manner else "no-manner")
    return name if size == CROP_SIZE else name / f"{size}px"


def _draw(folder: Path, split: str, seed: int, cast: Cast, size: int, number: int) -> int:
    """Makes a clip of the corpus and saves it; returns its number."""
    from w2l.talker import make_clip

    path = _file(folder, number, size)
    if size != CROP_SIZE:
        made = make_clip(split, number, seed=seed, cast=cast, size=size)
        scale = CROP_SIZE / size
        truth = (made.truth * (scale, scale, scale**2)).astype(np.float32)
        write_clip(path, Clip(PackedFrames.pack(made.frames), made.mel, truth))
        return number
    made = make_clip(split, number, seed=seed, cast=cast)
    with files.atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, frames=made.frames, mel=made.mel, truth=made.truth)
    return number


def _file(folder: Path, number: int, size: int) -> Path:
    return folder / f"{number:05d}.{'npz' if size == CROP_SIZE else 'safetensors'}"


def _read(path: Path) -> Clip | Path | None:
    """The clip of a file; its path, where it is opened later; None where there is none that is whole."""
    if not path.exists():
        return None
    if path.suffix == ".safetensors":
        try:
            read_clip(path)
        except W2LError:
            return None
        return path
    try:
        with open(path, "rb") as file, np.load(file) as saved:  # np.load alone leaves a damaged file open
            return Clip(saved["frames"], saved["mel"], saved["truth"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # damaged: made again
