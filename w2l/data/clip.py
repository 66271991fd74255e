"""A training clip in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from w2l.audio import TRAINING_FPS, WINDOW

FRAMES = 5  # video frames of a window: 200 ms


class Frames(Protocol):
    """An array of frames, or what is read like one; any part of it is a plain array, `frames[:]` too."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W, 3)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> Any: ...


@dataclass(frozen=True)
class Clip:
    """One training clip. frames: uint8 (n, size, size, 3) BGR crops at 25 a second. mel: float32 (80, T).

    truth: float32 (n, 3), gap and width and area of the mouth, in pixels of a crop of 96 whatever the size of these, or
    None where it is unknown.
    """

    frames: Frames
    mel: np.ndarray
    truth: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def size(self) -> int:
        """Pixels of a side of the frames."""
        return self.frames.shape[1]

    def known_truth(self) -> np.ndarray:
        """The truth; ValueError where there is none."""
        if self.truth is None:
            raise ValueError(
                "this clip's true mouth is not known; only talker clips can be measured against the truth."
            )
        return self.truth

    def beginning(self, count: int) -> Clip:
        """The first `count` frames, or as many as have sound for their windows, with the whole sound."""
        count = min(count, self.starts + FRAMES - 1)
        return Clip(self.frames[:count], self.mel, None if self.truth is None else self.truth[:count])

    @property
    def starts(self) -> int:
        """How many frames can start a window whose 16 mel columns lie inside the clip."""
        last_column = self.mel.shape[1] - WINDOW
        return min(len(self) - FRAMES + 1, int(last_column * TRAINING_FPS / 80) + 1)
