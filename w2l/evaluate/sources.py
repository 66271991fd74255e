"""Which clips are measured: one by one, pairs of folders, or the published lists of clips to generate."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from w2l.base.tables import named, read_list
from w2l.errors import W2LError
from w2l.video.files import VIDEOS, files_in

LeftOut = Callable[[list[Path]], object]
ORDERS = ("audio video", "video audio")  # of the published lists: LRS's, and those of real videos


@dataclass(frozen=True)
class Pair:
    """A generated clip, the real one that its pictures come from, and the clip that its speech comes from.

    real, speech: None where they are unknown. same_speech: whether the real clip has the same words, so that pictures
    can be compared pixel by pixel. fault: why there is nothing to measure, in a sentence.
    """

    name: str
    generated: Path
    real: Path | None = None
    speech: Path | None = None
    same_speech: bool = True
    fault: str = ""


def pair_folders(
    real: str | os.PathLike[str], generated: str | os.PathLike[str], left_out: LeftOut | None = None
) -> list[Pair]:
    """Pairs clips of two folders that have the same name, whatever their suffix; one without a partner gets a fault.

    left_out: called with the files of a folder that are of no known kind. Raises W2LError when a folder is missing or
    holds no clips.
    """
    folders = {
        kind: {path.stem: path for path in _clips(Path(folder), left_out)}
        for kind, folder in (("real", real), ("generated", generated))
    }
    pairs = []
    for name in sorted({*folders["real"], *folders["generated"]}):
        missing = [kind for kind, clips in folders.items() if name not in clips]
        a, b = folders["real"].get(name), folders["generated"].get(name)
        fault = f"there is no {missing[0]} clip of this name; add it, or remove the other." if missing else ""
        pairs.append(Pair(name, b or Path(generated) / name, a, a, fault=fault))
    return pairs


def read_filelist(
    path: str | os.PathLike[str],
    data: str | os.PathLike[str],
    generated: str | os.PathLike[str],
    order: str = "audio video",
) -> list[Pair]:
    """The pairs of a list in the published format: each line names the clip whose speech and the clip whose face is
    taken, relative to `data`, with or without .mp4, and line i (from 0) was generated as i.mp4 (reference 2.10).

    order: which comes first; ``audio video`` in the lists for LRS2, LRS3 and LRW, ``video audio`` in those for real
    videos. Raises W2LError when the list cannot be read or a line is not two names.
    """
    if order not in ORDERS:
        raise W2LError(f"a list cannot have the order {order!r}; choose {' or '.join(map(repr, ORDERS))}.")
    try:
        lines = read_list(path)
    except OSError as error:
        raise W2LError(f"{path} cannot be read as a list of clips ({error}); give a text file.") from error
    pairs = []
    for number, line in enumerate(lines):
        words = line.split()
        if len(words) != 2:
            raise W2LError(f"line {number + 1} of {path} is {line!r}; give two names, '{order}'.")
        first, second = (_named(Path(data), word) for word in words)
        speech, real = (first, second) if order == "audio video" else (second, first)
        made = Path(generated) / f"{number}.mp4"
        missing = next((one for one in (made, real, speech) if not one.is_file()), None)
        fault = f"{missing} is missing; generate it, or remove the line." if missing else ""
        pairs.append(Pair(f"{number} {words[0]} {words[1]}", made, real, speech, speech == real, fault))
    if not pairs:
        raise W2LError(f"{path} names no clips; give a list with a line for each clip.")
    return pairs


def expand(paths: Sequence[str | os.PathLike[str]], left_out: LeftOut | None = None) -> list[Path]:
    """The given clips, and those in the given folders, sorted; missing files are kept, so that their row can say so.

    left_out: called with the files of a folder that are of no known kind. Raises W2LError for a folder without clips.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        found += _clips(path, left_out) if path.is_dir() else [path]
    return found


def _clips(folder: Path, left_out: LeftOut | None) -> list[Path]:
    if not folder.is_dir():
        raise W2LError(f"there is no folder {folder}; give the folder that holds the clips.")
    found, others = files_in(folder, VIDEOS)
    if left_out is not None:
        left_out(others)
    if not found:
        raise W2LError(f"there are no clips in {folder}; give the folder that holds them.")
    return found


def _named(folder: Path, name: str) -> Path:
    """Names in a list have no suffix; if the file has one, it is added."""
    path = named(folder, name)
    return path if path.is_file() else named(folder, f"{name}.mp4")
