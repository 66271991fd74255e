"""What tests of clips share: makers of clips and pictures with known frames, and what they read back."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from w2l import video


def grey(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def levels(frames) -> list[int]:
    """Which of the flat frames grey(20 + 10 k) each frame is: k."""
    return [round((float(frame.mean()) - 20) / 10) for frame in frames]


def write_h264(path: Path, ticks: list[int], last: int = 40, sar: Fraction | None = None, tick_rate=1000) -> Path:
    """A clip whose k-th frame is grey(20 + 10 k), shown at the given times (in milliseconds), the last for `last`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, tick_rate)
        if sar:
            stream.codec_context.sample_aspect_ratio = sar
        for k, at in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(grey(20 + 10 * k), format="bgr24")
            frame.pts, frame.time_base = at, Fraction(1, tick_rate)
            frame.duration = ([*ticks, at + last][k + 1]) - at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_clip(path: Path, n: int = 10, fps: float | Fraction = 25, **options) -> Path:
    with video.VideoWriter(path, fps, **options) as writer:
        for k in range(n):
            writer.write(grey(20 + 10 * (k % 23)))
    return path


def corners(height: int = 48, width: int = 64) -> np.ndarray:
    """Four quarters of different colours, so that every turn and mirroring shows."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (40, 40, 220)
    picture[: height // 2, width // 2 :] = (40, 200, 40)
    picture[height // 2 :, : width // 2] = (220, 60, 40)
    picture[height // 2 :, width // 2 :] = (200, 200, 200)
    return picture


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Writes a, b, c, d into the matrix of the first track header of an mp4 (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, at, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def png(width: int, height: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand: colour type 3 is a palette, 6 RGBA; 8 bits a channel."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def webp_animation(path: Path, size: tuple[int, int], frames: list[tuple[np.ndarray, int, int, int, int]]) -> Path:
    """An animated WebP of (picture, x, y, milliseconds, flags), flags: 1 clear afterwards, 2 do not blend."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def three(number: int) -> bytes:
        return number.to_bytes(3, "little")

    body = chunk(b"VP8X", bytes([0x12, 0, 0, 0]) + three(size[0] - 1) + three(size[1] - 1))
    body += chunk(b"ANIM", bytes(6))
    for picture, x, y, milliseconds, flags in frames:
        done, still = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 101])
        assert done
        inner = still.tobytes()[12:]
        if inner[:4] == b"VP8X":
            inner = inner[18:]
        head = three(x // 2) + three(y // 2) + three(picture.shape[1] - 1) + three(picture.shape[0] - 1)
        body += chunk(b"ANMF", head + three(milliseconds) + bytes([flags]) + inner)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    return path


def write_see_through(path: Path, pictures, codec: str) -> Path:
    """A video of (H, W, 4) BGRA pictures at 25 fps; codec: "libvpx", "libvpx-vp9", "prores_ks", "qtrle"..."""
    options = {"crf": "10", "b": "2000000", "auto-alt-ref": "0", "g": "10"} if "vpx" in codec else {}
    pixels = {"prores_ks": "yuva444p10le", "qtrle": "argb"}.get(codec, "yuva420p")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        if "vpx" in codec:
            stream.metadata["alpha_mode"] = "1"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgra")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return path


def chirp(seconds: float, rate: int) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (200 + 600 * t) * t) * np.sin(np.pi * 3 * t) ** 2).astype(np.float32)


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        lead = round(float(frames[0].time) * frames[0].sample_rate)
        assert lead >= 0
        samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
        return np.pad(samples, ((0, 0), (lead, 0))), frames[0].sample_rate


def text_file(path):
    path.write_text("this is no video\n" * 1000)


def write_avif(path: Path, frames: list[np.ndarray], **options) -> Path:
    """Pictures, (H, W, 3 or 4) uint8 BGR or BGRA, as one AVIF; the test is skipped where Pillow writes none."""
    image = pytest.importorskip("PIL.Image")
    if not pytest.importorskip("PIL.features").check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    first, *rest = (
        image.fromarray(np.ascontiguousarray(frame[:, :, [2, 1, 0, 3][: frame.shape[2]]])) for frame in frames
    )
    moving = {"save_all": True, "append_images": rest} if rest else {}
    first.save(path, format="AVIF", quality=95, **moving, **options)
    return path
