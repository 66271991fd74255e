"""Searching a clip for faces: once for all of them (`see`), or straight to their tracks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from w2l.faces.choose import Which
from w2l.faces.detection import detect_clip
from w2l.faces.detectors import Detector, detector
from w2l.faces.fixed_box import FixedBox
from w2l.faces.scene import Scene, check_drawing
from w2l.faces.track import Track
from w2l.video import Framing

Clip = str | os.PathLike[str] | Iterable[np.ndarray]
"""A clip or picture, or its frames, (H, W, 3) uint8 BGR, all of one size."""

_WHOLE_FRAME = Framing()


@dataclass(frozen=True)
class Search:
    """How a clip is searched for faces. Called with a clip, gives its `Scene`.

    detector: a name (see `faces.detector`) or an object. box: x1, y1, x2, y2 of a face that stays in place; then
    nothing is detected. fps: rate at which a clip is read (default: its own). max_frames: how many of its first frames
    to search. framing: the part of each frame that is searched; boxes are in its pixels. cache: keep what is found in a
    file, and use it when the same clip is searched again. progress: show a bar. on_frame: called for each frame
    searched. batch_size, device: as in `faces.detector`. as_detected: leave the boxes as the detector gives them, even
    of heads that lie on their side; else such a box is that of the face turned upright (see `Track`). start, end:
    seconds between which a clip is searched, as if it had no other frames (see `w2l.video.excerpt`).

    Raises W2LError when called, for arguments out of range and when frames differ in size.
    """

    detector: str | Detector = "auto"
    box: Sequence[float] | None = None
    fps: float | None = None
    max_frames: int | None = None
    framing: Framing = _WHOLE_FRAME
    cache: bool = True
    progress: bool = False
    on_frame: Callable[[], object] | None = None
    batch_size: int | None = None
    device: str = "auto"
    as_detected: bool = False
    start: float | None = None
    end: float | None = None

    def __call__(self, clip: Clip) -> Scene:
        """All faces of the clip."""
        finder = self._finder()
        found = detect_clip(
            clip,
            finder,
            self.fps,
            self.max_frames,
            self.framing,
            self.cache,
            self.progress,
            self.on_frame,
            self.as_detected,
            self.start,
            self.end,
        )
        name = os.fspath(clip) if isinstance(clip, (str, os.PathLike)) else "the clip"
        return Scene(found, name, isinstance(finder, FixedBox))

    def _finder(self) -> Detector:
        if self.box is not None:
            return FixedBox(self.box)
        if isinstance(self.detector, str):
            return detector(self.detector, self.batch_size, self.device)
        return self.detector


def see(path_or_frames: Clip, detector: str | Detector = "auto", **how: Any) -> Scene:
    """Searches a clip once for all its faces. how: any field of `Search` by its name. Errors are those of `Search`."""
    return Search(detector, **how)(path_or_frames)


def track_faces(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    detector: str | Detector = "auto",
    pads: Sequence[float] = (0, 10, 0, 0),
    smooth: bool = True,
    gaps: str = "pass",
    box: Sequence[float] | None = None,
    progress: bool = False,
    *,
    which: Which = "main",
    fps: float | None = None,
    max_frames: int | None = None,
    framing: Framing = _WHOLE_FRAME,
    cache: bool = True,
    on_frame: Callable[[], object] | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    start: float | None = None,
    end: float | None = None,
) -> Track:
    """Follows one face through a clip, with a few frames in memory at a time.

    path_or_frames: a clip or picture, or its frames, (H, W, 3) uint8 BGR, all of one size. detector: a name (see
    `faces.detector`) or an object. pads: pixels added to the boxes at the top, bottom, left and right. smooth: average
    the box over neighbouring frames, but not over a cut or a jump of it. gaps, for frames in which no face was found:
    "pass" leaves them without a box, "hold" repeats the box before, "interpolate" moves from the box before to
    the one after, both only within a shot that shows the face; "error" raises. box: x1, y1, x2, y2 of a face that
    stays in place; then nothing is detected and no pads are added. progress: show a bar.

    which: "main", the weightiest face (large and long in the picture) and, in shots without it, the next weightiest;
    "largest" or "centre", in each shot the largest or most central face that is not just passing by; a number, the
    face of that number in `find_tracks`, and no other; a point x, y in pixels, in each shot the face whose box is the
    first to contain it, or the nearest if none does. All of these also as text (see `parse_which`).

    fps, max_frames, framing, cache, on_frame, batch_size, device, start, end: as in `Search`.

    Raises W2LError when no frame shows a face, when frames differ in size, and for arguments out of range.
    """
    check_drawing(pads, gaps, which)
    search = Search(
        detector, box, fps, max_frames, framing, cache, progress, on_frame, batch_size, device, False, start, end
    )
    return search(path_or_frames).track(which, pads, smooth, gaps)


def find_tracks(
    path_or_frames: str | os.PathLike[str] | Iterable[np.ndarray],
    detector: str | Detector = "auto",
    *,
    fps: float | None = None,
    max_frames: int | None = None,
    framing: Framing = _WHOLE_FRAME,
    pads: Sequence[float] = (0, 10, 0, 0),
    smooth: bool = True,
    gaps: str = "pass",
    box: Sequence[float] | None = None,
    cache: bool = True,
    progress: bool = False,
    on_frame: Callable[[], object] | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    start: float | None = None,
    end: float | None = None,
) -> list[Track]:
    """Follows every face of a clip: one track per face, in the order of `which`'s numbers, weightiest first.

    A face that leaves and soon comes back to the same place has one track, and so has one that a cut leaves and a later
    cut returns to. Arguments and errors are those of `track_faces`.
    """
    check_drawing(pads, gaps)
    search = Search(
        detector, box, fps, max_frames, framing, cache, progress, on_frame, batch_size, device, False, start, end
    )
    return search(path_or_frames).tracks(pads, smooth, gaps)
