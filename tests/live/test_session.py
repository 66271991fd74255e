"""Streams with a thread: nothing that waits grows, errors and ends reach the caller, whoever it is."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.dubs import BOX

from w2l.errors import W2LError
from w2l.live import LiveFace, LiveSession, LiveSpeaker
from w2l.live import session as module

PIECE = np.zeros(3200, np.float32)  # 200 ms, 5 frames


def settle(session):
    """Waits until all sound so far has been drawn, or left out."""
    deadline = time.monotonic() + 60
    while True:
        with session._changed:
            figures = session.figures()
            heard = session._speaker.hearing.seconds == pytest.approx(figures.seconds)
            if heard and figures.drawn + figures.late == session._speaker.hearing.complete:
                return figures
        assert time.monotonic() < deadline
        time.sleep(0.002)


def feed(session, *pieces):
    for piece in pieces:
        session.feed(piece)
        settle(session)


@pytest.fixture
def patient(monkeypatch):
    """On a machine that is busy with other tests nothing is stale."""
    monkeypatch.setattr(module, "_PATIENCE", 60.0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it; what waits for an event still waits in real time."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def own_face(picture, generator):
    """A face that a test may hold up or break."""
    return LiveFace(picture, box=BOX, weights=generator)


def hold_up(face, monkeypatch):
    """Drawing waits for the event that is returned."""
    go, quick = threading.Event(), face.draw
    monkeypatch.setattr(face, "draw", lambda *what: go.wait(60) and quick(*what))
    return go


def feed_much(session):
    for _ in range(200):
        session.feed(PIECE)


def spoken(frames):
    return [frame for frame in frames if not frame.at_rest]


def test_pictures_come_in_order_and_are_those_of_a_speaker(face, patient):
    wav = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
    with LiveSession(face) as session:
        feed(session, *np.split(wav, 5))
        session.finish()
        frames = spoken(session)
        figures = session.figures()
    speaker = LiveSpeaker(face)
    speaker.hear(wav)
    speaker.finish()
    expected = list(speaker.frames())
    assert [frame.index for frame in frames] == list(range(25))
    assert all(np.abs(a.picture.astype(int) - b.picture).max() <= 1 for a, b in zip(frames, expected, strict=True))
    assert (figures.drawn, figures.late, figures.unread) == (25, 0, 0)
    assert figures.seconds == pytest.approx(1.0)


def test_a_delay_is_counted_from_when_the_sound_was_made(face, clock):
    with LiveSession(face) as session:
        frames = []
        for piece in range(1, 6):
            clock.now = 1000 + 0.2 * piece
            feed(session, PIECE)
            frames += spoken(session.waiting())
        figures = session.figures()
    # each frame waits for the piece of 200 ms in which its look-ahead ends; nothing else takes time on this clock
    starts = np.floor(np.arange(len(frames)) * 3.2 - 3.2 + 1e-6)
    complete = (starts + 15) / 80 + 0.025
    expected = np.ceil(complete / 0.2 - 1e-9) * 0.2 - np.arange(len(frames)) / 25
    assert len(frames) == 21
    assert [frame.delay for frame in frames] == pytest.approx(expected.tolist())
    assert max(expected) < 0.37
    assert figures.longest_delay == pytest.approx(max(expected)) and figures.delay == pytest.approx(np.median(expected))
    assert figures.fps == pytest.approx(21 / 1.0)


def test_the_face_rests_while_no_sound_comes_and_frames_keep_coming(face, patient):
    resting = LiveSpeaker(face).rest().picture
    with LiveSession(face) as session:
        before = time.monotonic()
        frames = [session.take(60) for _ in range(8)]
        assert all(frame.at_rest and (frame.picture == resting).all() for frame in frames)
        assert time.monotonic() - before > 0.2  # at the face's own rate, not as fast as they are taken
        feed(session, PIECE, PIECE, PIECE)
        after = [session.take(60) for _ in range(20)]
        assert [frame.index for frame in spoken(after)] == list(range(11))
        assert after[-1].at_rest and after[-1].index == 10
        assert session.figures().unread == 0


def test_where_drawing_is_too_slow_frames_are_left_out_before_they_are_drawn(own_face, monkeypatch):
    go = hold_up(own_face, monkeypatch)
    with LiveSession(own_face) as session:
        for _ in range(15):
            session.feed(PIECE)
        go.set()
        figures = settle(session)
    # of 75 frames of sound that came at once, those of a piece and of the 0.2 s by which drawing may lag are left
    assert figures.late + figures.drawn == 71  # the last ones wait for more sound
    assert 10 <= figures.drawn <= 10 + own_face.batch


def test_where_nobody_takes_pictures_the_oldest_go(face):
    with LiveSession(face) as session:
        feed(session, *[PIECE] * 20)
        assert len(session._pictures) <= 25
        session.finish()
        while not session._over:
            time.sleep(0.01)
        time.sleep(0.25)
        assert session.take().index == 99  # the others are older than a fifth of a second
        assert session.take() is None
        assert session.figures().unread == 99


def test_a_reader_that_is_too_slow_sees_the_newest_pictures(face, clock):
    with LiveSession(face) as session:
        for _ in range(9):
            feed(session, PIECE)
            clock.now += 0.5
            assert session.take().index == session._speaker.next - 1
            assert session.take(0) is None
        assert session.figures().unread == session._speaker.next - 9


def test_an_error_while_drawing_reaches_the_caller(own_face, monkeypatch):
    def fail(*_):
        raise RuntimeError("no picture")

    monkeypatch.setattr(own_face, "draw", fail)
    with LiveSession(own_face) as session:
        with pytest.raises(RuntimeError, match="no picture"):
            session.take(60)
        with pytest.raises(RuntimeError, match="no picture"):
            session.feed(PIECE)
        with pytest.raises(RuntimeError, match="no picture"):
            session.waiting()


def test_a_stream_can_be_stopped_at_any_moment_and_another_started(face):
    for _ in range(2):
        session = LiveSession(face)
        session.feed(PIECE)
        threads = [threading.Thread(target=lambda s=session: list(s))]
        threads += [threading.Thread(target=session.stop) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert not session._thread.is_alive()
        with pytest.raises(W2LError, match="has ended"):
            session.feed(PIECE)
        session.stop()


def test_a_stream_draws_with_the_faces_threads_and_leaves_those_of_others_alone(own_face, monkeypatch):
    import torch

    assert own_face.threads == 1  # a tiny generator is fast enough on one
    before, used, quick = torch.get_num_threads(), [], own_face.draw
    monkeypatch.setattr(own_face, "draw", lambda *what: used.append(torch.get_num_threads()) or quick(*what))
    try:
        torch.set_num_threads(3)
        with LiveSession(own_face) as session:
            feed(session, PIECE)
        other = threading.Thread(target=lambda: used.append(-torch.get_num_threads()))
        other.start()
        other.join()
        assert set(used) == {1, -3} and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_face_that_takes_long_to_draw_gets_all_threads(own_face, monkeypatch):
    import torch

    monkeypatch.setattr("w2l.live.face._SHARE", 0.0)
    assert own_face._threads_needed() == torch.get_num_threads()


def test_a_stream_without_sound_just_ends(face):
    with LiveSession(face) as session:
        session.finish()
        assert spoken(session) == []


def test_sound_that_comes_much_too_fast_is_refused(own_face, monkeypatch):
    with LiveSession(own_face) as session:
        go = hold_up(own_face, monkeypatch)
        with pytest.raises(W2LError, match="no faster than it is spoken"):
            feed_much(session)
        assert session._waiting_sound <= 10
        go.set()


def test_bad_sound_does_not_end_a_stream(face, patient):
    with LiveSession(face) as session:
        with pytest.raises(W2LError, match="NaN"):
            session.feed(np.full(10, np.nan))
        session.feed(PIECE)
        session.finish()
        assert len(spoken(session)) == 5
