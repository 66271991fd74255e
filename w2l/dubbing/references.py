"""Which picture of a face tells the generator what its mouth looks like, while it draws another one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import nn

_SECONDS = 2.0  # how long a picture may serve: light and pose change
_LIKE = 20.0  # mean difference of upper halves, 0 to 255, up to which two pictures count as one pose in one light
_SAMPLES = 48  # across a crop, at which the pixels of two pictures are compared
_TOGETHER = 8  # crops measured at once: more take more memory, and no less time
_LESS = 0.7  # pixels by which another mouth must be less open to be worth a change


class References(Protocol):
    """Chooses references for the crops of one face, frame by frame."""

    def choose(self, crop: np.ndarray) -> np.ndarray:
        """The reference for the face's next crop; both (size, size, 3) uint8 BGR."""
        ...

    def choose_all(self, crops: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The references for the face's next crops, one after the other."""
        ...


class OwnFrames:
    """Each crop is its own reference, as in the published code."""

    def choose(self, crop: np.ndarray) -> np.ndarray:
        """See `References`."""
        return crop

    def choose_all(self, crops: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `References`."""
        return list(crops)


class _Seen(NamedTuple):
    crop: np.ndarray
    upper: np.ndarray
    opening: float


class ClosedLips:
    """The picture with the least open mouth among those of the last two seconds that show the same pose and light.

    A generator repeats some of the mouth that its reference shows. With the very frame that is redrawn as reference,
    the filmed words shine through the new ones, and lips move in pauses. The choice looks back only, and changes only
    for a clearly smaller opening, so that a mouth's looks do not flicker. fps: frames a second.
    """

    def __init__(self, fps: float) -> None:
        self._seen: deque[_Seen] = deque(maxlen=max(1, round(_SECONDS * fps)))
        self._held: _Seen | None = None

    def choose(self, crop: np.ndarray) -> np.ndarray:
        """See `References`."""
        return self._choose(crop, self._opening(crop))

    def choose_all(self, crops: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `References`; the mouths are measured together, in less than half the time."""
        return [self._choose(crop, opening) for crop, opening in zip(crops, self._measured(crops), strict=True)]

    def _choose(self, crop: np.ndarray, opening: float) -> np.ndarray:
        every = max(1, len(crop) // _SAMPLES)
        upper = crop[: len(crop) // 2 : every, ::every].astype(np.float32)

        def is_alike(one: _Seen) -> bool:
            return bool(np.abs(one.upper - upper).mean() <= _LIKE)

        self._seen.append(_Seen(crop, upper, opening))
        best = next(filter(is_alike, sorted(self._seen, key=lambda one: one.opening)))
        held = self._held if any(one is self._held for one in self._seen) else None
        if held is None or held.opening > best.opening + _LESS or not is_alike(held):
            self._held = held = best
        return held.crop

    def _opening(self, crop: np.ndarray) -> float:
        return self._measured([crop])[0]

    def _measured(self, crops: Sequence[np.ndarray]) -> list[float]:
        from w2l.faces.mouths import measure  # here: torch takes seconds to start, see `dub.load_generator`

        parts = [crops[i : i + _TOGETHER] for i in range(0, len(crops), _TOGETHER)]
        return [opening for part in parts for opening in measure(self._meter, np.stack(part))[:, 0].tolist()]

    @cached_property
    def _meter(self) -> nn.Module:
        from w2l import models

        return models.load("classroom_meter", network="mouth_meter")
