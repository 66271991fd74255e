"""Streaming reader: any clip as upright, square-pixel BGR frames at a constant rate, one frame in memory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from w2l.errors import W2LError
from w2l.video.images import check_size, is_animated_webp, read_image, sniff, to_bgr, webp_frames

STILL_FPS = 25.0
"""Rate given for still pictures and for clips that state none."""

_USUAL_RATES = [Fraction(n) for n in (10, 12, 15, 16, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)]
_USUAL_RATES += [Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 120)] + [Fraction(25, 2)]
_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover of a song
_SWSCALE_BT709, _SWSCALE_BT601 = 1, 5
_LIMITED, _FULL = 1, 2  # colour ranges, H.273 plus one as FFmpeg counts
_TEXT_CODECS = {"ansi", "bintext", "xbin", "idf"}  # FFmpeg draws text files as video
_SEEK_FROM = 3.0  # seconds; nearer starts are reached by decoding
_GIVE_UP_AFTER = 200  # packets in a row, from the first, that do not decode


@dataclass(frozen=True)
class ClipInfo:
    """What ``read_frames`` will yield by default.

    ``width``, ``height``: pixels, after rotation and sample aspect ratio; ``fps``: the constant rate; ``n_frames``:
    estimate, None if unknown; ``duration``: seconds from the first frame to the end of the last one, None if unknown or
    still; ``is_animation``: an animated GIF or WebP; ``codec``: FFmpeg's or the picture format's name.
    """

    path: Path
    width: int
    height: int
    fps: float
    n_frames: int | None
    duration: float | None
    has_audio: bool
    is_still: bool
    is_animation: bool
    codec: str


@dataclass(frozen=True)
class _Shot:
    """One source frame: when it appears (seconds of the clip), for how long, and how to get its pixels."""

    time: float
    duration: float
    picture: Callable[[], np.ndarray]


def probe(path: str | os.PathLike[str]) -> ClipInfo:
    """Facts of a clip or picture, judged by its content, not its name.

    Raises W2LError when there is no such file or not one frame in it can be decoded.
    """
    path = Path(path)
    kind = sniff(path)
    if kind == "webp" and is_animated_webp(path):
        return _probe_webp(path)
    if kind == "gif":
        count, seconds = _gif_length(path)
        if count > 1:
            height, width = read_image(path).shape[:2]
            fps = _usual_rate(Fraction(count / seconds).limit_denominator(1000), None)
            return ClipInfo(path, width, height, float(fps), _count(seconds * fps), seconds, False, False, True, "gif")
    if kind:
        height, width = read_image(path).shape[:2]
        return ClipInfo(path, width, height, STILL_FPS, 1, None, False, True, False, kind)
    with _opened(path) as video:
        first = next(video.shots(0.0), None)
        if first is None:
            raise W2LError(f"{path} holds no frame that can be decoded; the file is broken, get it again.")
        height, width = first.picture().shape[:2]
        count = None if video.duration is None else _count(video.duration * video.fps)
        return ClipInfo(
            path, width, height, float(video.fps), count, video.duration, video.has_audio, False, False, video.codec
        )


def read_frames(
    path: str | os.PathLike[str], fps: float | None = None, start: float = 0.0, max_frames: int | None = None
) -> Iterator[np.ndarray]:
    """Yields a clip as (H, W, 3) uint8 BGR frames at a constant rate; a still picture yields exactly one.

    Frame i shows the clip at ``start + i / fps`` seconds, that is, the latest source frame that has appeared by then;
    time 0 is the first frame (`w2l.audio` cuts or pads the sound to begin there). round((duration - start) * fps)
    frames are yielded, halves rounded up, at least one, at most ``max_frames``. All have the size of the first:
    rotation is undone, non-square pixels are stretched to square ones, transparency is laid on white.

    ``fps``: frames a second, None for ``probe(path).fps``. ``start``: seconds. Broken frames are left out. Raises
    W2LError (at the first frame asked for) when there is no frame to give or an argument makes no sense.
    """
    if fps is not None and not 0 < fps <= 1000:
        raise W2LError(f"cannot read {path} at {fps} frames a second; give a rate between 0 and 1000.")
    if not 0 <= start < math.inf:
        raise W2LError(f"cannot read {path} from {start} s; give a start of 0 or more seconds.")
    if max_frames is not None and max_frames < 1:
        return
    path = Path(path)
    kind = sniff(path)
    if kind == "webp" and is_animated_webp(path):
        with path.open("rb") as file:
            shots = (_Shot(time, duration, frame.copy) for time, duration, frame in webp_frames(file, path))
            yield from _constant_rate(shots, fps or _probe_webp(path).fps, start, 0.0, max_frames, path)
    elif kind not in ("", "gif") or (kind == "gif" and _gif_length(path)[0] <= 1):
        yield read_image(path)
    else:
        with _opened(path) as video, closing(video.shots(start)) as shots:
            rate = fps or (probe(path).fps if kind == "gif" else float(video.fps))
            yield from _constant_rate(shots, rate, start, video.tick / 2, max_frames, path)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The tags of a video's container (title, comment, and any own keys); of a GIF its comment; of a picture none.

    Raises W2LError when the file is missing, or is neither a video nor a picture.
    """
    path = Path(path)
    if sniff(path) not in ("", "gif"):
        return {}
    with _opened(path) as video:
        return dict(video.container.metadata)


def _constant_rate(
    shots: Iterable[_Shot], fps: float, start: float, half_tick: float, max_frames: int | None, path: Path
) -> Iterator[np.ndarray]:
    """Samples shots at ``start + i / fps``; the number of frames is exact, so one frame is held back until sure."""
    # Timestamps are rounded to ticks (milliseconds in Matroska), so a frame may seem to come just after its moment.
    tolerance = min(max(half_tick, 0.0006), 0.25 / fps)
    shown: _Shot | None = None
    held: _Shot | None = None
    index, end = 0, 0.0
    limit = math.inf if max_frames is None else max_frames
    for shot in shots:
        while shown is not None and start + index / fps < shot.time - tolerance:
            if held is not None:
                yield held.picture()
            if index >= limit:
                return
            held, index = shown, index + 1
        shown, end = shot, shot.time + shot.duration
    if shown is None:
        raise W2LError(f"{path} holds no frame that can be decoded; the file is broken, get it again.")
    if start > 0 and start >= end:
        raise W2LError(f"cannot read {path} from {start:g} s: it ends at {end:.2f} s; give an earlier start.")
    total = min(_count((end - start) * fps), limit)
    if held is not None and index <= total:
        yield held.picture()
    for _ in range(index, int(total)):
        yield shown.picture()


def _count(frames: float) -> int:
    """Whole frames, at least one. Halves go up, not to even: so (n + 1/2) - k frames are always n + 1 - k."""
    return max(1, math.floor(frames + 0.5 + 1e-6))


# Videos (and animated GIF) through FFmpeg.


class _Video:
    """An open container, its best picture stream, and how its frames become shots."""

    def __init__(self, container: av.container.InputContainer, path: Path) -> None:
        self.container, self.path = container, path
        self.stream = _best_stream(container, path)
        context = self.stream.codec_context
        self.codec = context.name
        check_size(path, context.width, context.height)
        self.stream.thread_type = "AUTO"
        self.has_audio = bool(container.streams.audio)
        self.tick = float(self.stream.time_base or 0)
        # Time 0 is the first picture, as in w2l.audio, so that frame i belongs to the sound at i / fps.
        self.origin = (self.stream.start_time or 0) * self.tick
        self.fps = _usual_rate(self.stream.average_rate, self.stream.base_rate)
        self.interval = 1 / float(self.stream.average_rate or self.fps)
        self.size: tuple[int, int] | None = None
        self._converter = av.video.reformatter.VideoReformatter()

    @property
    def duration(self) -> float | None:
        if self.stream.duration:
            return self.stream.duration * self.tick
        return self.container.duration / av.time_base if self.container.duration else None

    def shots(self, start: float) -> Iterator[_Shot]:
        """Shots in order of time, from the one shown at ``start`` or earlier."""
        frames = self._decoded()
        if start > _SEEK_FROM and (first := self._seek(start)) is not None:
            yield first
            frames = self._decoded()
        last: float | None = None
        longest_gap = max(60.0, self.duration or 0.0)
        shift = 0.0
        for frame in frames:
            time = None if frame.pts is None else frame.pts * self.tick - self.origin + shift
            if last is None:
                time = time or 0.0
            elif time is None:
                time = last + self.interval
            elif not last - 1 <= time <= last + longest_gap:
                # The clock jumped (joined or cut recordings): go on where the last frame ended.
                shift += last + self.interval - time
                time = last + self.interval
            last = time if last is None else max(time, last)
            yield self._shot(frame, last)

    def _shot(self, frame: av.VideoFrame, time: float) -> _Shot:
        duration = (frame.duration or 0) * self.tick or self.interval
        if 0 < (self.duration or 0) - (time + duration) <= self.interval:
            duration = (self.duration or 0) - time  # the stream knows better how long its last frame is shown
        return _Shot(time, duration, lambda: self._picture(frame))

    def _seek(self, start: float) -> _Shot | None:
        """Goes to the key frame before ``start``; back to the beginning (None) when the file cannot do that."""
        target = round((start + self.origin) / self.tick)
        try:
            self.container.seek(target, stream=self.stream)
            frame = next(self._decoded(), None)
        except av.error.FFmpegError:
            frame = None
        if frame is not None and frame.pts is not None:
            time = frame.pts * self.tick - self.origin
            if 0 <= time <= start:
                return self._shot(frame, time)
        self.container.seek(0)
        return None

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Every frame that decodes; broken packets are skipped, a broken container ends the clip."""
        failures, good = 0, False
        packets = self.container.demux(self.stream)
        while good or failures < _GIVE_UP_AFTER:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                packet = None
            try:
                for frame in self.stream.codec_context.decode(packet):
                    good = True
                    yield frame
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                failures += 1
            if packet is None:
                return

    def _picture(self, frame: av.VideoFrame) -> np.ndarray:
        """One decoded frame as the viewer sees it: BGR, square pixels, upright, of the clip's size."""
        if any(component.is_alpha for component in frame.format.components) or frame.format.has_palette:
            picture = to_bgr(frame.to_ndarray(format="bgra"))
        else:
            # All four are given: what is left out some PyAV versions take from the frame, and then convert nothing.
            picture = self._converter.reformat(
                frame,
                format="bgr24",
                src_colorspace=_matrix(frame),
                dst_colorspace=_SWSCALE_BT601,
                src_color_range=_FULL if frame.color_range == _FULL else _LIMITED,
                dst_color_range=_LIMITED,
            ).to_ndarray()
        height, width = picture.shape[:2]
        ratio = float(self.stream.sample_aspect_ratio or 1)
        if abs(ratio - 1) > 0.01 and 1 / 8 <= ratio <= 8:
            wide = (2 * round(width * ratio / 2), height) if ratio > 1 else (width, 2 * round(height / ratio / 2))
            picture = cv2.resize(picture, wide, interpolation=cv2.INTER_LINEAR)
        picture = _upright(picture, frame)
        if self.size is None:
            self.size = picture.shape[1], picture.shape[0]
        elif (picture.shape[1], picture.shape[0]) != self.size:
            picture = cv2.resize(picture, self.size, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(picture)


@contextmanager
def _opened(path: Path) -> Iterator[_Video]:
    try:
        # Only local files (a playlist could point anywhere), only by their literal name.
        options = {"protocol_whitelist": "file", "pattern_type": "none"}
        container = av.open(f"file:{path.resolve()}", container_options=options, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise W2LError(f"{path} is not a video or picture that can be read, or it is broken; get it again.") from error
    with container:
        yield _Video(container, path)


def _best_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The default picture stream (of several the largest), no cover pictures."""
    streams = [s for s in container.streams.video if not s.disposition.value & _ATTACHED_PICTURE]
    streams = [s for s in streams if s.codec_context is not None and s.codec_context.name not in _TEXT_CODECS]
    if not streams:
        what = "sound but no picture" if container.streams.audio else "no picture"
        raise W2LError(f"{path} holds {what}; give a video or a picture.")
    return max(streams, key=lambda s: (s.disposition.value & 1, s.codec_context.width * s.codec_context.height))


def _usual_rate(average: Fraction | None, base: Fraction | None) -> Fraction:
    """The constant rate for a clip: the grid its frames lie on if that is near their average rate, else the average.

    ``base`` is FFmpeg's r_frame_rate. A 30 fps recording with dropped frames averages 22 but lies on a grid of 30.
    """
    if not average or average <= 0:
        return Fraction(STILL_FPS)
    rate = base if base and average <= base <= average * 3 / 2 and base <= 60 else average
    nearest = min(_USUAL_RATES, key=lambda usual: abs(usual - rate))
    if abs(nearest - rate) <= rate / 200:
        # Within 0.5 %: 30000/1001 and 30 are nearer than that, and both are usual, so the nearest is meant.
        return nearest
    return min(max(Fraction(round(rate)), Fraction(1)), Fraction(120))


def _matrix(frame: av.VideoFrame) -> int:
    """The YUV matrix as swscale counts them; untagged clips: BT.709 from 720 lines up, else BT.601, as players do."""
    tagged = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}.get(int(frame.colorspace))
    return tagged or (_SWSCALE_BT709 if min(frame.width, frame.height) >= 720 else _SWSCALE_BT601)


def _upright(picture: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Applies the display matrix (rotation and mirroring, to the nearest quarter turn)."""
    data = next((side for side in frame.side_data if side.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return picture
    # Rows of the matrix: where the x axis goes (a, b), where the y axis goes (c, d); 16.16 fixed point.
    (a, b, _), (c, d, _), _ = np.frombuffer(data, np.int32, 9).reshape(3, 3).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, flip_x, flip_y = picture.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    return picture[:: -1 if flip_y else 1, :: -1 if flip_x else 1]


# Animations.


def _gif_length(path: Path) -> tuple[int, float]:
    """Number of frames and seconds of a GIF, by its packets; (0, 0.0) when it cannot be read."""
    count, ticks, time_base = 0, 0, 0.01
    try:
        with av.open(f"file:{path.resolve()}", format="gif") as container:
            time_base = float(container.streams.video[0].time_base)
            for packet in container.demux(video=0):
                if packet.size:
                    count, ticks = count + 1, packet.pts + packet.duration
    except (av.error.FFmpegError, IndexError, TypeError):
        pass
    return count, ticks * time_base


def _probe_webp(path: Path) -> ClipInfo:
    count, seconds, shape = 0, 0.0, (0, 0, 3)
    with path.open("rb") as file:
        for time, duration, frame in webp_frames(file, path):
            count, seconds, shape = count + 1, time + duration, frame.shape
    fps = _usual_rate(Fraction(count / seconds).limit_denominator(1000), None)
    still = count == 1
    frames = 1 if still else _count(seconds * fps)
    return ClipInfo(
        path, shape[1], shape[0], float(fps), frames, None if still else seconds, False, still, not still, "webp"
    )
