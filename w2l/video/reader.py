"""Streaming reader: any clip as upright, square-pixel BGR frames at a constant rate, one frame in memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from w2l.errors import W2LError
from w2l.video.ffmpeg import Shot, Video, opened
from w2l.video.files import open_container
from w2l.video.images import WHITE, is_animated_webp, read_image, sniff, webp_frames
from w2l.video.timing import is_rate_assumed, usual_rate

STILL_FPS = 25.0
"""The frame rate reported for still pictures."""

_MOVING = ("gif", "apng")  # picture formats that FFmpeg plays
_BY_FFMPEG = ("", "heif", "mjpeg")  # formats of which FFmpeg reads single pictures too


@dataclass(frozen=True)
class ClipInfo:
    """What ``read_frames`` will yield by default.

    ``width``, ``height``: pixels, after rotation and sample aspect ratio; ``fps``: the constant rate; ``n_frames``: an
    estimate, None if unknown; ``duration``: seconds from the first frame to the end of the last one, None if unknown or
    still; ``is_animation``: an animated GIF, PNG, WebP or AVIF; ``codec``: FFmpeg's name for the codec, or the picture
    format; ``notes``: sentences about what the file does not state and what is assumed instead, and about colours
    that cannot be shown.
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
    notes: tuple[str, ...] = ()


def probe(path: str | os.PathLike[str]) -> ClipInfo:
    """Facts about a clip or picture, from its content, whatever its name.

    Raises W2LError when the file is missing or none of its frames can be decoded.
    """
    path = Path(path)
    kind = sniff(path)
    if kind == "webp" and is_animated_webp(path):
        return _probe_webp(path)
    if kind in _MOVING and _length(path, kind)[0] > 1:
        return _probe_animation(path, kind)
    if kind not in _BY_FFMPEG:
        height, width = read_image(path).shape[:2]
        return ClipInfo(path, width, height, STILL_FPS, 1, None, False, True, False, kind)
    with opened(path, kind or None) as video:
        first = next(video.shots(0.0), None)
        if first is None:
            raise _no_frame(path)
        height, width = first.picture().shape[:2]
        codec = kind if kind == "heif" else video.codec
        if video.is_still:
            return ClipInfo(path, width, height, STILL_FPS, 1, None, False, True, False, codec)
        seconds = video.duration
        frames = None if seconds is None else _count(seconds * video.fps)
        notes = _notes(video)
        return ClipInfo(
            path, width, height, video.fps, frames, seconds, video.has_audio, False, kind == "heif", codec, notes
        )


def read_frames(
    path: str | os.PathLike[str],
    fps: float | None = None,
    start: float = 0.0,
    max_frames: int | None = None,
    ground: int = WHITE,
) -> Iterator[np.ndarray]:
    """Yields a clip as (H, W, 3) uint8 BGR frames at a constant rate; a still picture yields exactly one.

    Frame i shows the clip at ``start + i / fps`` seconds, that is, the latest source frame that has appeared by then;
    time 0 is the first frame (`w2l.audio` cuts or pads the sound to begin there). round((duration - start) * fps)
    frames are yielded, halves rounded up, at least one, at most ``max_frames``. All have the size of the first:
    rotation is undone, non-square pixels become square, transparent ones are laid over a background of that grey
    (``ground``).

    ``fps``: frames a second, None for ``probe(path).fps``. ``start``: seconds. Broken frames are skipped. Raises
    W2LError (when the first frame is taken) if there is no frame, and for invalid arguments.
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
            shots = (Shot(time, duration, frame.copy) for time, duration, frame in webp_frames(file, path, ground))
            yield from _constant_rate(shots, fps or _probe_webp(path).fps, start, 0.0, max_frames, path)
    elif kind not in _BY_FFMPEG and (kind not in _MOVING or _length(path, kind)[0] <= 1):
        yield read_image(path, ground)
    else:
        with (
            opened(path, kind or None, ground) as video,
            closing(video.shots(0.0 if video.is_still else start)) as shots,
        ):
            if video.is_still:
                start, max_frames = 0.0, 1
            rate = fps or (_probe_animation(path, kind).fps if kind in _MOVING else video.fps)
            yield from _constant_rate(shots, rate, start, video.tick / 2, max_frames, path)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """The tags of a video's container (title, comment and any others); of a GIF its comment; of a picture none.

    Raises W2LError when the file is missing, or is neither a video nor a picture.
    """
    path = Path(path)
    if sniff(path) not in ("", "gif"):
        return {}
    with opened(path) as video:
        return dict(video.container.metadata)


def _constant_rate(
    shots: Iterable[Shot], fps: float, start: float, half_tick: float, max_frames: int | None, path: Path
) -> Iterator[np.ndarray]:
    """Samples shots at ``start + i / fps``; their number is exact, so one frame is held back until it is certain."""
    # Timestamps are rounded to ticks (milliseconds in Matroska), so a frame may seem to come just after its time.
    tolerance = min(max(half_tick, 0.0006), 0.25 / fps)
    shown: Shot | None = None
    held: Shot | None = None
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
        raise _no_frame(path)
    if start > 0 and start >= end:
        raise W2LError(f"cannot read {path} from {start:g} s: it ends at {end:.2f} s; give an earlier start.")
    total = min(_count((end - start) * fps), limit)
    if held is not None and index <= total:
        yield held.picture()
    for _ in range(index, int(total)):
        yield shown.picture()


def _notes(video: Video) -> tuple[str, ...]:
    notes = video.paint.notes
    if not is_rate_assumed(video.path, video.container, video.stream):
        return notes
    return f"{video.path.name} states no frame rate; it was read at {video.fps:g} frames a second.", *notes


def _no_frame(path: Path) -> W2LError:
    return W2LError(f"{path} holds no frame that can be decoded; it is broken, so copy or download it again.")


def _count(frames: float) -> int:
    """Whole frames, at least one. Halves are rounded up, not to even: so (n + 1/2) - k always becomes n + 1 - k."""
    return max(1, math.floor(frames + 0.5 + 1e-6))


# Animations.


def _length(path: Path, kind: str) -> tuple[int, float]:
    """Number of frames and seconds of a GIF or animated PNG, by its packets; (0, 0.0) when it cannot be read."""
    count, seconds = 0, 0.0
    try:
        with open_container(path, kind) as container:
            for packet in container.demux(video=0):
                if packet.size and packet.pts is not None:
                    count += 1
                    seconds = (packet.pts + (packet.duration or 0)) * float(packet.time_base)
    except (av.error.FFmpegError, IndexError):
        pass  # the frames counted so far can be shown
    return count, seconds


def _probe_animation(path: Path, kind: str) -> ClipInfo:
    count, seconds = _length(path, kind)
    height, width = read_image(path).shape[:2]
    fps = usual_rate(count / seconds if seconds > 0 else 0.0)
    return ClipInfo(path, width, height, fps, _count(seconds * fps), seconds or None, False, False, True, kind)


def _probe_webp(path: Path) -> ClipInfo:
    count, seconds, shape = 0, 0.0, (0, 0, 3)
    with path.open("rb") as file:
        for time, duration, frame in webp_frames(file, path):
            count, seconds, shape = count + 1, time + duration, frame.shape
    if count == 1:
        return ClipInfo(path, shape[1], shape[0], STILL_FPS, 1, None, False, True, False, "webp")
    fps = usual_rate(count / seconds)
    return ClipInfo(path, shape[1], shape[0], fps, _count(seconds * fps), seconds, False, False, True, "webp")
