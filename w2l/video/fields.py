"""Interlaced video: two fields, filmed one after the other, share a frame; here every frame shows one moment again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av


def deinterlaced(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same number of frames with the same times; those flagged as interlaced show their first field's moment.

    Others stay as they are. The frame before and the one after are looked at, so the very first one may come out a
    little different than it would in the middle of a clip.
    """
    last: av.VideoFrame | None = None
    weaver: _Weaver | None = None
    for frame in frames:
        if weaver is not None and not weaver.takes(frame):
            yield from weaver.rest()
            weaver = last = None
        if weaver is None and frame.interlaced_frame:
            weaver = _Weaver(frame)
            if last is not None and weaver.takes(last):
                weaver.begin_after(last)
        if weaver is None:
            yield frame
            last = frame
        else:
            yield from weaver.put(frame)
    if weaver is not None:
        yield from weaver.rest()


class _Weaver:
    """FFmpeg's bwdif for frames of one size and format. It gives a frame back when it has seen the next one."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._kind = _kind(frame)
        self._graph = av.filter.Graph()
        # Written out: the filter takes it as text, and PyAV 19 has a type of its own.
        tick = frame.time_base or Fraction(1, 25)
        tick = Fraction(tick.numerator, tick.denominator)
        source = self._graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=tick)
        bwdif, sink = self._graph.add("bwdif", "mode=send_frame:deint=interlaced"), self._graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        self._graph.configure()
        self._times: deque[tuple[int | None, int | None] | None] = deque()  # None: not to be given back

    def takes(self, frame: av.VideoFrame) -> bool:
        return _kind(frame) == self._kind

    def begin_after(self, frame: av.VideoFrame) -> None:
        """Shows the filter what comes before the first frame."""
        self._times.append(None)
        self._graph.vpush(frame)

    def put(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        self._times.append((frame.pts, frame.duration))
        self._graph.vpush(frame)
        return self._ready()

    def rest(self) -> Iterator[av.VideoFrame]:
        self._graph.vpush(None)
        return self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while self._times:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            times = self._times.popleft()
            if times is not None:
                frame.pts, frame.duration = times[0], times[1] or 0  # the filter counts half ticks
                yield frame


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
