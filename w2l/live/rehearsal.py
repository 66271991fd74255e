"""A sound file sent through a live stream at the speed of speech: the check of a machine, without a microphone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from w2l import video
from w2l.base import files
from w2l.dubbing.speech import Speech, listen
from w2l.errors import W2LError
from w2l.live.face import LiveFace
from w2l.live.session import LiveSession
from w2l.live.settings import PIECE
from w2l.live.speaker import LiveFrame
from w2l.marking import mark


@dataclass(frozen=True)
class Rehearsal:
    """How a stream went. delays: (n,) float64, seconds from each drawn picture's sound to the picture."""

    path: Path | None
    seconds: float  # of speech
    n_frames: int  # that it lasts
    late: int  # frames that were left out since drawing was too slow
    unread: int  # and since writing was
    fps: float  # pictures a second
    delays: np.ndarray
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """The figures in a line."""
        delays = self.delays if len(self.delays) else np.zeros(1)
        return (
            f"{self.fps:.1f} frames a second, {np.median(delays):.2f} s from sound to picture (at most "
            f"{delays.max():.2f} s), {self.late + self.unread} of {self.n_frames} frames left out"
        )


def rehearse(
    face: LiveFace,
    speech: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    piece: float = PIECE,
    on_frame: Callable[[LiveFrame], object] = lambda frame: None,
) -> Rehearsal:
    """Streams the speech in pieces of so many seconds, as slowly as it is spoken, and measures.

    What a dub decides of the whole speech (which channel is heard, and how loud) is decided as in a dub. out: a video
    of what a viewer saw, .mp4, .gif or .webp, marked as synthetic; where a frame was left out, the one before stays.
    Raises W2LError as `dub` does.
    """
    if not 0 < piece <= 10:
        raise W2LError(f"pieces of {piece} s cannot be streamed; give up to 10 s, such as {PIECE}.")
    spoken = listen(speech)
    with ExitStack() as stack:
        stack.enter_context(files.keeping(speech))
        film = None
        if out is not None:
            sound = (spoken.wav, spoken.rate)
            film = stack.enter_context(video.VideoWriter(out, face.fps, sound, mark.metadata()))
        shown = _Shown(film, on_frame)
        with LiveSession(face, spoken.gain) as session:
            _play(session, spoken, piece, shown)
            figures = session.figures()
        n_frames = max(1, round(spoken.seconds * face.fps))
        shown.hold_until(n_frames)
    if out is not None:
        mark.embed(out)
    return Rehearsal(
        None if out is None else Path(out), spoken.seconds, n_frames, figures.late, figures.unread, shown.fps,
        np.array(shown.delays), (*face.notes, *spoken.notes),
    )  # fmt: skip


def _play(session: LiveSession, spoken: Speech, piece: float, shown: _Shown) -> None:
    """Feeds each piece when it would have been spoken, and shows what is ready meanwhile."""
    heard = spoken.wav if spoken.channel is None else spoken.wav[:, spoken.channel]
    size, began = max(1, round(piece * spoken.rate)), time.monotonic()
    for start in range(0, len(heard), size):
        part = heard[start : start + size]
        due = began + (start + len(part)) / spoken.rate
        while (left := due - time.monotonic()) > 0:
            shown.show(session.take(left))
        session.feed(part, spoken.rate)
    session.finish()
    for frame in session:
        shown.show(frame)


class _Shown:
    """What a viewer saw, frame by frame."""

    def __init__(self, film: video.VideoWriter | None, on_frame: Callable[[LiveFrame], object]) -> None:
        self.delays: list[float] = []
        self._film, self._on_frame = film, on_frame
        self._last: np.ndarray | None = None
        self._count = 0
        self._times: list[float] = []

    def show(self, frame: LiveFrame | None) -> None:
        """One more; frames at rest, which belong to no moment of the speech, are not written."""
        if frame is None or frame.at_rest:
            return
        self.hold_until(frame.index, frame.picture)
        self._write(frame.picture)
        self.delays.append(frame.delay)
        self._times = [*self._times[:1], time.monotonic()]
        self._on_frame(frame)

    def hold_until(self, index: int, otherwise: np.ndarray | None = None) -> None:
        """Repeats the last picture for the frames before `index` that were left out."""
        picture = otherwise if self._last is None else self._last
        while picture is not None and self._count < index:
            self._write(picture)

    @property
    def fps(self) -> float:
        """Pictures a second, from the first to the last."""
        took = self._times[-1] - self._times[0] if len(self._times) == 2 else 0.0
        return (len(self.delays) - 1) / took if took > 0 else 0.0

    def _write(self, picture: np.ndarray) -> None:
        if self._film is not None:
            self._film.write(picture)
        self._last, self._count = picture, self._count + 1
