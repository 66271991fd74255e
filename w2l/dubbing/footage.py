"""The frames of a dub: those of the clip, framed, and extended to the length of the speech."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from w2l import video
from w2l.dubbing.settings import EXTENSIONS
from w2l.errors import W2LError

_WHOLE = video.Excerpt()
_BLOCK_BYTES = 96 << 20  # decoded frames held while a clip runs backwards, whatever its length


@dataclass(frozen=True)
class Footage:
    """A clip as the frames of a dub.

    fps: of the result; the clip's frames are read at that rate. extend: what follows when the clip has ended and the
    speech has not: "pingpong" runs it back and forth, "loop" starts it again, "hold" repeats its last frame, "trim"
    ends the result. static: only its first frame is used. ground: the grey, 0 to 255, of the background
    behind transparent frames. part: the part of the clip that is used, as if there were no other; its frames are
    counted at `fps`.
    """

    clip: video.ClipInfo
    fps: float
    framing: video.Framing
    extend: str = "pingpong"
    static: bool = False
    ground: int = 255
    part: video.Excerpt = _WHOLE

    def __post_init__(self) -> None:
        if self.extend not in EXTENSIONS:
            raise W2LError(f"a clip cannot be extended by {self.extend!r}; choose one of {', '.join(EXTENSIONS)}.")

    @property
    def is_still(self) -> bool:
        """Whether there is only one frame."""
        return self.static or self.clip.is_still

    @property
    def n_frames(self) -> int | None:
        """How many frames the part has; an estimate, None if unknown."""
        return self.clip.n_frames if self.part is _WHOLE else self.part.n_frames

    def read(self, start: int = 0, max_frames: int | None = None) -> Iterator[np.ndarray]:
        """The clip's own frames once, (H, W, 3) uint8 BGR, from frame `start` on."""
        if self.part.limited and self.part.n_frames is not None:
            left = self.part.n_frames - start
            max_frames = left if max_frames is None else min(left, max_frames)
        return map(self.framing, self._decode(self.part.first + start, 1 if self.is_still else max_frames))

    def _decode(self, start: int, max_frames: int | None) -> Iterator[np.ndarray]:
        return video.read_frames(
            self.clip.path, self.fps, start=start / self.fps, max_frames=max_frames, ground=self.ground
        )

    def on_black(self) -> Footage | None:
        """The same on black, from which `lift` finds what is transparent; None if the first frame is opaque."""
        black = replace(self, ground=0)
        (ours,), (dark,) = self.read(max_frames=1), black.read(max_frames=1)
        return None if (ours == dark).all() else black

    def source(self, index: int, length: int) -> int:
        """Which of the clip's `length` frames the result shows at this index."""
        if self.extend == "pingpong":
            return back_and_forth(index, length)
        return index % length if self.extend == "loop" else min(index, length - 1)

    def frames(self, n_frames: int, length: int) -> Iterator[np.ndarray]:
        """The frames of the result: `n_frames`, made of the clip's first `length`.

        Raises W2LError when the clip has to run backwards and cannot be read from a frame in the middle.
        """
        return itertools.islice(self._endless(length), n_frames)

    def _endless(self, length: int) -> Iterator[np.ndarray]:
        frame = None
        for frame in self.read(max_frames=length):
            yield frame
        if frame is not None and (length == 1 or self.extend in ("hold", "trim")):
            yield from itertools.repeat(frame)
        while True:
            if self.extend == "pingpong":
                yield from self._backwards(1, length - 1)
            yield from self.read(max_frames=length)

    def _backwards(self, first: int, stop: int) -> Iterator[np.ndarray]:
        """The frames stop-1, stop-2, ... first of the clip, decoded in blocks small enough to hold."""
        held = 4
        while stop > first:
            start = max(first, stop - held)
            block = list(self.read(start, stop - start))
            if len(block) != stop - start:
                path = self.clip.path
                raise W2LError(f"{path} could not be read from frame {start} on; convert it to mp4 first.")
            held = max(4, _BLOCK_BYTES // block[0].nbytes)
            while block:  # popped, so that no frame is kept after its turn
                yield block.pop()
            stop = start


def back_and_forth(index: int, length: int) -> int:
    """Which of `length` frames is shown at this index when they run 0, 1, ... length-1, length-2, ... 1, 0, 1, ..."""
    index %= max(1, 2 * length - 2)
    return index if index < length else 2 * length - 2 - index


def lift(result: np.ndarray, white: np.ndarray, black: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A result without its white background: its colours, (H, W, 3) uint8 BGR, and its alpha, (H, W) uint8.

    white, black: the frame it was made of on both backgrounds; they differ where the background shows through.
    """
    shine = (white.astype(np.int16) - black).clip(0).max(axis=2)
    alpha = (255 - shine).astype(np.uint8)
    partly = (shine > 0) & (shine < 255)
    colours = result.copy()
    seen, light = result[partly].astype(np.float32), shine[partly, None]
    colours[partly] = np.clip((seen - light) * 255 / (255 - light) + 0.5, 0, 255).astype(np.uint8)
    return colours, alpha
