"""Time stamps to sample positions: where each block of decoded sound belongs, and what is missing before it."""

from __future__ import annotations

from dataclasses import dataclass, field

# Files round their time stamps and decoders work in blocks, so that in sane files stamps differ from the count of
# samples by up to 15 ms. Sound that is 45 ms early against the picture is noticed (ITU-R BT.1359).
_JITTER = 0.03  # seconds by which a stamp may differ from the count of samples without being followed
_BACK = 1.0  # seconds: a clock that goes back farther was set anew, as where recordings are joined
_FORWARD = 60.0  # seconds: one that jumps farther forward is broken, unless the file says that it is that long
_MOST_SILENCE = 1800.0  # seconds filled in altogether, since sound is held in memory


@dataclass
class Timeline:
    """The positions of one track's blocks, which come in order.

    duration: seconds that the file says it lasts, 0 if unknown. Where the clock was set anew or is broken, the sound
    goes on where it was, as the picture does in w2l.video.
    """

    duration: float = 0.0
    first: float | None = field(default=None, init=False)  # when the sound begins, in the file's own seconds
    _end: float = field(default=0.0, init=False)  # when the next block begins if nothing is missing before it
    _filled: float = field(default=0.0, init=False)

    def place(self, time: float | None, samples: int, rate: int) -> int:
        """How many samples are missing before a block; negative: how many at its beginning have been heard already.

        time: the block's time stamp in seconds, None if it has none. samples, rate: its length, and its rate in Hz.
        Raises ValueError when more would have to be filled in than memory allows.
        """
        gap = 0
        if time is not None and self.first is None:  # the first stamp; blocks before it are counted back
            self.first, self._end = time - self._end, time
        elif time is not None:
            gap = self._gap(time, samples, rate)
        self._end += (gap + samples) / rate
        return gap

    def _gap(self, time: float, samples: int, rate: int) -> int:
        ahead = time - self._end
        if abs(ahead) <= _JITTER:
            return 0
        if not -_BACK <= ahead <= max(_FORWARD, self.duration):
            self._end = time
            return 0
        self._filled += max(0.0, ahead)
        if self._filled > _MOST_SILENCE:
            raise ValueError(f"{self._filled / 60:.0f} minutes of it are missing")
        return max(round(ahead * rate), -samples)
