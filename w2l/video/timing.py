"""Time in video files: the frame rate, the order of timestamps, breaks in the clock, and the key frames to seek."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import av
from av.packet import Packet

from w2l.video.files import open_container

UNKNOWN_RATE = 25.0
"""The frame rate assumed for a video that does not state one."""
LONGEST_GAP = 60.0
"""Seconds between two pictures that may be a hole in a recording; more is one only in a file that lasts longer."""

_USUAL_RATES: list[float] = [10, 12, 12.5, 15, 16, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120]
_USUAL_RATES += [n * 1000 / 1001 for n in (15, 24, 30, 48, 60, 120)]
_HIGHEST_RATE = 120.0
_MEASURED = 250  # packets whose times give the rate of a file that states none
_WITHOUT_TIMES = 0x80  # AVFMT_NOTIMESTAMPS: raw streams, whose times FFmpeg makes up
_MOST_REORDERED = 17  # frames that H.264 and HEVC may show before one that is stored first, and that one
_CALM = 64  # frames in order after which a stream is believed to be in order
_FOR_STREAMING = {"mpegts", "mpeg", "ogg", "flv"}  # FFmpeg's names; without an index, and joined byte by byte


def usual_rate(average: float, base: float = 0.0) -> float:
    """The constant rate for a clip: that of its frames' grid if it is near their average rate, else the average.

    A rate within 0.5 % of a common one becomes that one; others are rounded to whole frames a second, 1 to 120.
    ``base`` is FFmpeg's r_frame_rate, 0 if unknown: a 30 fps recording with dropped frames averages 22 but has a grid
    of 30.
    """
    if average <= 0:
        return UNKNOWN_RATE
    rate = base if average <= base <= average * 1.5 and base <= 60 else average
    nearest = min(_USUAL_RATES, key=lambda usual: abs(usual - rate))
    if abs(nearest - rate) <= rate / 200:
        return float(nearest)
    return float(min(max(round(rate), 1), 120))


def stated_rates(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> tuple[float, float]:
    """Average frame rate and FFmpeg's r_frame_rate of a stream, 0 where unknown; an absurd one is measured instead."""
    # As floats: these are Fractions up to PyAV 18, and from 19 on a type with fewer methods.
    average, base = float(stream.average_rate or 0), float(stream.base_rate or 0)
    if is_raw(container):  # FFmpeg's average is what it assumed; the codec may state another
        stated = float(stream.codec_context.framerate or 0)
        return (stated if 0 < stated <= _HIGHEST_RATE else UNKNOWN_RATE), 0.0
    is_holey = 0 < average * 1.5 < base <= _HIGHEST_RATE / 2  # or rather, may be
    if average and not is_absurd(stream) and not is_holey:
        return average, base
    measured = _measured_rate(path, container, stream)
    if is_holey:  # a pause in a recording makes its average lower, but hardly the usual time between frames
        return (base if abs(measured - base) < base / 100 else average), base
    return measured or (base if base <= _HIGHEST_RATE else 0.0), base


def is_absurd(stream: av.VideoStream) -> bool:
    """Whether a file states a rate that is more likely that of its clock; so then are the lengths of its frames."""
    return float(stream.average_rate or 0) > _HIGHEST_RATE


def _measured_rate(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """The rate by the times of the first packets, or the length of a single one; 0 when they have none."""
    stamps, lengths = set[int](), set[int]()
    with open_container(path, container.format.name.split(",")[0]) as other:
        try:
            for packet in islice(other.demux(_same(other, stream)), _MEASURED):
                if packet.pts is not None:
                    stamps.add(packet.pts)
                    lengths.add(packet.duration or 0)
        except av.error.FFmpegError:
            pass  # what came before it is enough
    ordered = sorted(stamps)
    gaps = [later - earlier for earlier, later in pairwise(ordered)] or sorted(lengths)
    ticks = median(gaps) if gaps else 0
    return 1 / (ticks * float(stream.time_base)) if ticks and stream.time_base else 0.0


def is_raw(container: av.container.InputContainer) -> bool:
    """Whether a file is the bare stream of a codec, without times."""
    return bool(container.format.flags & _WITHOUT_TIMES)


def is_rate_assumed(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> bool:
    """Whether the rate of a raw stream is FFmpeg's guess: then another guess gives another rate."""
    if not is_raw(container):
        return False
    with open_container(path, container.format.name, framerate="7") as other:
        return _same(other, stream).codec_context.framerate in (None, 0, 7)


def _same(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoStream:
    """A stream in the same file opened again."""
    return next(other for other in container.streams.video if other.index == stream.index)


def first_time(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """When the first picture appears, in the file's own seconds."""
    tick = float(stream.time_base or 0)
    if is_raw(container):
        return 0.0
    # AVI counts frames as they are stored; what an encoder held back for its later frames is no delay.
    if stream.start_time is not None and container.format.name != "avi":
        return stream.start_time * tick
    with open_container(path, container.format.name.split(",")[0]) as other:
        try:
            packet = next(other.demux(_same(other, stream)), None)
        except av.error.FFmpegError:
            packet = None
    stamps = (None, None) if packet is None else (packet.pts, packet.dts)
    return next((stamp * tick for stamp in stamps if stamp is not None), 0.0)


def states_end(container: av.container.InputContainer) -> bool:
    """Whether a file says when it ends rather than how long it lasts, as FFmpeg's own Matroska does."""
    return container.format.name == "matroska,webm" and container.metadata.get("ENCODER", "").startswith("Lavf")


class Order:
    """Puts the timestamps of decoded frames into ascending order.

    A decoder gives frames in the order in which they are shown, but some files number them in the order in which they
    are stored: AVI, and what was copied from it. There the times jump back and forth by a few frames, and the smallest
    one of the next frames belongs to the first of them. Times that ascend stay as they are.
    """

    def __init__(self, context: av.VideoCodecContext, tick: float, interval: float) -> None:
        self.is_disturbed = False
        self._context = context
        self._jump = max(1.0, 5 * interval) / tick if tick else 0  # ticks; a longer way back is another clock
        self._newest_stored: int | None = None
        self._is_stored_otherwise = False  # than shown, as the times say: then the times are those of showing

    def watched(self, packet: Packet[av.VideoStream]) -> Packet[av.VideoStream]:
        """A packet on its way to the decoder."""
        if packet.pts is not None:
            newest = self._newest_stored
            self._is_stored_otherwise |= newest is not None and newest - self._jump < packet.pts < newest
            self._newest_stored = packet.pts
        return packet

    def __call__(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """The frames with their timestamps set in order. Holds frames back only where they may be out of order."""
        held, stamps, newest = deque[av.VideoFrame](), list[int](), None

        def first() -> av.VideoFrame:
            frame = held.popleft()
            if frame.pts is not None:
                frame.pts = heappop(stamps)
            return frame

        for n, frame in enumerate(frames):
            if frame.pts is not None:
                if newest is not None and frame.pts < newest - self._jump:
                    while held:
                        yield first()
                elif newest is not None and frame.pts < newest:
                    self.is_disturbed = True
                newest = frame.pts
                heappush(stamps, frame.pts)
            held.append(frame)
            while len(held) >= (_MOST_REORDERED if self._must_wait(n) else 1):
                yield first()
        while held:
            yield first()

    def _must_wait(self, n: int) -> bool:
        doubtful = self._context.has_b_frames and not self._is_stored_otherwise and n < _CALM
        return self.is_disturbed or doubtful


def continues(last: float, time: float, duration: float | None) -> bool:
    """Whether a picture at `time` can follow one at `last`, in seconds; else the clock jumped between two recordings.

    duration: seconds that the file states, None if unknown.
    """
    return last - 1 <= time <= last + max(LONGEST_GAP, duration or 0.0)


def key_frames(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream, duration: float | None
) -> frozenset[int] | None:
    """Timestamps of the key frames that a seek may lead to, for formats whose times depend on where reading begins.

    MPEG streams give times for some frames only, and of joined recordings each has its own clock, so that a time names
    several places; such a file has no key frame to trust. Those formats are read to the end, once for each file;
    nothing is decoded. None for other formats: all their times are good.
    """
    if is_raw(container):
        return frozenset()
    if container.format.name == "avi":
        # Its times are numbers of frames, wrong after a gap in its index, and those of storage where the two differ.
        indexed = len(getattr(stream, "index_entries", range(stream.frames)))  # PyAV 15 does not tell
        return frozenset() if stream.codec_context.has_b_frames or indexed < stream.frames else None
    if container.format.name not in _FOR_STREAMING:
        return None
    state = path.stat()
    return _scanned(path, container.format.name, stream.index, duration, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _scanned(path: Path, kind: str, index: int, duration: float | None, size: int, changed: int) -> frozenset[int]:
    keys, last = set[int](), None
    try:
        with open_container(path, kind) as container:
            tick = float(container.streams[index].time_base or 0)
            for packet in container.demux(container.streams[index]):
                if packet.dts is None:
                    continue
                if last is not None and not continues(last, packet.dts * tick, duration):
                    return frozenset()
                last = packet.dts * tick
                if packet.is_keyframe and packet.pts is not None:
                    keys.add(packet.pts)
    except (av.error.FFmpegError, IndexError):
        return frozenset()
    return frozenset(keys)
