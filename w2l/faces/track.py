"""The track of one face: its box in each frame of a clip, and the frames without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_LYING = 60.0  # degrees of roll


@dataclass
class Track:
    """Where one face is in each of the n frames of a clip.

    boxes: (n, 4) float32, x1, y1, x2, y2 in pixels with the pads added; they may extend beyond the frame; NaN where
    there is no box. found: (n,) bool, False where no face was found (drop-outs of a few frames within a track do not
    count); with gaps "hold" and "interpolate" such frames still have a box if their shot shows the face. size: width
    and height of the frames.

    rolls: (n,) float32, by how many degrees the head is turned clockwise: a box is that of the face turned upright
    about the box's centre. 0 for upright heads, also where they are slightly tilted. cut_off: (n,) bool, the frames
    that show the face, but not its mouth or its eyes, which lie outside the picture; they have no box. lying: (n,)
    bool, the frames in which the head lies on its side or is upside down. Left out: all upright and whole.
    """

    boxes: np.ndarray
    found: np.ndarray
    size: tuple[int, int]
    rolls: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    cut_off: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    lying: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        if len(self.rolls) == 0:
            self.rolls = np.zeros(len(self.boxes), np.float32)
        if len(self.cut_off) == 0:
            self.cut_off = np.zeros(len(self.boxes), bool)
        if len(self.lying) == 0:
            self.lying = np.abs(self.rolls) > _LYING

    def __len__(self) -> int:
        return len(self.boxes)

    def has_face(self, index: int) -> bool:
        """Whether there is a box to work on in this frame."""
        return bool(np.isfinite(self.boxes[index, 0]))

    @property
    def missing(self) -> list[int]:
        """The frames in which no face was found."""
        return [int(i) for i in np.flatnonzero(~self.found)]


def spans(at: Sequence[int] | np.ndarray) -> str:
    """The frames at these ascending indices in words: "frames 3-7, 12 and 20 more", at most five spans of them."""
    found = np.split(np.asarray(at), np.flatnonzero(np.diff(at) > 1) + 1)
    said = [f"{s[0]}-{s[-1]}" if len(s) > 1 else f"{s[0]}" for s in found[:5]]
    more = sum(len(s) for s in found[5:])
    return f"{'frame' if len(at) == 1 else 'frames'} {', '.join(said)}" + (f" and {more} more" if more else "")
