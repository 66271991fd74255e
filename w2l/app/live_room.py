"""The live stream of a page: one at a time, for one visitor, in turn with the dubs; pieces of sound in, JPEGs out."""

from __future__ import annotations

import json
import math
import secrets
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from w2l import video
from w2l.app.settings import AppSettings
from w2l.app.turns import Turns
from w2l.app.visitors import Visitor, note
from w2l.base import files
from w2l.errors import W2LError
from w2l.live.face import LiveFace
from w2l.live.session import LiveSession
from w2l.live.speaker import LiveFrame

MOST_MINUTES, SHARED_MINUTES = 10, 2  # that a stream lasts at most: alone, and while others wait
_MOST_SIDE = 640  # pixels of a picture; larger ones are made smaller by a whole number
_SILENT = 8.0  # seconds without a request after which a stream has been left
_WAIT = 0.08  # seconds that an answer waits for a picture
_QUALITY = 85  # of JPEG


class NoStream(Exception):
    """A stream does not begin, or is over; `why` names the reason in the page's words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class _Stream:
    visitor: Visitor
    session: LiveSession
    held: ExitStack  # the turn
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    began: float = field(default_factory=time.monotonic)
    asked: float = field(default_factory=time.monotonic)  # when the last request came


class LiveRoom:
    """Where the stream is. turns: the queue of the device, which the stream takes part in.

    Raises `NoStream` for a stream that cannot begin now or is over, and W2LError for a face that cannot be used.
    """

    def __init__(self, turns: Turns, settings: AppSettings) -> None:
        self._turns, self._settings = turns, settings
        self._lock = threading.Lock()
        self._stream: _Stream | None = None
        self._over = ("", "")  # the last stream's key, and why it ended
        self._preparing: Visitor | None = None

    def begin(self, visitor: Visitor, path: Path, nobody: bool, weights: str) -> dict[str, Any]:
        """Takes the device, prepares the face and begins; returns what the page needs to know of the stream."""
        self._end(visitor, "live_again")
        held = ExitStack()
        with held:
            with self._lock:
                if self._preparing or self._stream:
                    raise NoStream("live_taken")
                held.enter_context(self._turns.turn(_refuse))
                self._preparing = visitor
            try:
                face = self._prepare(path, weights)
                stream = _Stream(visitor, LiveSession(face), held.pop_all())
            finally:
                self._preparing = None
            with self._lock:
                self._stream = stream
        threading.Thread(target=self._watch, args=(stream,), daemon=True).start()
        note(what="live", visitor=visitor.name, agreed=visitor.agreed, nobody=nobody, face=files.hash_of(path)[:16])
        width, height = face.size
        return {"stream": stream.key, "fps": face.fps, "width": width, "height": height, "notes": face.notes}

    def hear(self, visitor: Visitor, key: str, rate: int, sound: bytes) -> bytes:
        """Hears int16 samples and answers with what is ready; see `packed`."""
        stream = self._of(visitor, key)
        try:
            stream.session.feed(np.frombuffer(sound[: len(sound) // 2 * 2], "<i2").astype(np.int16), rate)
            first = stream.session.take(_WAIT)
            frames = [] if first is None else [first, *stream.session.waiting()]
        except BaseException:
            self._end(visitor, "live_broken")
            raise
        return packed(frames, asdict(stream.session.figures()))

    def end(self, visitor: Visitor, why: str = "live_ended") -> None:
        """Ends the visitor's stream, if there is one."""
        self._end(visitor, why)

    def close(self) -> None:
        """Ends the stream, whosever it is."""
        if stream := self._stream:
            self._end(stream.visitor, "live_ended")

    def _prepare(self, path: Path, weights: str) -> LiveFace:
        megabytes = path.stat().st_size / 1e6
        if megabytes > self._settings.max_megabytes:
            raise W2LError(f"{path.name} has {megabytes:.0f} MB, and at most {self._settings.max_megabytes} are taken.")
        clip = video.probe(path)
        smaller = max(1, math.ceil(max(clip.width, clip.height) / _MOST_SIDE))
        cache = not self._settings.is_open
        return LiveFace(path, weights=weights, resize_factor=smaller, device=self._settings.device, cache=cache)

    def _of(self, visitor: Visitor, key: str) -> _Stream:
        with self._lock:
            stream = self._stream
            if stream is None or stream.key != key or stream.visitor is not visitor:
                raise NoStream(self._over[1] if key == self._over[0] and key else "live_ended")
            stream.asked = time.monotonic()
            return stream

    def _watch(self, stream: _Stream) -> None:
        """Ends a stream that was left, or that has lasted long enough."""
        while self._stream is stream:
            time.sleep(0.5)
            now, others = time.monotonic(), len(self._turns) > 1
            minutes = SHARED_MINUTES if others else MOST_MINUTES
            if now - stream.asked > _SILENT:
                self._end(stream.visitor, "live_left", stream)
            elif now - stream.began > 60 * minutes:
                self._end(stream.visitor, "live_long", stream)

    def _end(self, visitor: Visitor, why: str, only: _Stream | None = None) -> None:
        with self._lock:
            stream = self._stream
            if stream is None or stream.visitor is not visitor or (only is not None and stream is not only):
                return
            self._stream, self._over = None, (stream.key, why)
        stream.session.stop()
        stream.held.close()


def packed(frames: list[LiveFrame], figures: dict[str, Any]) -> bytes:
    """An answer: the length of a JSON text in 4 bytes (little-endian), the text, and the JPEGs that it lists."""
    pictures = [cv2.imencode(".jpg", frame.picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1] for frame in frames]
    listed = [
        {"time": round(frame.time, 4), "rest": frame.at_rest, "bytes": len(picture)}
        for frame, picture in zip(frames, pictures, strict=True)
    ]
    text = json.dumps({"frames": listed, "figures": figures}).encode()
    return struct.pack("<I", len(text)) + text + b"".join(picture.tobytes() for picture in pictures)


def _refuse(before: int) -> None:
    """Live streams do not wait in the queue: nobody would be speaking any more."""
    raise NoStream("live_busy")
