"""Cuts: the frames at which a new shot begins, detected on tiny copies of the frames."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

_WIDTH, _HEIGHT = 32, 18  # pixels of the tiny copies: small motion and compression average out
_FINE = 4  # pixels read along each axis for one of theirs; reading all of a large frame costs ten times as much
_UNLIKE = 0.15  # 1 - correlation: two people before one backdrop differ by 0.2, unrelated shots by 0.4 to 1.2
_RESTLESS = 2.0  # times the recent differences are added to the threshold: fast pans and confetti are not cuts
_RECENT = 6  # frames that count as recent
_BLACK = 24  # grey levels below which rows and columns at the edges are black bars
_BLANK = 4.0  # grey levels of standard deviation below which a frame is blank
_NOISE = 2.0  # grey levels of difference that are ignored
_REMEMBERED = 16  # latest views that a later shot can return to


class CutFinder:
    """Called with the frames of a clip one after another, tells for each whether it begins a new shot.

    Only hard cuts are found. Two frames differ when their tiny copies correlate little, whatever their brightness, and
    much less than recent frames did: so motion, fades and changes of light are not cuts. A blank frame (black, white)
    does not begin a shot; the next frame is compared with the last one that was not blank. Nor does a frame that
    resembles the one before last, so a flash of one frame is at most one cut. Takes half a millisecond per frame of any
    size.

    views: the number of the view of each shot so far. A shot that resembles the end of one of the last 16 views has the
    same view; so in a dialogue that cuts back and forth, shots 0, 1, 2, 3 have the views 0, 1, 0, 1.
    """

    def __init__(self) -> None:
        self.views = [0]
        self._ends: dict[int, np.ndarray] = {}  # the last tiny copy of each view, the longest unseen first
        self._last: deque[np.ndarray] = deque(maxlen=2)
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._age = 0  # of the shot, in frames

    def __call__(self, frame: np.ndarray) -> bool:
        """Whether this frame, (H, W, 3) uint8 BGR, begins a new shot. The first one does not."""
        picture = _tiny(frame)
        self._age += 1
        if picture.std(axis=(0, 1)).max() < _BLANK:
            return False
        unlike = _unlikeness(picture, self._last[-1]) if self._last else 0.0
        returns = unlike > _UNLIKE and len(self._last) == 2 and _unlikeness(picture, self._last[0]) < _UNLIKE
        if returns:
            unlike = 0.0
        usual = sorted(self._recent)[-2] if len(self._recent) > 1 else 0.0  # the largest may have been a cut
        self._last.append(picture)
        self._recent.append(unlike)
        cut = unlike > _UNLIKE + _RESTLESS * usual
        if cut:
            self.views.append(self._view_of(picture))
            self._age = 1
        elif returns and self._age == 2 and len(self.views) > 1:
            self.views[-1] = self.views[-2]  # this shot began with a flash: the shot before it continues
        self._ends.pop(self.views[-1], None)
        self._ends[self.views[-1]] = picture
        if len(self._ends) > _REMEMBERED:
            del self._ends[next(iter(self._ends))]
        return cut

    def _view_of(self, picture: np.ndarray) -> int:
        """The view of this tiny copy: one of those remembered that it resembles, else a new one."""
        apart = {view: _unlikeness(picture, end) for view, end in self._ends.items() if view != self.views[-1]}
        nearest = min(apart, key=lambda view: apart[view], default=None)
        return nearest if nearest is not None and apart[nearest] < _UNLIKE else max(self.views) + 1


def _tiny(frame: np.ndarray) -> np.ndarray:
    """(18, 32, 3) float32: the frame averaged down, from a sparse grid of its pixels."""
    height, width = frame.shape[:2]
    rough = frame[:: max(1, height // (_FINE * _HEIGHT)), :: max(1, width // (_FINE * _WIDTH))]
    return cv2.resize(np.ascontiguousarray(rough), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)


def _unlikeness(a: np.ndarray, b: np.ndarray) -> float:
    """1 - correlation of two tiny copies, without the black bars of both: 0 the same, about 1 unrelated."""
    lit = np.maximum(a, b).max(axis=2) > _BLACK
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if len(rows):
        inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        a, b = a[inside], b[inside]
    a, b = a - a.mean(), b - b.mean()
    noise = a.size * _NOISE**2
    return float(1 - ((a * b).sum() + noise) / np.sqrt(((a * a).sum() + noise) * ((b * b).sum() + noise)))
