"""One open video file: its best picture stream, and the frames of that stream as a viewer sees them, with times."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np

from w2l.errors import W2LError
from w2l.video.colour import Painter
from w2l.video.fields import deinterlaced
from w2l.video.files import open_container
from w2l.video.heif import Transparency, alpha_stream
from w2l.video.images import HEIF_BRANDS, WHITE, check_size
from w2l.video.timing import (
    Order,
    continues,
    first_time,
    is_absurd,
    is_raw,
    key_frames,
    stated_rates,
    states_end,
    usual_rate,
)

_ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover art of a song
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_TEXT_CODECS = {"ansi", "bintext", "xbin", "idf"}  # FFmpeg draws text files as video
_SEEK_FROM = 3.0  # seconds; earlier starts are reached by decoding
_LOOK_BACK = (0.0, 6.0, 20.0, 60.0)  # seconds before a start from where a key frame is looked for
_GIVE_UP_AFTER = 200  # undecodable packets at the beginning


@dataclass(frozen=True)
class Shot:
    """One source frame: when it appears (seconds of the clip), for how long, and how to get its pixels."""

    time: float
    duration: float
    picture: Callable[[], np.ndarray]


class Video:
    """An open container, its best picture stream, and how its frames become shots."""

    def __init__(self, container: av.container.InputContainer, path: Path, kind: str | None, ground: int) -> None:
        self.container, self.path, self.kind = container, path, kind
        self.stream = best_stream(container, path)
        context = self.stream.codec_context
        self.codec = context.name
        check_size(path, context.width, context.height)
        self.stream.thread_type = "AUTO"
        is_heif = container.metadata.get("major_brand") in HEIF_BRANDS
        # Pictures: TIFF, JPEG 2000...; AVIF of one frame.
        self.is_still = container.format.name.endswith("_pipe") or (is_heif and self.stream.frames == 1)
        self.has_audio = any(sound.codec_context is not None for sound in container.streams.audio)
        self.tick = float(self.stream.time_base or 0)
        # Time 0 is the first picture, as in w2l.audio, so that frame i belongs to the sound at i / fps.
        self.origin = first_time(path, container, self.stream)
        average, base = stated_rates(path, container, self.stream)
        self.fps = usual_rate(average, base)
        self.interval = 1 / (average or self.fps)
        self._lengths_hold = not is_absurd(self.stream)
        self.size: tuple[int, int] | None = None
        self._display: tuple[int, int, int, int] | None = None
        alpha = alpha_stream(container, self.stream) if is_heif else None
        self._transparency = None if alpha is None else Transparency(path, kind, alpha, ground)
        self.paint = Painter(ground)

    @property
    def duration(self) -> float | None:
        """Seconds of picture as the file states them; None where it does not."""
        if is_raw(self.container):
            return None
        if self.stream.duration:
            # Without a start FFmpeg counts from 0, not from the first picture.
            seconds = self.stream.duration * self.tick - (self.origin if self.stream.start_time is None else 0)
        else:
            begun = self.container.start_time or 0
            if states_end(self.container):
                begun = min(begun, 0)
            seconds = (begun + (self.container.duration or 0)) / av.time_base - self.origin
        return seconds if seconds > 0 else None

    def shots(self, start: float) -> Generator[Shot, None, None]:
        """Shots in order of time, from the one shown at ``start`` or earlier."""
        # A frame earlier, since deinterlacing looks at the frame before.
        frames = self._decoded_from(start - self.interval) if start > _SEEK_FROM else self._decoded()
        last: float | None = None
        shift = 0.0
        for frame in deinterlaced(frames):
            time = None if frame.pts is None else frame.pts * self.tick - self.origin + shift
            if last is None:
                self.paint.meet(frame, self.stream.codec_context)
                time = time or 0.0
            elif time is None:
                time = last + self.interval
            elif not continues(last, time, self.duration):
                # The clock jumped (joined or cut recordings): continue where the last frame ended.
                shift += last + self.interval - time
                time = last + self.interval
            last = time if last is None else max(time, last)
            yield self._shot(frame, last)

    def _shot(self, frame: av.VideoFrame, time: float) -> Shot:
        duration = (frame.duration or 0) * self.tick * self._lengths_hold or self.interval
        if 0 < (self.duration or 0) - (time + duration) <= self.interval:
            duration = (self.duration or 0) - time  # the stream states more precisely how long its last frame is shown
        return Shot(time, duration, lambda: self._picture(frame))

    def _decoded_from(self, start: float) -> Iterator[av.VideoFrame]:
        """The frames from a key frame before ``start``; all of them where no seeking leads to one."""
        known = key_frames(self.path, self.container, self.stream, self.duration)
        for earlier in _LOOK_BACK:
            if earlier >= start or known == frozenset():
                break
            order = Order(self.stream.codec_context, self.tick, self.interval)
            frames = self._decoded_after(start - earlier, order)
            first = next(frames, None)
            if order.is_disturbed:
                break
            # A decoder that begins between key frames makes up what it lacks, or waits for the next one.
            if first is None or first.pts is None or not first.key_frame or (known and first.pts not in known):
                continue
            if 0 <= first.pts * self.tick - self.origin <= start:
                return chain([first], frames)
        self._restart()
        return self._decoded()

    def _decoded_after(self, time: float, order: Order) -> Iterator[av.VideoFrame]:
        """The frames from where FFmpeg finds itself when it seeks a time; none where it cannot."""
        try:
            self.container.seek(round((time + self.origin) / self.tick), stream=self.stream)
        except av.error.FFmpegError:
            return
        yield from self._decoded(order)

    def close(self) -> None:
        """Closes the file."""
        self.container.close()
        if self._transparency is not None:
            self._transparency.close()

    def _restart(self) -> None:
        """Opens the file again: not every format can seek, and a seek to the beginning may miss the first frame."""
        self.container.close()
        self.container = open_container(self.path, self.kind)
        self.stream = best_stream(self.container, self.path)
        self.stream.thread_type = "AUTO"

    def _decoded(self, order: Order | None = None) -> Iterator[av.VideoFrame]:
        """Every frame that decodes, with ascending timestamps."""
        order = order or Order(self.stream.codec_context, self.tick, self.interval)
        for frame in order(self._frames(order)):
            if is_raw(self.container):
                frame.pts = None
            yield frame

    def _frames(self, order: Order) -> Iterator[av.VideoFrame]:
        """Every frame that decodes; broken packets are skipped, a broken container ends the clip."""
        failures, good = 0, False
        decoder = _decoder(self.stream)
        packets = self.container.demux(self.stream)
        while good or failures < _GIVE_UP_AFTER:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                packet = None
            try:
                for frame in decoder.decode(packet and order.watched(packet)):
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
        check_size(self.path, frame.width, frame.height)
        picture = self.paint(frame, self.stream.codec_context)
        if self._transparency is not None:
            picture = self._transparency(picture, frame.pts)
        height, width = picture.shape[:2]
        # Browsers do not stretch a GIF, whatever its aspect ratio says.
        ratio = 1.0 if self.codec == "gif" else float(self.stream.sample_aspect_ratio or 1)
        if abs(ratio - 1) > 0.01 and 1 / 8 <= ratio <= 8:
            wide = (2 * round(width * ratio / 2), height) if ratio > 1 else (width, 2 * round(height / ratio / 2))
            picture = cv2.resize(picture, wide, interpolation=cv2.INTER_LINEAR)
        if self._display is None:
            # Only once: it holds for the whole stream, and reading it makes a frame refer to itself, so that the frame
            # stays in memory until Python's garbage collector runs; a hundred frames would pile up.
            self._display = _display_matrix(frame)
        picture = _upright(picture, self._display)
        if self.size is None:
            self.size = picture.shape[1], picture.shape[0]
        elif (picture.shape[1], picture.shape[0]) != self.size:
            picture = cv2.resize(picture, self.size, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(picture)


@contextmanager
def opened(path: Path, kind: str | None = None, ground: int = WHITE) -> Iterator[Video]:
    """Opens a video for a `with` block. Raises W2LError when FFmpeg cannot open it, or finds no picture in it.

    ``kind``: what `sniff` says of it, None to detect the format. ``ground``: the grey, 0 to 255, behind transparent
    frames.
    """
    broken = f"{path} is not a video or picture that can be read, or it is broken; copy or download it again."
    if kind == "heif":
        kind = "mov"  # FFmpeg's name
        broken = f"{path} is a HEIC or AVIF picture that cannot be read here, or broken; save it as JPG or PNG."
    try:
        container = open_container(path, kind)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise W2LError(broken) from error
    video = None
    try:
        video = Video(container, path, kind, ground)
        yield video
    except av.error.FFmpegError as error:
        raise W2LError(broken) from error
    finally:
        (video or container).close()


def best_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The default picture stream (the largest of several), never cover art."""
    streams = [s for s in container.streams.video if not s.disposition.value & _ATTACHED_PICTURE]
    if streams and all(stream.codec_context is None for stream in streams):
        kind = f"{path} holds pictures in a code that cannot be read here ({container.format.long_name})"
        raise W2LError(f"{kind}; convert it to mp4 (H.264), or a single picture to JPG or PNG.")
    streams = [s for s in streams if s.codec_context is not None and s.codec_context.name not in _TEXT_CODECS]
    if not streams:
        what = "sound but no picture" if container.streams.audio else "no picture"
        raise W2LError(f"{path} holds {what}; give a video or a picture.")
    streams = [s for s in streams if s.frames != 1] or streams  # beside an animation there may be a picture of it
    return max(streams, key=lambda s: (s.disposition.value & 1, s.codec_context.width * s.codec_context.height))


def _decoder(stream: av.VideoStream) -> av.VideoCodecContext:
    """What decodes a stream from here on: its own decoder, which leaves out the alpha of WebM, or libvpx for that."""
    context = stream.codec_context
    has_alpha = {name.lower(): value for name, value in stream.metadata.items()}.get("alpha_mode") == "1"
    if not has_alpha or context.name not in _ALPHA_DECODERS:
        return context
    decoder = av.CodecContext.create(_ALPHA_DECODERS[context.name], "r")
    decoder.extradata = context.extradata
    return decoder  # type: ignore[return-value]  # its stub knows no kinds of contexts


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Where the x axis (a, b) and the y axis (c, d) of the stored picture point on the screen; 16.16 fixed point."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # next to it is data that this PyAV cannot name: EXIF, the views of a spatial video
        cos, sin = {90: (0, -1), 180: (-1, 0), -90: (0, 1), -180: (-1, 0)}.get(frame.rotation, (1, 0))
        return cos, sin, -sin, cos
    if data is None:
        return 1, 0, 0, 1
    matrix = np.frombuffer(data, np.int32, 9)  # type: ignore[call-overload]  # a buffer, which its stub does not say
    a, b, _, c, d = matrix[:5].tolist()
    return a, b, c, d


def _upright(picture: np.ndarray, display: tuple[int, int, int, int]) -> np.ndarray:
    """Applies a display matrix (rotation and mirroring, to the nearest quarter turn)."""
    a, b, c, d = display
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, flip_x, flip_y = picture.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    return picture[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
