"""AVIF, still and moving: the transparency that is stored beside its pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from w2l.video.files import open_container
from w2l.video.images import lay_over


class Transparency:
    """How opaque each frame of an AVIF is: grey pictures in a stream of their own, at the times of the frames."""

    def __init__(self, path: Path, kind: str | None, stream: av.VideoStream, ground: int) -> None:
        self._container, self._ground = open_container(path, kind), ground
        self._frames = self._container.decode(self._container.streams.video[stream.index])
        self._shown: av.VideoFrame | None = None

    def __call__(self, picture: np.ndarray, pts: int | None) -> np.ndarray:
        """A frame, (H, W, 3) uint8 BGR, over the background; frames come in order of time."""
        while self._shown is None or (pts is not None and (self._shown.pts or 0) < pts):
            try:
                self._shown = next(self._frames)
            except (av.error.FFmpegError, StopIteration):
                break
        if self._shown is None or (self._shown.height, self._shown.width) != picture.shape[:2]:
            return picture
        alpha = self._shown.to_ndarray(format="gray")
        return lay_over(np.full_like(picture, self._ground), np.dstack([picture, alpha]))

    def close(self) -> None:
        """Closes the file, which is opened a second time for this."""
        self._container.close()


def alpha_stream(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoStream | None:
    """The grey stream beside a stream of an AVIF that holds its transparency, if there is one."""
    size = stream.width, stream.height, stream.frames
    for other in container.streams.video:
        if other.index != stream.index and other.codec_context is not None:
            is_grey = (other.codec_context.pix_fmt or "").startswith("gray")
            if is_grey and (other.width, other.height, other.frames) == size:
                return other
    return None
