"""From phones to mouth movement: the viseme track with co-articulation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter1d

from w2l.audio import SAMPLE_RATE, TRAINING_FPS
from w2l.talker.mouth import Mouth
from w2l.talker.voices.formant import CONTROL_RATE
from w2l.talker.voices.phones import PHONES, Phone, Spoken

# s: lips move a little before the sound. People's do by 6 ± 4 ms, as `w2l.evaluate.metrics.lead` finds in 54 clips of
# nine speakers; with 10 ms the formant voices' do by 13 and espeak-ng's by 4.
_LEAD = 0.01
_SPREAD = 0.037  # s: standard deviation of the blur by which neighbouring shapes flow into each other
_CLOSING = 0.020  # s: lips meet and part faster than the jaw moves
_OPENING, _CLOSURE, _TUCK = (Mouth._fields.index(name) for name in ("opening", "closure", "tuck"))


def shown_times(n_frames: int, fps: float = TRAINING_FPS) -> np.ndarray:
    """The moment of the speech that each frame shows, in seconds: float64 (n_frames,).

    Frame k comes up at k / fps, where players and mel windows have it, and shows the mouth of 10 ms later.
    """
    return np.arange(n_frames) / fps + _LEAD


def mouth_track(
    spoken: list[Spoken],
    n_frames: int,
    articulation: float = 1.0,
    fps: float = TRAINING_FPS,
    phones: Mapping[str, Phone] = PHONES,
) -> np.ndarray:
    """The mouth at each video frame: float32 (n_frames, 7), columns as in `Mouth`.

    Frames show the moments of `shown_times`. Shapes blend over about 75 ms (co-articulation). `articulation` scales the
    opening; `phones` says what each phone looks like. Opening is about 0..1.15; pressed lips bring it to 0.
    """
    n = int((n_frames / fps + 0.5) * CONTROL_RATE)
    shapes = np.zeros((len(Mouth._fields), n))
    shapes[_CLOSURE] = phones["SIL"].mouth.closure  # at rest after the last phone
    for name, start, end, stress in spoken:
        phone = phones[name]
        first, last = (round(edge * CONTROL_RATE / SAMPLE_RATE) for edge in (start, end))
        shape = np.array(phone.mouth)
        if phone.kind == "vowel":
            shape[_OPENING] *= stress
        shapes[:, first : min(n, last)] = shape[:, None]
    smooth = gaussian_filter1d(shapes, _SPREAD * CONTROL_RATE, axis=1, mode="nearest")
    for row in (_CLOSURE, _TUCK):
        smooth[row] = gaussian_filter1d(shapes[row], _CLOSING * CONTROL_RATE, mode="nearest")
    pressed, tucked = np.clip(smooth[_CLOSURE] * 1.25, 0, 1), smooth[_TUCK]
    smooth[_OPENING] = np.clip(smooth[_OPENING] * articulation * (1 - pressed) * (1 - 0.55 * tucked), 0, 1.15)
    times = shown_times(n_frames, fps) * CONTROL_RATE - 0.5
    return np.stack([np.interp(times, np.arange(n), row) for row in smooth], axis=1).astype(np.float32)
