"""Streaming writer: frames become an mp4 (H.264 + AAC), GIF or animated WebP, complete or not written at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np

from w2l.base.files import atomic
from w2l.errors import W2LError
from w2l.video.colour import SWSCALE_BT601, assumed_matrix
from w2l.video.files import ANIMATIONS

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_SOUND_BLOCK = 8192  # samples handed to the encoder at a time
_GIF_SHORTEST = 2  # 1/100 s; browsers slow down frames shown for less
# H.273 code points: matrix 1 = BT.709, 6 = BT.601 (which swscale counts as 5); primaries and transfer 1 = BT.709.
_BT709, _BT601, _LIMITED = 1, 6, 1
# swscale's bilinear + accurate rounding + full chroma: without them a round trip darkens a picture by two levels.
_SCALING = 0x2 | 0x40000 | 0x2000


class VideoWriter:
    """Writes a clip frame by frame; a context manager.

    ``path``: ends in .mp4 (H.264 yuv420p, AAC, index in front), .gif or .webp (both without sound, looping).
    ``fps``: frames a second, float or Fraction. ``audio``: None, or samples and their rate in Hz: float in [-1, 1],
    (N,) mono or (N, 1 or 2); written to its end, even where it is longer than the pictures. ``metadata``: tags for the
    container, any keys (mp4 only). ``quality``: x264's CRF, 0 best to 51 smallest; a WebP gets 100 - quality.

    The file appears under its name only when the block ends without an error; otherwise nothing is left. The first
    frame sets the size. H.264 needs even sizes: an odd last row or column is repeated once. A GIF shows at most 50
    frames a second; more are dropped. Raises W2LError for invalid arguments, for frames of another size, for a clip
    without a frame, and when the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | Fraction,
        audio: tuple[np.ndarray, int] | None = None,
        metadata: dict[str, str] | None = None,
        quality: int = 18,
    ) -> None:
        self.path = Path(path)
        self.n_frames = 0
        self._kind = self.path.suffix.lower().lstrip(".")
        if self.path.suffix.lower() not in (".mp4", *ANIMATIONS):
            raise W2LError(f"cannot write a clip called {self.path.name}; end the name in .mp4, .gif or .webp.")
        if not 0 < fps <= 1000:
            raise W2LError(f"cannot write {self.path} at {fps} frames a second; give a rate between 0 and 1000.")
        if not 0 <= quality <= 51:
            raise W2LError(f"cannot write {self.path} with quality {quality}; give 0 (best) to 51 (smallest).")
        self._fps = Fraction(fps).limit_denominator(1001)
        self._quality = quality
        self._metadata = metadata or {}
        self._audio = _checked_audio(audio, self.path) if audio is not None and self._kind == "mp4" else None
        self._sound: _Sound | None = None
        self._shape: tuple[int, ...] | None = None
        self._converter = av.video.reformatter.VideoReformatter()
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        self._temporary = self._stack.enter_context(atomic(self.path))
        return self

    def write(self, frame: np.ndarray, alpha: np.ndarray | None = None) -> None:
        """Appends one frame: (H, W, 3) uint8 BGR.

        alpha: (H, W) uint8, the opacity of each pixel; for a GIF or WebP, with every frame or with none. A pixel of a
        GIF is either opaque or transparent.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
            raise W2LError(f"cannot write a frame of shape {frame.shape} and type {frame.dtype}; give BGR of uint8.")
        with self._errors():
            if alpha is not None and self._kind != "mp4":
                frame = np.dstack([frame, alpha])
            if self._shape is None:
                self._shape = frame.shape
                self._open(frame)
            elif frame.shape != self._shape:
                raise W2LError(f"cannot write a frame of shape {frame.shape} into a clip of {self._shape}; resize it.")
            self._encode(frame)
            self.n_frames += 1
            if self._sound is not None:
                self._sound.write_until(self.n_frames / self._fps)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if self._shape is None:
                raise W2LError(f"cannot write {self.path}: there is no frame to write; check the clip it is made of.")
            with self._errors():
                self._finish()

    def _open(self, frame: np.ndarray) -> None:
        """Opens the container and its streams for frames of this size."""
        name = f"file:{self._temporary.resolve()}"
        if self._kind == "mp4":
            # Keys of our own are kept only as QuickTime metadata tags; the index moves to the front on closing.
            options = {"movflags": "+faststart+use_metadata_tags"}
            self._container = av.open(name, "w", format="mp4", options=options)
        elif self._kind == "gif":
            options = {"loop": "0", "final_delay": str(max(_GIF_SHORTEST, round(100 / self._fps)))}
            self._container = av.open(name, "w", format="gif", options=options)
        else:
            self._container = av.open(name, "w", format="webp", options={"loop": "0"})
        self._stack.callback(self._abandon)
        height, width = frame.shape[:2]
        if self._kind == "mp4":
            self._container.metadata.update(self._metadata)
            height, width = height + height % 2, width + width % 2
            # What players assume at this size, so that colours are right even where the tags are lost.
            self._swscale_matrix = assumed_matrix(width, height)
            matrix = _BT601 if self._swscale_matrix == SWSCALE_BT601 else _BT709
            self._stream = _h264_stream(self._container, self._fps, self._quality, matrix)
            if self._audio is not None:
                self._sound = _Sound(self._container, *self._audio)
        elif self._kind == "gif":
            self._stream = self._container.add_stream("gif", rate=100)
            self._stream.pix_fmt = "pal8"
            self._stream.codec_context.time_base = Fraction(1, 100)
            self._palette, self._due = _palette_graph(width, height, frame.shape[2] == 4), 0
        else:
            self._stream = self._container.add_stream("libwebp_anim", rate=1000)
            self._stream.pix_fmt = "bgra"
            self._stream.codec_context.time_base = Fraction(1, 1000)
            self._stream.options = {"quality": str(100 - self._quality), "compression_level": "3"}
        self._stream.width, self._stream.height = width, height

    def _encode(self, frame: np.ndarray) -> None:
        if self._kind == "mp4":
            height, width = frame.shape[:2]
            even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            picture = av.VideoFrame.from_ndarray(even.astype(np.uint8, copy=False), format="bgr24")
            picture = self._converter.reformat(
                picture,
                format="yuv420p",
                dst_colorspace=self._swscale_matrix,
                dst_color_range=_LIMITED,
                interpolation=_SCALING,
            )
            picture.pts, picture.time_base = self.n_frames, 1 / self._fps
            self._container.mux(self._stream.encode(picture))
            return
        pixels = "bgra" if frame.shape[2] == 4 else "bgr24"
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=pixels)
        if self._kind == "webp":
            picture = picture.reformat(format="bgra")
            picture.pts, picture.time_base = round(1000 * self.n_frames / self._fps), Fraction(1, 1000)
            self._container.mux(self._stream.encode(picture))
            return
        picture.pts, picture.time_base = round(100 * self.n_frames / self._fps), Fraction(1, 100)
        if picture.pts >= self._due:
            self._due = picture.pts + _GIF_SHORTEST
            self._palette.vpush(picture)
            self._pull_gif()

    def _pull_gif(self) -> None:
        with suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                self._container.mux(self._stream.encode(self._palette.vpull()))

    def _finish(self) -> None:
        """Flushes the encoders, writes the rest of the sound and the index, and closes the file."""
        if self._kind == "gif":
            self._palette.vpush(None)
            self._pull_gif()
        self._container.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.finish()
        self._container.close()

    def _abandon(self) -> None:
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            reason = error.strerror or str(error)
            raise W2LError(f"cannot write {self.path}: {reason}; free some space or choose another folder.") from error


class _Sound:
    """The AAC stream of an mp4, fed piece by piece so that sound and pictures are interleaved in the file."""

    def __init__(self, container: av.container.OutputContainer, samples: np.ndarray, rate: int) -> None:
        channels = samples.shape[0]
        layout = "mono" if channels == 1 else "stereo"
        coded_rate = next((known for known in _AAC_RATES if known >= rate), 48000)
        self._container, self._samples, self._rate, self._layout, self._at = container, samples, rate, layout, 0
        self._stream = container.add_stream("aac", rate=coded_rate, layout=layout)
        self._stream.bit_rate = channels * min(96_000, 4 * coded_rate)

    def write_until(self, seconds: float | Fraction) -> None:
        """Encodes up to this time at least, in whole blocks."""
        end = self._samples.shape[1]
        while self._at < min(end, seconds * self._rate):
            block = np.clip(np.nan_to_num(self._samples[:, self._at : self._at + _SOUND_BLOCK]), -1, 1)
            block = np.ascontiguousarray(block, dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
            self._at += block.shape[1]
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self.write_until(self._samples.shape[1] / self._rate + 1)
        self._container.mux(self._stream.encode(None))


def _checked_audio(audio: tuple[np.ndarray, int], path: Path) -> tuple[np.ndarray, int]:
    """The samples as a view (channels, N) of floats, and their rate."""
    samples, rate = np.asarray(audio[0]), int(audio[1])
    samples = samples[None] if samples.ndim == 1 else samples.T
    if samples.ndim != 2 or samples.shape[0] not in (1, 2) or samples.shape[1] == 0 or samples.dtype.kind != "f":
        raise W2LError(
            f"cannot write {path}: sound of shape {np.shape(audio[0])} and type {samples.dtype}; "
            "give float samples, (N,) or (N, 2)."
        )
    if not 1000 <= rate <= 768_000:
        raise W2LError(f"cannot write {path}: sound at {rate} samples a second; give a rate of 1000 to 768000.")
    return samples, rate


def _h264_stream(container: av.container.OutputContainer, fps: Fraction, quality: int, matrix: int) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=fps)
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": str(quality), "preset": "veryfast"}
    context = stream.codec_context
    context.time_base = 1 / fps
    context.colorspace, context.color_range = matrix, _LIMITED
    context.color_primaries = context.color_trc = _BT709
    return stream


def _palette_graph(width: int, height: int, see_through: bool) -> av.filter.Graph:
    """Filters that give every frame its own 256 colours: good colours without a first pass over the clip."""
    graph = av.filter.Graph()
    pixels = av.VideoFormat("bgra" if see_through else "bgr24")
    source = graph.add_buffer(width=width, height=height, format=pixels, time_base=Fraction(1, 100))
    split = graph.add("split")
    palette = graph.add("palettegen", f"stats_mode=single:reserve_transparent={int(see_through)}")
    use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
