"""The one live stream of a page: whose it is, how it begins and ends, and that it holds the device meanwhile."""

from __future__ import annotations

import json
import struct
import threading
import time

import cv2
import numpy as np
import pytest

from w2l import video
from w2l.app import live_room
from w2l.app.live_room import LiveRoom, NoStream
from w2l.app.settings import AppSettings
from w2l.app.turns import Turns
from w2l.app.visitors import Visitors, log_file
from w2l.base import paths
from w2l.errors import W2LError
from w2l.live import session as session_module

NOBODY = paths.data() / "samples" / "nobody1.webp"
PIECE = np.zeros(3200, "<i2").tobytes()


@pytest.fixture
def visitors(tmp_path):
    return Visitors(tmp_path / "page", 3600)


@pytest.fixture
def ann(visitors):
    return visitors.of(None)


@pytest.fixture
def ben(visitors):
    return visitors.of(None)


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def room(turns, monkeypatch):
    monkeypatch.setattr(session_module, "_PATIENCE", 60.0)  # on a busy machine nothing is left out
    room = LiveRoom(turns, AppSettings(device="cpu", max_megabytes=1))
    yield room
    room.close()
    assert len(turns) == 0


def unpack(answer):
    """What an answer says, and its pictures."""
    (length,) = struct.unpack("<I", answer[:4])
    told, rest = json.loads(answer[4 : 4 + length]), answer[4 + length :]
    pictures = []
    for frame in told["frames"]:
        data, rest = rest[: frame["bytes"]], rest[frame["bytes"] :]
        pictures.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
    assert rest == b""
    return told, pictures


def refused(room, *given):
    with pytest.raises(NoStream) as reason:
        room.begin(*given)
    return reason.value.why


def over(room, visitor, key):
    """Waits until the stream has ended; returns why."""
    deadline = time.monotonic() + 60
    while True:
        try:
            room._of(visitor, key)
        except NoStream as reason:
            return reason.why
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sound_goes_in_and_pictures_come_out(room, ann, generator, turns):
    begun = room.begin(ann, NOBODY, True, str(generator))
    assert (begun["fps"], begun["width"], begun["height"], begun["notes"]) == (25.0, 512, 512, [])
    assert len(turns) == 1
    times, pictures = [], []
    deadline = time.monotonic() + 60
    while len(times) < 10 and time.monotonic() < deadline:
        told, more = unpack(room.hear(ann, begun["stream"], 16000, PIECE))
        times += [frame["time"] for frame in told["frames"] if not frame["rest"]]
        pictures += more
    assert times[:10] == pytest.approx(np.arange(10) / 25)
    assert pictures[-1].shape == (512, 512, 3)
    plain = next(iter(video.read_frames(NOBODY)))
    assert np.abs(pictures[-1][:200].astype(int) - plain[:200]).mean() < 3  # JPEG of the face above its mouth
    assert told["figures"]["seconds"] >= 0.6
    room.end(ann)
    assert len(turns) == 0
    with pytest.raises(NoStream, match="live_ended"):
        room.hear(ann, begun["stream"], 16000, PIECE)
    assert json.loads(log_file().read_text().splitlines()[-1])["what"] == "live"


def test_one_visitor_at_a_time_and_nobody_hears_anothers_stream(room, ann, ben, generator):
    begun = room.begin(ann, NOBODY, True, str(generator))
    assert refused(room, ben, NOBODY, True, str(generator)) == "live_taken"
    with pytest.raises(NoStream):
        room.hear(ben, begun["stream"], 16000, PIECE)
    room.end(ben)
    room.hear(ann, begun["stream"], 16000, PIECE)
    room.end(ann)
    room.begin(ben, NOBODY, True, str(generator))


def test_of_several_visitors_who_begin_at_once_one_is_served(room, visitors, generator):
    said = []

    def begin(visitor):
        try:
            said.append(room.begin(visitor, NOBODY, True, str(generator))["fps"])
        except NoStream as reason:
            said.append(reason.why)

    threads = [threading.Thread(target=begin, args=(visitors.of(None),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, said)) == ["25.0", "live_taken", "live_taken", "live_taken"]


def test_a_stream_does_not_begin_while_a_video_is_made_and_a_video_waits_for_a_stream(room, ann, generator, turns):
    with turns.turn(lambda before: None):
        assert refused(room, ann, NOBODY, True, str(generator)) == "live_busy"
    room.begin(ann, NOBODY, True, str(generator))
    waited = []

    def ends_it(before):
        waited.append(before)
        room.end(ann)

    with turns.turn(ends_it):
        assert waited[0] == 1


def test_whoever_begins_again_gets_a_new_stream(room, ann, generator, turns):
    first = room.begin(ann, NOBODY, True, str(generator))["stream"]
    second = room.begin(ann, NOBODY, True, str(generator))["stream"]
    assert over(room, ann, first) == "live_again"
    room.hear(ann, second, 16000, PIECE)
    assert len(turns) == 1


def test_a_stream_that_was_left_ends_by_itself(room, ann, generator, monkeypatch):
    monkeypatch.setattr(live_room, "_SILENT", 0.0)
    assert over(room, ann, room.begin(ann, NOBODY, True, str(generator))["stream"]) == "live_left"


def test_a_stream_ends_sooner_while_others_wait(room, ann, generator, turns, monkeypatch):
    monkeypatch.setattr(live_room, "SHARED_MINUTES", 0)
    key = room.begin(ann, NOBODY, True, str(generator))["stream"]
    time.sleep(0.7)
    room.hear(ann, key, 16000, PIECE)
    with turns.turn(lambda before: None):
        assert over(room, ann, key) == "live_long"


def test_a_face_that_cannot_be_used_leaves_the_device_free(room, ann, generator, tmp_path):
    (tmp_path / "no.png").write_bytes(b"nothing")
    video.write_image(tmp_path / "empty.png", np.full((200, 200, 3), 90, np.uint8))
    np.zeros(1 << 18).tofile(tmp_path / "large.png")
    for name, said in (("no.png", "no.png"), ("empty.png", "no face was found"), ("large.png", "has 2 MB")):
        with pytest.raises(W2LError, match=said):
            room.begin(ann, tmp_path / name, False, str(generator))
    room.begin(ann, NOBODY, True, str(generator))


def test_an_error_ends_the_stream(room, ann, generator, turns, monkeypatch):
    key = room.begin(ann, NOBODY, True, str(generator))["stream"]
    with pytest.raises(W2LError, match="cannot be heard"):
        room.hear(ann, key, 1, PIECE)
    assert over(room, ann, key) == "live_broken" and len(turns) == 0


def test_a_large_picture_is_made_smaller(room, ann, generator, tmp_path):
    picture = next(iter(video.read_frames(NOBODY)))
    video.write_image(tmp_path / "large.png", cv2.resize(picture, (1400, 1400)))
    room._settings = AppSettings(device="cpu", max_megabytes=20)
    begun = room.begin(ann, tmp_path / "large.png", True, str(generator))
    assert (begun["width"], begun["height"]) == (466, 466)
