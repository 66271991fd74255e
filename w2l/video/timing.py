"""Whether the times in a video file can be trusted: its frame rate, its clock, and the key frames to seek."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import av

from w2l.video.files import open_container

UNKNOWN_RATE = 25.0
"""The frame rate assumed for a video that does not state one."""
LONGEST_GAP = 60.0
"""Seconds between two pictures that may be a hole in a recording; more is one only in a file that lasts longer."""

_USUAL_RATES: list[float] = [10, 12, 12.5, 15, 16, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120]
_USUAL_RATES += [n * 1000 / 1001 for n in (15, 24, 30, 48, 60, 120)]
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


def continues(last: float, time: float, duration: float | None) -> bool:
    """Whether a picture at `time` can follow one at `last`, in seconds; else the clock jumped between two recordings.

    duration: seconds that the file states, None if unknown.
    """
    return last - 1 <= time <= last + max(LONGEST_GAP, duration or 0.0)


def key_frames(
    path: Path, container: av.container.InputContainer, index: int, duration: float | None
) -> frozenset[int] | None:
    """Timestamps of the key frames that a seek may lead to, for formats whose times depend on where reading begins.

    MPEG streams give times for some frames only, and of joined recordings each has its own clock, so that a time names
    several places; such a file has no key frame to trust. Those formats are read to the end, once for each file;
    nothing is decoded. None for other formats: all their times are good. index: the stream's.
    """
    if container.format.name not in _FOR_STREAMING:
        return None
    state = path.stat()
    return _scanned(path, container.format.name, index, duration, state.st_size, state.st_mtime_ns)


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
