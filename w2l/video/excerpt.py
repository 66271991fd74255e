"""A part of a clip: from which frame to which."""

from __future__ import annotations

import math
from dataclasses import dataclass

from w2l.errors import W2LError
from w2l.video.reader import ClipInfo

_SLIP = 1e-6  # of a frame: what rounding makes of a time that is exactly a frame's


@dataclass(frozen=True)
class Excerpt:
    """first: the number of its first frame in the clip; n_frames: how many it has, None if that is unknown.

    limited: whether it ends before the clip does.
    """

    first: int = 0
    n_frames: int | None = None
    limited: bool = False

    def most(self, n_frames: int | None) -> int | None:
        """How many frames to read, if so many are wanted (None: all)."""
        if not self.limited or self.n_frames is None:
            return n_frames
        return self.n_frames if n_frames is None else min(n_frames, self.n_frames)


def check_times(start: float | None, end: float | None) -> None:
    """Raises W2LError for times, in seconds, that no part of a clip can have."""
    for name, time in (("start", start), ("end", end)):
        if time is not None and not 0 <= time < math.inf:
            raise W2LError(f"a part of a clip cannot {name} at {time:g} s; give 0 or more seconds.")
    if end is not None and end <= (start or 0.0):
        raise W2LError(f"a part from {start or 0.0:g} s to {end:g} s has no frames; give an end after the start.")


def excerpt(clip: ClipInfo, fps: float, start: float | None = None, end: float | None = None) -> Excerpt:
    """The frames that a clip, read at this rate, shows from one time to another, in seconds (None: all).

    Its first frame is the one that is shown at ``start``, so its frames are some of those of the whole clip, whatever
    the time. Raises W2LError for times outside the clip, and for a part of a picture.
    """
    check_times(start, end)
    length = clip.n_frames if clip.duration is None else max(1, math.floor(clip.duration * fps + 0.5 + _SLIP))
    if start is None and end is None:
        return Excerpt(0, length)
    if clip.is_still:
        raise W2LError(f"{clip.path} is a picture, of which there is no part; leave start and end out.")
    first = math.floor((start or 0.0) * fps + _SLIP)
    stop = None if end is None else max(first + 1, math.ceil(end * fps - _SLIP))
    if length is not None and (first >= length or (stop or 0) > length + 1):
        time = start if first >= length else end
        raise W2LError(f"{clip.path} ends at {length / fps:.2f} s, before {time:g} s; give an earlier time.")
    if stop is None or (length is not None and stop >= length):
        return Excerpt(first, None if length is None else length - first)
    return Excerpt(first, stop - first, limited=True)
