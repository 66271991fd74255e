"""Ten minutes of sound: neither memory nor what waits nor the delay grows."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.dubs import BOX

from w2l import audio
from w2l.base import paths
from w2l.live import LiveFace, LiveSession
from w2l.live import session as module

_PIECES_A_MINUTE, _RATE = 300, 24000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="memory is read from /proc, which Linux has"),
]


def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def held(session):
    """How much waits, or is kept for later, in numbers of things."""
    hearing = session._speaker.hearing
    kept = [session._sound, session._arrivals, session._pictures, session._recent]
    return [*map(len, kept), hearing._columns.shape[1], len(hearing._mel._held), len(hearing._resampled._held)]


def test_ten_minutes_take_no_more_memory_than_one(moving, generator, monkeypatch):
    face = LiveFace(moving, box=BOX, weights=generator, fps=5)
    monkeypatch.setattr(face, "_generate", lambda crops, windows, references: crops)  # all else is as it is
    wav = np.tile(audio.load(paths.data() / "samples" / "speech.wav"), 8)
    pieces = np.split(np.repeat(wav, 2)[: 200 * 4800], 200)
    memory, waiting, delays = [], [], []
    clock = SimpleNamespace(now=0.0)  # on which drawing takes no time: what is left of a delay is what has to be waited
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    with LiveSession(face) as session:
        for minute in range(10):
            for number in range(_PIECES_A_MINUTE):
                clock.now += 0.2
                session.feed(pieces[number % len(pieces)], _RATE)
                while session._speaker.ready or session._sound:
                    delays += [(minute, frame.delay) for frame in [session.take(1)] if frame and not frame.at_rest]
            memory.append(megabytes())
            waiting.append(held(session))
        figures = session.figures()
    assert figures.seconds == pytest.approx(600)
    assert figures.drawn + figures.late == session._speaker.next == 3000
    assert memory[-1] - memory[1] < 10, memory
    assert np.max(waiting, axis=0).tolist() <= [1, 60, 5, 60, 40, 1600, 3200], waiting
    first, last = (max(delay for minute, delay in delays if minute == which) for which in (0, 9))
    assert last == pytest.approx(first) and last < 0.4
