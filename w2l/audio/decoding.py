"""Any sound file, or the sound of a video, to samples that lie where their time stamps say."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2l.audio.layouts import coefficients
from w2l.audio.parts import Part, parts
from w2l.audio.resampling import resample
from w2l.audio.timeline import Timeline
from w2l.audio.tracks import choose, names, tracks
from w2l.errors import W2LError

if TYPE_CHECKING:
    import av
    import av.container

_LOUDEST = 1e5  # float samples beyond this, NaN and infinity are damage, not sound; integer samples stay below
_FARTHEST = 600.0  # seconds between the first sound and the first picture; more means a broken clock
_NO_DELAY = 0.001  # seconds from the stated start of a stream to its first frame
# Flags of FFmpeg's formats: it seeks by an index that it makes itself; time stamps may jump. Formats with the first and
# not the second are bare streams such as MP3, whose time stamps are FFmpeg's own count.
_GENERIC_INDEX, _MAY_JUMP = 0x100, 0x200


@dataclass(frozen=True)
class Sound:
    """A sound track, as decoded.

    wav: float32 (N, channels) in about [-1, 1], all finite. rate: Hz. layout: FFmpeg's name of the loudspeakers that
    the channels are for, such as "stereo" or "5.1(side)". tracks: the file's sound tracks in words; track: the number
    of this one, from 1.
    """

    wav: np.ndarray
    rate: int
    layout: str
    track: int
    tracks: tuple[str, ...]


def read(path: str | os.PathLike[str], track: int | None = None) -> Sound:
    """Decodes a sound track of any sound or video file, at its own rate.

    track: its number from 1; by default FFmpeg's choice. Samples lie where their time stamps say: what is missing is
    silent, and what overlaps is left out. Sound of a video starts with the picture: a late sound stream is padded with
    zeros, an early one is cut. Damaged parts are silent. Where rate or channels change, also in files joined end to
    end, what follows is converted to those of the beginning.
    Raises W2LError when the file is missing, is not readable, or holds no sound at all, or no such track.
    """
    path = Path(path)
    samples = bytearray()  # grows in place, where joining blocks at the end would hold the sound twice
    source = _Source(path, track)
    rate = 0
    with _read_as_sound(path):
        for block, rate in _at_one_rate(source.blocks()):  # noqa: B007
            samples += block.tobytes()
    start = round(source.lead * rate)
    samples[:0] = bytes(4 * source.channels * max(0, start))
    wav = np.frombuffer(samples, np.float32).reshape(-1, max(1, source.channels))
    if len(wav) == 0:
        raise W2LError(f"{path} holds no sound samples (0 s long); choose a file with speech in it.")
    return Sound(wav[-start if -len(wav) < start < 0 else 0 :], rate, source.layout, source.track, source.tracks)


def decode(path: str | os.PathLike[str], track: int | None = None) -> tuple[np.ndarray, int]:
    """The samples, float32 (N, channels) in about [-1, 1], and the rate in Hz of what `read` reads."""
    sound = read(path, track)
    return sound.wav, sound.rate


def measure(path: str | os.PathLike[str], track: int | None = None) -> float:
    """The seconds that a sound track lasts by the time stamps of its packets; nothing is decoded, so it is quick.

    Where there are no stamps, what the file says of itself; 0 where it says nothing. track, errors: as for `read`.
    """
    path = Path(path)
    with _read_as_sound(path), _opened(path, None) as container:
        stream = choose(container, path, track)
        first, last = math.inf, -math.inf
        for packet in container.demux(stream):
            if packet.pts is not None and packet.time_base is not None:
                first = min(first, float(packet.pts * packet.time_base))
                last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        told = _seconds(stream.duration, stream.time_base) or (container.duration or 0) / 1e6
        return last - first if last > first else told


@contextmanager
def _read_as_sound(path: Path) -> Iterator[None]:
    """Checks that there is such a file, and gives what FFmpeg raises in the block as a W2LError."""
    import av

    from w2l.video.files import read_head

    if not os.path.isfile(path):  # unlike Path.is_file, this never fails on names that no file can have
        raise W2LError(f"no such sound file: {path}; check the path.")
    read_head(path, "sound")
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as error:
        raise W2LError(
            f"{path} cannot be read as sound ({_reason(error)}); convert it to wav or choose another file."
        ) from error


class _Source:
    """A file, and what is known of its sound once it has been read.

    channels, layout: those of the beginning, and so of all blocks. lead: seconds from the first picture to the first
    sample; 0 for files without video. track, tracks: as in `Sound`.
    """

    def __init__(self, path: Path, track: int | None) -> None:
        self._path, self._wanted = path, track
        self.channels, self.layout, self.lead = 0, "", 0.0
        self.track, self.tracks = 0, tuple[str, ...]()

    def blocks(self) -> Iterator[tuple[np.ndarray, int]]:
        """The samples without holes, float32 (N, channels), each with its rate."""
        found = parts(self._path)
        for first, stop in found:
            with _opened(self._path, None if len(found) == 1 else (first, stop)) as container:
                stream = choose(container, self._path, self._wanted)
                timeline = Timeline(_seconds(stream.duration, stream.time_base) or (container.duration or 0) / 1e6)
                yield from self._placed(_frames(container, stream), timeline, _has_clock(container))
                if first == 0:
                    self.track, self.tracks = tracks(container).index(stream) + 1, names(container)
                    self.lead = _start_after_picture(self._path, container, stream, timeline.first)

    def _placed(
        self, frames: Iterator[tuple[av.AudioFrame, int]], timeline: Timeline, has_clock: bool
    ) -> Iterator[tuple[np.ndarray, int]]:
        """The frames' samples, with silence for what is missing and without what overlaps."""
        before = 0
        for frame, lost in frames:
            block, rate = self._converted(frame), frame.sample_rate
            if lost and before:  # so that what follows stays in time
                timeline.place(None, lost * before, rate)
                yield np.zeros((lost * before, self.channels), np.float32), rate
            before = len(block)
            time = _seconds(frame.pts, frame.time_base) if has_clock and frame.pts is not None else None
            gap = timeline.place(time, len(block), rate)
            if gap > 0:
                yield np.zeros((gap, self.channels), np.float32), rate
            yield block[max(0, -gap) :], rate

    def _converted(self, frame: av.AudioFrame) -> np.ndarray:
        """The frame's samples in the channels of the first frame."""
        count = len(frame.layout.channels)
        if not self.channels:
            self.layout, self.channels = frame.layout.name, count
        if count == self.channels:
            return _to_float(frame)
        if count == 1 and self.channels == 2:
            return _to_float(frame).repeat(2, axis=1)
        if count == 2 and self.channels == 1:
            return _to_float(frame).mean(axis=1, keepdims=True)
        return _to_float(frame) @ coefficients(frame.layout.name, self.layout)


@contextmanager
def _opened(path: Path, part: tuple[int, int] | None) -> Iterator[av.container.InputContainer]:
    """The file for PyAV, or the part of it from one byte to another."""
    import av

    from w2l.video.files import open_container

    if part is None:
        with open_container(path) as container:
            yield container
        return
    with path.open("rb") as file, av.open(Part(file, *part), "r", metadata_errors="replace") as container:
        yield container


def _at_one_rate(blocks: Iterator[tuple[np.ndarray, int]]) -> Iterator[tuple[np.ndarray, int]]:
    """All blocks at the rate of the first; those of another rate are resampled together."""
    first = 0
    for rate, run in groupby(blocks, key=itemgetter(1)):
        first = first or rate
        if rate == first:
            yield from run
        else:
            wav = np.concatenate([block for block, _ in run])
            yield resample(wav, rate, first), first


def _frames(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[tuple[av.AudioFrame, int]]:
    """The decoded frames, and how many packets that do not decode lie between each and the one before.

    Raises FFmpegError only when nothing at all decodes.
    """
    import av

    lost, any_good, damage = 0, False, None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            packet, damage = None, error
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            lost, damage = lost + 1, error
            continue
        for frame in frames:
            yield frame, lost
            lost, any_good = 0, True
    if not any_good and damage is not None:
        raise damage


def _to_float(frame: av.AudioFrame) -> np.ndarray:
    """The samples of one PyAV audio frame as float32 (N, channels)."""
    raw, channels = frame.to_ndarray(), len(frame.layout.channels)
    raw = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    if raw.dtype.kind == "i":
        return (raw / 2.0 ** (8 * raw.dtype.itemsize - 1)).astype(np.float32)
    return np.where(np.abs(raw) < _LOUDEST, raw, 0).astype(np.float32)


def _has_clock(container: av.container.InputContainer) -> bool:
    """Whether the file has time stamps of its own."""
    return container.format.flags & (_GENERIC_INDEX | _MAY_JUMP) != _GENERIC_INDEX


def _start_after_picture(
    path: Path, container: av.container.InputContainer, stream: av.AudioStream, first: float | None
) -> float:
    """Seconds from the first picture to the first sound sample; 0 for files without video.

    first: the time stamp of the first sample, None if unknown.
    """
    from w2l.video.ffmpeg import best_stream

    # to FFmpeg, the cover picture of a sound file is a video stream, but it has no timing to follow
    pictures = [v for v in container.streams.video if v.average_rate and v.start_time is not None and v.frames != 1]
    stated = None if stream.start_time is None else _seconds(stream.start_time, stream.time_base)
    begin = first if stated is None else stated
    if not pictures or begin is None:
        return 0.0
    if first is not None and abs(first - begin) > _NO_DELAY:  # in WMA and fragmented mp4
        begin = first
    best = best_stream(container, path)  # the one that is shown
    picture = best if best in pictures else pictures[0]
    # The stated start, also in AVI: there the first picture's own stamp counts frames that its encoder held back.
    seconds = begin - _seconds(picture.start_time, picture.time_base)
    return seconds if abs(seconds) < _FARTHEST else 0.0


def _seconds(ticks: int | None, base: Fraction | None) -> float:
    return float((ticks or 0) * (base or 0))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
