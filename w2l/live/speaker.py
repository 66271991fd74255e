"""A face that says what it hears, piece by piece: sound in, pictures out, without threads or clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from w2l import audio
from w2l.live.face import SILENCE, LiveFace
from w2l.live.hearing import Hearing, checked


@dataclass(frozen=True)
class LiveFrame:
    """A picture of a live stream.

    index: its number in the stream. time: the moment in the sound that it belongs to, in seconds from the first sample.
    picture: (H, W, 3) uint8 BGR, with the visible label. at_rest: it is no answer to sound, but shown while none
    arrives. delay: seconds from the arrival of that moment's sound to the finished picture; 0 where there is no clock.
    """

    index: int
    time: float
    picture: np.ndarray
    at_rest: bool = False
    delay: float = 0.0


class LiveSpeaker:
    """Says what it hears: pieces of sound are fed, the frames whose sound is complete come out.

    The frames are those of a dub of the same face and the same sound. What a dub decides of the whole sound is decided
    here beforehand or of what has been heard: channels are averaged, and gain is the factor by which quiet speech is
    heard louder, where None means `LoudnessSoFar`. A frame waits for the `look_ahead` of its mel window, and for
    nothing else. Memory does not grow.
    """

    def __init__(self, face: LiveFace, gain: float | None = None) -> None:
        self.face = face
        self.hearing = Hearing(face.fps, face.mel_shift, gain)
        self.next = 0  # the number of the next frame
        self._references = face.references()

    def hear(self, wav: np.ndarray, rate: int = audio.SAMPLE_RATE) -> None:
        """Hears a piece of any length, float or int16 (N,) or (N, channels) at `rate` Hz.

        Raises W2LError for what is no sound.
        """
        self.hearing.feed(checked(wav, rate), rate)

    def finish(self) -> None:
        """Says that the sound has ended: the frames that are left follow, and then none."""
        self.hearing.finish()

    def frames(self) -> Iterator[LiveFrame]:
        """Draws the frames whose sound is complete, a few at a time as they are asked for."""
        while count := min(self.ready, self.face.batch):
            yield from self.draw(count)

    @property
    def ready(self) -> int:
        """How many frames can be drawn now."""
        return max(0, self.hearing.complete - self.next)

    def draw(self, count: int) -> list[LiveFrame]:
        """The next frames, of which so many, at least one, must be ready."""
        indices = range(self.next, self.next + count)
        windows = self.hearing.windows(self.next, count)
        pictures = self.face.draw([self.face.source(i) for i in indices], windows, self._references)
        self.next += count
        return [LiveFrame(i, i / self.face.fps, picture) for i, picture in zip(indices, pictures, strict=True)]

    def skip(self, count: int) -> None:
        """Leaves out the next frames, where there is no time to draw them."""
        self.next += count

    def rest(self) -> LiveFrame:
        """The face as it is now, its lips at rest; the stream does not move on."""
        shown = max(0, self.next - 1)
        (picture,) = self.face.draw([self.face.source(shown)], SILENCE, self._references)
        return LiveFrame(shown, shown / self.face.fps, picture, at_rest=True)
