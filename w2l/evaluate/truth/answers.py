"""What a system makes of a test set: a folder of its results, matched by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from w2l import video
from w2l.audio import TRAINING_FPS
from w2l.errors import W2LError
from w2l.evaluate.truth.testset import KINDS, TestSet, TruthClip, first_frame, thumb
from w2l.video.files import ANIMATIONS, VIDEOS, files_in

_UNLIKE = 0.03  # share by which a picture's sides may differ; all of a test set are square
_LOOKED_AT = 5  # clips by which a folder's kind is known


class Answers(Protocol):
    """A system's results."""

    @property
    def name(self) -> str:
        """What the system is called."""

    @property
    def kind(self) -> str:
        """What its pictures show, one of `KINDS`."""

    def frames(self, clip: TruthClip) -> Iterator[np.ndarray]:
        """Square frames of one size, uint8 BGR, 25 a second. Raises W2LError where there is no such result."""

    def note(self, clip: TruthClip) -> str:
        """What to know about the result, in a sentence; "" for nothing."""


@dataclass(frozen=True, eq=False)
class ResultFolder:
    """A folder of results. found: the files by the name of the clip; others: those that belong to no clip."""

    name: str
    folder: Path
    kind: str
    found: dict[str, list[Path]]
    others: list[Path] = field(default_factory=list)

    def frames(self, clip: TruthClip) -> Iterator[np.ndarray]:
        """The frames of the clip's result."""
        path = self._path(clip)
        info = video.probe(path)
        if info.is_still:
            raise W2LError(f"{path.name} is a still picture; give a clip.")
        if abs(info.width - info.height) > _UNLIKE * info.width + 1:
            raise W2LError(
                f"{path.name} has {info.width}x{info.height} pixels, and what was given is square; give back the whole "
                "picture, not stretched."
            )
        return video.read_frames(path, TRAINING_FPS)

    def note(self, clip: TruthClip) -> str:
        """Another frame rate than 25."""
        fps = video.probe(self._path(clip)).fps
        return "" if abs(fps - TRAINING_FPS) < 0.01 else f"it has {fps:g} frames a second and was read at 25."

    def _path(self, clip: TruthClip) -> Path:
        paths = self.found.get(clip.name, [])
        if len(paths) > 1:
            raise W2LError(f"there are several results, {' and '.join(path.name for path in paths)}; keep one.")
        if not paths:
            raise W2LError(f"it is missing from {self.folder}; its name must be {clip.name}.mp4.")
        return paths[0]


def read_results(folder: str | os.PathLike[str], testset: TestSet, name: str = "") -> ResultFolder:
    """The results in a folder; name: of the system, by default the folder's.

    Raises W2LError when it is no folder, when none of its files has the name of a clip, when it is a part of the test
    set itself, and when its pictures show neither whole frames nor crops of this test set.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise W2LError(f"there is no folder {folder}; give the folder that holds the results.")
    given = {(testset.folder / place / kind).resolve() for place in ("", "truth") for kind in KINDS}
    if folder.resolve() in given or folder.resolve() == testset.folder.resolve():
        raise W2LError(f"{folder} belongs to the test set; give the folder that holds the results of a system.")
    clips, _ = files_in(folder, (*VIDEOS, *ANIMATIONS))
    found: dict[str, list[Path]] = {clip.name: [] for clip in testset.clips}
    others = [path for path in clips if path.stem not in found]
    for path in clips:
        if path.stem in found:
            found[path.stem].append(path)
    if not any(found.values()):
        first, last = (f"{testset.clips[at].name}.mp4" for at in (0, -1))
        held = f"it holds {others[0].name}" if others else "it holds no clips"
        raise W2LError(f"no file in {folder} has the name of a result, {first} to {last} ({held}); see jobs.csv.")
    kind = _kind(testset, found)
    return ResultFolder(name or folder.resolve().name, folder, kind, found, others)


def _kind(testset: TestSet, found: dict[str, list[Path]]) -> str:
    """Whether the results show crops or whole frames: what their first frames are more like."""
    apart: dict[str, float] = dict.fromkeys(KINDS, 0.0)
    seen = 0
    for clip in testset.clips:
        try:
            first = thumb(first_frame(found[clip.name][0]))
        except (W2LError, IndexError):
            continue  # missing or damaged: its row will say so
        for kind in KINDS:
            apart[kind] += float(np.abs(first - thumb(first_frame(testset.face(clip, kind)))).mean())
        seen += 1
        if seen == _LOOKED_AT:
            break
    return min(KINDS, key=lambda kind: apart[kind])
