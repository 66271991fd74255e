"""A live stream with a thread of its own: sound goes in at any moment, pictures come out as they are ready.

Nothing that waits grows: where pictures cannot be drawn or are not taken in time, some are left out and counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType

import numpy as np

from w2l import audio
from w2l.errors import W2LError
from w2l.live.face import LiveFace
from w2l.live.hearing import checked
from w2l.live.speaker import LiveFrame, LiveSpeaker

_PATIENCE = 0.2  # seconds by which drawing may lag, and a picture may wait to be taken, before some are left out
_STALLED = 0.4  # seconds without any sound after which the face is shown at rest
_MOST_SOUND = 10.0  # seconds of sound that may wait to be heard; it is heard in much less time than it lasts
_LEARNS = 0.2  # how much a piece changes what is taken for their usual length
_MEASURED = 2.0  # seconds over which the figures are taken


@dataclass(frozen=True)
class LiveFigures:
    """How a stream goes. fps and delays (seconds, see `LiveFrame`) are those of the last 2 s."""

    seconds: float  # of sound that has come in
    drawn: int  # pictures drawn in answer to it
    late: int  # frames that were left out before they were drawn, since drawing was too slow
    unread: int  # pictures that were left out, since nobody took them in time
    fps: float  # pictures drawn a second
    delay: float  # the median
    longest_delay: float
    level: float  # of the sound so far, dB of full scale
    gain: float  # by which the networks hear it louder


class LiveSession:
    """One stream of a face, from its start until `stop`. All methods may be called from any thread.

    face: one that no other running session uses. gain: as in `LiveSpeaker`.

        with LiveSession(face) as session:
            for piece in microphone:
                session.feed(piece, 48000)
                for frame in session.waiting():
                    show(frame.picture)

    While no sound comes in, the face is shown with its lips at rest. An error while drawing is raised by the next call
    of `feed`, `take` or `waiting`.
    """

    def __init__(self, face: LiveFace, gain: float | None = None) -> None:
        self.face = face
        self._speaker = LiveSpeaker(face, gain)
        self._changed = threading.Condition()  # guards all that follows
        self._sound: deque[tuple[np.ndarray, int]] = deque()
        self._waiting_sound = 0.0  # seconds of it
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=4096)  # where each piece ends in the sound, and when
        self._arrived = 0.0  # seconds of sound
        self._usual = 0.0  # seconds of a piece, on average of late: as many frames become complete at once
        self._pictures: deque[tuple[float, LiveFrame]] = deque()  # when each was ready
        self._recent: deque[tuple[float, float]] = deque()  # when a picture was ready, and its delay
        self._drawn = self._late = self._unread = 0
        self._ended = self._stopped = self._over = False
        self._has_threads = threading.Event()
        self._error: BaseException | None = None
        self._began = self._shown = time.monotonic()
        self._resting: LiveFrame | None = None
        self._thread = threading.Thread(target=self._run, name="w2l live", daemon=True)
        self._start()

    def feed(self, wav: np.ndarray, rate: int = audio.SAMPLE_RATE) -> None:
        """Hears a piece of sound that has just been recorded; see `LiveSpeaker.hear`. Does not wait.

        Raises W2LError for what is no sound, when the stream has ended, and when sound comes in much faster than it is
        spoken.
        """
        wav = checked(wav, rate)
        seconds = len(wav) / rate
        with self._changed:
            self._check()
            if self._ended or self._stopped:
                raise W2LError("this live stream has ended; start another one.")
            if self._sound and self._waiting_sound + seconds > _MOST_SOUND:
                raise W2LError(
                    f"{self._waiting_sound:.0f} s of sound wait to be heard; give sound no faster than it is spoken, "
                    "or use LiveSpeaker, which has no clock."
                )
            self._sound.append((wav, rate))
            self._waiting_sound += seconds
            self._arrived += seconds
            self._usual += (_LEARNS if self._arrivals else 1.0) * (seconds - self._usual)
            self._arrivals.append((self._arrived, time.monotonic()))
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> LiveFrame | None:
        """The next picture; None when the stream is over, or none came in `timeout` seconds (None: waits for it)."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or self._over, timeout)
            self._check()
            return self._pop()

    def waiting(self) -> list[LiveFrame]:
        """The pictures that are ready, without waiting for any."""
        with self._changed:
            self._check()
            return list(iter(self._pop, None))

    def __iter__(self) -> Iterator[LiveFrame]:
        """The pictures as they become ready, until the stream is over."""
        return iter(self.take, None)

    def finish(self) -> None:
        """Says that the sound has ended; the pictures that are left follow, then the stream is over."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends the stream at once. May be called again, and by several threads."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def figures(self) -> LiveFigures:
        """How it goes."""
        with self._changed:
            now = time.monotonic()
            self._forget(now)
            delays = [delay for _, delay in self._recent]
            hearing = self._speaker.hearing
            return LiveFigures(
                seconds=self._arrived,
                drawn=self._drawn,
                late=self._late,
                unread=self._unread,
                fps=len(delays) / min(_MEASURED, max(now - self._began, 1e-3)),
                delay=float(np.median(delays)) if delays else 0.0,
                longest_delay=max(delays, default=0.0),
                level=hearing.loudness.level,
                gain=hearing.gain,
            )

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What callers do, with the lock held.

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _pop(self) -> LiveFrame | None:
        """The next picture that is not stale; the newest never is."""
        oldest = time.monotonic() - max(_PATIENCE, self._usual)
        while len(self._pictures) > 1 and self._pictures[0][0] < oldest:
            self._leave_out()
        return self._pictures.popleft()[1] if self._pictures else None

    def _leave_out(self) -> None:
        self._unread += not self._pictures.popleft()[1].at_rest

    # What the thread does.

    def _start(self) -> None:
        """Starts it with the face's number of processor threads, which torch would then give to other threads too."""
        import torch

        before = torch.get_num_threads()
        self._thread.start()
        self._has_threads.wait()
        torch.set_num_threads(before)

    def _run(self) -> None:
        import torch

        common = torch.get_num_threads()  # asked first: the first question makes it the number of this thread
        torch.set_num_threads(self.face.threads or common)
        self._has_threads.set()
        try:
            while self._step():
                pass
        except BaseException as error:  # any error: it is raised in the caller's thread
            self._error = error
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _step(self) -> bool:
        """Hears what has come in and draws a few frames, or one at rest; False when the stream is over."""
        speaker = self._speaker
        with self._changed:
            self._changed.wait_for(self._has_work, self._until_rest())
            pieces, self._waiting_sound = list(self._sound), 0.0
            self._sound.clear()
            ended, stopped, usual = self._ended, self._stopped, self._usual
        if stopped:
            return False
        for wav, rate in pieces:
            speaker.hear(wav, rate)
        if ended:
            speaker.finish()
        elif (late := speaker.ready - round((usual + _PATIENCE) * self.face.fps)) > 0:
            speaker.skip(late)
            self._late += late
        if count := min(speaker.ready, self.face.batch):
            self._show(speaker.draw(count))
            self._resting = None
        elif not ended and self._until_rest() <= 0:
            self._resting = self._resting or speaker.rest()
            self._show([self._resting])
        return not (ended and speaker.ready == 0)

    def _has_work(self) -> bool:
        return bool(self._sound or self._stopped or self._ended or self._speaker.ready)

    def _until_rest(self) -> float:
        """Seconds until the face is shown at rest if nothing comes in: at once before the first sound, else later."""
        stalled = self._arrivals[-1][1] + max(_STALLED, 2 * self._usual) if self._arrivals else 0.0
        return max(0.0, max(stalled, self._shown + 1 / self.face.fps) - time.monotonic())

    def _show(self, frames: list[LiveFrame]) -> None:
        """Hands pictures over; where more than a second of them wait, the oldest go."""
        with self._changed:
            now = self._shown = time.monotonic()
            for frame in frames:
                if frame.at_rest:
                    self._pictures.append((now, frame))
                    continue
                delay = self._delay(frame.time, now)
                self._pictures.append((now, replace(frame, delay=delay)))
                self._recent.append((now, delay))
                self._drawn += 1
            while len(self._pictures) > max(2, self.face.fps):
                self._leave_out()
            self._forget(now)
            self._changed.notify_all()

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - _MEASURED:
            self._recent.popleft()

    def _delay(self, moment: float, now: float) -> float:
        """Seconds since a moment of the sound was recorded, as long before its piece came as it lies before its end."""
        while len(self._arrivals) > 1 and self._arrivals[0][0] < moment:
            self._arrivals.popleft()
        end, came = self._arrivals[0]
        return now - came + end - moment
