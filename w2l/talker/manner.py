"""What the sound does not tell: how widely, how lopsidedly and when exactly this speaker moves the mouth in this clip.

In people the mouth is no function of the sound. Without a manner it is one here, and then a network learns from pixels
alone what an expert on lips is there to teach.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from w2l.audio import SAMPLE_RATE, TRAINING_FPS
from w2l.talker.mouth import Mouth
from w2l.talker.pace import at_rate, drawn_frames, drift
from w2l.talker.visemes import shown_times
from w2l.talker.voices.phones import Spoken

_TIMING = 0.02  # s: deviation of the gestures' times
_LEAST = 0.4  # share of its length that a phone keeps
_PAUSE = 0.12  # s: a shorter silence is no pause
_INTO_SPEECH = 0.2  # s: how far a smile or pressed lips reach into what is said next
_RESTS = ("closed", "pressed", "smiling", "parted")
_REST_SHARE = (0.45, 0.2, 0.2, 0.15)
_OPENING, _WIDTH, _ROUNDING, _CLOSURE = (
    Mouth._fields.index(name) for name in ("opening", "width", "rounding", "closure")
)


@dataclass(frozen=True, eq=False)
class Manner:
    """One clip's manner, float32 (n,) for its n frames.

    opening and rounding: factors about 1. width: added to `Mouth.width`. lop: -1 .. 1, the mouth moves more on the
    picture's left .. right. lips: -1 .. 1, the jaw makes more of an opening .. the lips do. smile: 0 .. 0.4 and press:
    0 .. 1, in pauses and a little into speech. parted: 0 .. 1, lips that rest a little open, in pauses alone.
    """

    opening: np.ndarray
    rounding: np.ndarray
    width: np.ndarray
    lop: np.ndarray
    lips: np.ndarray
    smile: np.ndarray
    press: np.ndarray
    parted: np.ndarray

    def applied(self, mouths: np.ndarray) -> np.ndarray:
        """The mouths (n, 7), as in `Mouth`, in this manner. Pressed lips stay pressed on /m b p/."""
        own = mouths.copy()
        own[:, _OPENING] = np.minimum(own[:, _OPENING] * self.opening, 1.25)
        own[:, _ROUNDING] = np.clip(own[:, _ROUNDING] * self.rounding, 0, 1)
        own[:, _WIDTH] = np.clip(own[:, _WIDTH] + self.width, -1, 1)
        own[:, _CLOSURE] *= 1 - self.parted
        own[:, _OPENING] += 0.16 * self.parted
        return own.astype(np.float32)


def make_manner(rng: np.random.Generator, spoken: list[Spoken], n_frames: int, fps: float = TRAINING_FPS) -> Manner:
    """Draws the manner of a clip of `n_frames`, `fps` a second: a habit that drifts over seconds, and how the mouth
    rests in each pause."""
    count, n_frames = n_frames, drawn_frames(n_frames, fps)

    drifts = partial(drift, rng, n_frames)
    rests = {name: np.zeros(n_frames) for name in _RESTS}
    times = shown_times(n_frames)
    for start, end in _pauses(spoken):
        rest = str(rng.choice(_RESTS, p=_REST_SHARE))
        reach = 0.0 if rest == "parted" else _INTO_SPEECH
        rise, fall = (times - start) / 0.08, (end + reach - times) / (0.08 + reach)
        rests[rest] = np.maximum(rests[rest], np.clip(np.minimum(rise, fall), 0, 1) * rng.uniform(0.4, 1.0))
    tracks = (
        np.exp(rng.normal(0, 0.12) + drifts(0.8, 0.10)),
        np.exp(rng.normal(0, 0.10) + drifts(0.8, 0.08)),
        rng.normal(0, 0.08) + drifts(0.8, 0.06),
        np.clip(rng.normal(0, 0.3) + drifts(0.8, 0.2), -1, 1),
        np.clip(rng.uniform(-0.7, 0.7) + drifts(0.8, 0.2), -1, 1),
        0.4 * rests["smiling"],
        rests["pressed"],
        rests["parted"],
    )
    return Manner(*(at_rate(track.astype(np.float32), count, fps) for track in tracks))


def jittered(rng: np.random.Generator, spoken: list[Spoken]) -> list[Spoken]:
    """The phones with their borders moved by some 20 ms, as gestures come earlier or later than their sound.

    The order stays, each phone keeps at least 0.4 of its length, and the first starts where it did.
    """
    shifts = rng.normal(0, _TIMING * SAMPLE_RATE, len(spoken))
    moved, start = [], spoken[0].start if spoken else 0
    for phone, shift in zip(spoken, shifts, strict=True):
        least = _LEAST * (phone.end - phone.start)
        end = round(max(phone.end + np.clip(shift, -least, least), start + least))
        moved.append(phone._replace(start=start, end=end))
        start = end
    return moved


def _pauses(spoken: list[Spoken]) -> list[tuple[float, float]]:
    """Start and end in seconds of each silence long enough to rest in."""
    pauses = [(p.start / SAMPLE_RATE, p.end / SAMPLE_RATE) for p in spoken if p.phone == "SIL"]
    return [(start, end) for start, end in pauses if end - start >= _PAUSE]
