"""Pictures and animated WebP: recognised by content, checked before decoding, turned upright, converted to BGR."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import av
import cv2
import numpy as np

from w2l.base.files import atomic
from w2l.base.stderr import QUIET
from w2l.errors import W2LError
from w2l.video import profiles
from w2l.video.files import open_container, read_head

MAX_PIXELS = 120_000_000
"""Largest picture that is decoded, in pixels: more than any camera takes, less than would fill the memory."""
WHITE = 255
"""Grey behind transparent pictures, as in browsers."""

_BAND = 64  # rows of a transparent picture that are blended at a time
_WRITABLE = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
_JPEG_SIZE_MARKERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
HEIF_BRANDS = {"heic", "heix", "heim", "heis", "mif1", "avif", "hevc", "hevx", "msf1", "avis"}
"""Main brands of AVIF and HEIC files; the last four are those of animations."""
_TILED = re.compile(rb"infe(?:\x02.{7}|\x03.{9})(?:grid|iovl)", re.DOTALL)  # a picture made of several, in any order
_TURNED = re.compile(rb"\0\0\0\x09(?:irot|imir)")
# Earlier ones do not say that a picture is turned.
_TURNS_HEIF = av.library_versions["libavformat"] >= (62,)
_END_AND_START = b"\xff\xd9\xff\xd8\xff"  # where one JPEG follows another
_MOST_OF_JPEG = 1 << 24  # bytes that are searched for where a first frame ends
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")  # bare, and in a container


def sniff(path: str | os.PathLike[str]) -> str:
    """The kind of a file by its content: a picture or animation, or "" for others.

    "jpeg", "png", "apng" (animated PNG), "bmp", "gif", "webp", "heif" (AVIF or HEIC, moving or still), "mjpeg" (JPEGs
    one after another). Raises W2LError when the file is missing, not a file, empty, unreadable, text, a HEIC or AVIF
    picture in tiles, or a JPEG XL picture.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise W2LError(f"{path} does not exist; check the name and the folder.")
        if not path.is_file():
            raise W2LError(f"{path} is not a file; give the name of a video or a picture.")
    except OSError as error:  # an invalid file name
        raise W2LError(f"{path} cannot be read: {error.strerror}; check the name.") from error
    head = read_head(path, "a video or picture")
    is_heif = head[4:8] == b"ftyp" and head[8:12].decode("latin-1") in HEIF_BRANDS
    if (is_heif and not _is_plain_heif(head)) or head.startswith(_JPEG_XL):
        what = "HEIC or AVIF" if is_heif else "JPEG XL"
        raise W2LError(f"{path} is a {what} picture, which cannot be read here; save it as JPG or PNG.")
    if is_heif:
        return "heif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "apng" if any(name == b"acTL" for name, _ in _blocks(head, "png")) else "png"
    magics = {b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif", b"BM": "bmp"}
    kind = next((kind for magic, kind in magics.items() if head.startswith(magic)), "")
    return "mjpeg" if kind == "jpeg" and _is_motion_jpeg(path) else kind


def _is_plain_heif(head: bytes) -> bool:
    """Whether FFmpeg shows an AVIF or HEIC file as it is meant: tiles, which phones make, it does not put together."""
    return not _TILED.search(head) and (_TURNS_HEIF or not _TURNED.search(head))


def _is_motion_jpeg(path: Path) -> bool:
    """Whether a JPEG is the first frame of a raw stream: three in a row, and not a set of pictures (CIPA DC-007)."""
    with path.open("rb") as file:
        data = file.read(_MOST_OF_JPEG)
    segments = list(_blocks(data, "jpeg"))
    if any(name == b"\xe2" and block.startswith(b"MPF\0") for name, block in segments):
        return False
    pixels = 2 + sum(4 + len(block) for _, block in segments)  # thumbnails are before them
    second = data.find(_END_AND_START, pixels) + 2
    third = data.find(_END_AND_START, second) + 2
    return 1 < second < third and _image_size(data, "jpeg") == _image_size(data[second:third], "jpeg")


def read_image(path: str | os.PathLike[str], ground: int = WHITE) -> np.ndarray:
    """A picture as it is meant to be seen: (H, W, 3) uint8 BGR, upright.

    Reads JPEG, PNG, WebP, BMP and GIF (of an animation the first frame), whatever the file's name. Grey, palette, CMYK
    and 16-bit pictures become 8-bit BGR; colour profiles (Display P3 of phones) are converted to sRGB; transparent ones
    are laid over a background of this grey, 0 to 255; EXIF orientation is applied.
    Raises W2LError when the file is missing, broken, larger than ``MAX_PIXELS``, or not a picture.
    """
    path = Path(path)
    kind = sniff(path)
    if kind == "gif":
        return _first_gif_frame(path, ground)
    if kind in ("", "heif", "mjpeg"):
        raise W2LError(f"{path} is not a picture that can be read here; give a JPG, PNG, WebP, BMP or GIF.")
    data = path.read_bytes()
    check_size(path, *(_image_size(data, kind) or (0, 0)))
    if kind == "webp" and is_animated_webp(path):
        with path.open("rb") as file:
            return next(webp_frames(file, path, ground))[2]
    image = _decode(data, path)
    if profile := profiles.embedded(_blocks(data, kind)):
        image = profiles.to_srgb(_in_8_bits(image), profile, data)
    return _oriented(to_bgr(image, ground), _exif_orientation(data, kind))


def write_image(path: str | os.PathLike[str], frame: np.ndarray) -> None:
    """Writes a frame, (H, W, 3) uint8 BGR, as .png, .jpg, .webp or .bmp. Raises W2LError when it cannot be written."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITABLE:
        raise W2LError(f"cannot write a picture called {path.name}; end the name in {', '.join(sorted(_WRITABLE))}.")
    try:
        done, data = cv2.imencode(suffix, frame)
    except cv2.error:
        done = False
    if not done:
        shape = getattr(frame, "shape", None)
        raise W2LError(f"cannot write {path}: a picture of shape {shape} does not fit into a {suffix} file.")
    with atomic(path) as temporary:
        temporary.write_bytes(data.tobytes())


def check_size(path: Path, width: int, height: int) -> None:
    """Raises W2LError for a picture without a size, or with too many pixels to decode."""
    if width <= 0 or height <= 0:
        raise W2LError(f"{path} is broken: its header gives no picture size; save or copy it again.")
    if width * height > MAX_PIXELS:
        raise W2LError(f"{path} is too large: {width}x{height} pixels; make it smaller than {MAX_PIXELS // 10**6} MP.")


def to_bgr(image: np.ndarray, ground: int = WHITE) -> np.ndarray:
    """Any decoded picture (grey, BGR or BGRA; 8 or 16 bit) as (H, W, 3) uint8 BGR, over that grey if transparent."""
    image = _in_8_bits(image)
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.shape[2] == 4:
        return lay_over(np.full((*image.shape[:2], 3), ground, np.uint8), image)
    return image


def _in_8_bits(image: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(image, alpha=1 / 257) if image.dtype == np.uint16 else image


def lay_over(ground: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 BGRA (straight alpha) over (H, W, 3) uint8 BGR of the same size, as a new BGR frame."""
    laid = np.empty_like(ground)
    for top in range(0, len(image), _BAND):  # the products of a whole large picture would fill the memory
        rows = slice(top, top + _BAND)
        alpha = image[rows, :, 3:].astype(np.uint16)
        laid[rows] = (image[rows, :, :3] * alpha + ground[rows] * (255 - alpha) + 127) // 255
    return laid


# Animated WebP. FFmpeg up to 8.0 decodes only still WebP, and OpenCV 4.11+ only whole animations at once, so the
# container (RIFF; developers.google.com/speed/webp/docs/riff_container) is read here, one frame in memory.


def is_animated_webp(path: Path) -> bool:
    """Whether a WebP file declares an animation (bit 1 of the flags in its VP8X chunk)."""
    with path.open("rb") as file:
        head = file.read(21)
    return head[12:16] == b"VP8X" and len(head) == 21 and bool(head[20] & 2)


def webp_frames(file: BinaryIO, path: Path, ground: int = WHITE) -> Iterator[tuple[float, float, np.ndarray]]:
    """The frames of an animated WebP, composed: (time s, duration s, (H, W, 3) uint8 BGR), one at a time.

    Stops at a cut or broken frame; raises W2LError when not even the first one can be read.
    """
    canvas, time = None, 0.0
    try:
        for name, data in _riff_chunks(file):
            if name == b"VP8X":
                width, height = _uint24(data, 4) + 1, _uint24(data, 7) + 1
                check_size(path, width, height)
                canvas = np.full((height, width, 3), ground, np.uint8)
            elif name == b"ANMF" and canvas is not None:
                clear = _draw_webp_frame(canvas, data, path, ground)
                milliseconds = _uint24(data, 12)
                # As in browsers: a delay too short to be intended becomes 100 ms.
                duration = (milliseconds if milliseconds > 10 else 100) / 1000
                yield time, duration, canvas.copy()
                time += duration
                if clear:
                    x, y, width, height = _webp_box(data)
                    canvas[y : y + height, x : x + width] = ground
    except (W2LError, ValueError, IndexError) as error:
        if time == 0:
            raise W2LError(f"{path} is a broken animated WebP; save or copy it again.") from error
    if time == 0:
        raise W2LError(f"{path} is an animated WebP without a readable frame; save or copy it again.")


def _draw_webp_frame(canvas: np.ndarray, data: bytes, path: Path, ground: int) -> bool:
    """Draws one ANMF chunk onto the canvas; returns whether its box is to be cleared after it is shown."""
    x, y, width, height = _webp_box(data)
    flags = data[15]
    has_alpha = data[16:20] == b"ALPH"
    extended = bytes([16, 0, 0, 0]) + data[6:12] if has_alpha else b""
    body = (b"VP8X" + len(extended).to_bytes(4, "little") + extended if has_alpha else b"") + data[16:]
    still = b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body
    image = _decode(still, path)
    region = canvas[y : y + height, x : x + width]
    if region.shape[:2] != image.shape[:2]:
        raise ValueError("frame outside the canvas")
    if image.shape[2] == 3:
        region[:] = image
    elif flags & 2:
        region[:] = to_bgr(image, ground)
    else:
        region[:] = lay_over(region, image)
    return bool(flags & 1)


def _webp_box(data: bytes) -> tuple[int, int, int, int]:
    return 2 * _uint24(data, 0), 2 * _uint24(data, 3), _uint24(data, 6) + 1, _uint24(data, 9) + 1


def _uint24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _riff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the chunks of a WebP file, up to its end or the first incomplete chunk."""
    whole = os.fstat(file.fileno()).st_size
    file.seek(12)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        if size > whole - file.tell():  # checked first, because reading allocates memory of that size
            return
        yield head[:4], file.read(size)
        file.seek(size % 2, os.SEEK_CUR)


# Still pictures.


def _decode(data: bytes, path: Path) -> np.ndarray:
    """Decodes a still picture as it is stored: grey, BGR or BGRA, 8 or 16 bit."""
    with QUIET:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            image = None
    if image is None:
        raise W2LError(f"{path} is a broken picture and cannot be decoded; save or copy it again.")
    return image


def _first_gif_frame(path: Path, ground: int) -> np.ndarray:
    try:
        with open_container(path, "gif") as container:
            context = container.streams.video[0].codec_context
            check_size(path, context.width, context.height)
            return to_bgr(next(container.decode(video=0)).to_ndarray(format="bgra"), ground)
    except (av.error.FFmpegError, StopIteration, IndexError) as error:
        raise W2LError(f"{path} is a broken GIF and cannot be decoded; save or copy it again.") from error


def _image_size(data: bytes, kind: str) -> tuple[int, int] | None:
    """Width and height from the header, without decoding; None when the header is broken."""
    if kind == "bmp":
        size = int.from_bytes(data[18:22], "little"), abs(int.from_bytes(data[22:26], "little", signed=True))
        return size if len(data) >= 26 else None
    for name, block in _blocks(data, kind):
        if name == b"IHDR" and len(block) >= 8:
            return int.from_bytes(block[:4], "big"), int.from_bytes(block[4:8], "big")
        if kind == "jpeg" and name[0] in _JPEG_SIZE_MARKERS and len(block) >= 5:
            return int.from_bytes(block[3:5], "big"), int.from_bytes(block[1:3], "big")
        if name == b"VP8X" and len(block) >= 10:
            return _uint24(block, 4) + 1, _uint24(block, 7) + 1
        if name == b"VP8L" and len(block) >= 5:
            bits = int.from_bytes(block[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if name == b"VP8 " and len(block) >= 10:
            return int.from_bytes(block[6:8], "little") & 0x3FFF, int.from_bytes(block[8:10], "little") & 0x3FFF
    return None


def _blocks(data: bytes, kind: str) -> Iterator[tuple[bytes, bytes]]:
    """The named parts of a file: JPEG segments up to the image data, PNG chunks, WebP chunks."""
    at = {"jpeg": 2, "png": 8, "apng": 8, "webp": 12}.get(kind, len(data))
    while at + 8 <= len(data):
        if kind == "jpeg":
            if data[at] != 0xFF or data[at + 1] in (0xD9, 0xDA):
                return
            name, start, size = data[at + 1 : at + 2], at + 4, int.from_bytes(data[at + 2 : at + 4], "big") - 2
            after = start + size
        elif kind in ("png", "apng"):
            name, start, size = data[at + 4 : at + 8], at + 8, int.from_bytes(data[at : at + 4], "big")
            after = start + size + 4
        else:
            name, start, size = data[at : at + 4], at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
            after = start + size + size % 2
        if size < 0:
            return
        yield name, data[start : start + size]
        at = after


def _exif_orientation(data: bytes, kind: str) -> int:
    """EXIF orientation 1..8 (tag 0x0112 of the first directory); 1 when there is none."""
    for name, block in _blocks(data, kind):
        if name in (b"eXIf", b"EXIF") or (name == b"\xe1" and block.startswith(b"Exif\0\0")):
            tiff = block.removeprefix(b"Exif\0\0")
            order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
            directory = int.from_bytes(tiff[4:8], order)
            for entry in range(int.from_bytes(tiff[directory : directory + 2], order)):
                at = directory + 2 + 12 * entry
                if int.from_bytes(tiff[at : at + 2], order) == 0x0112:
                    value = int.from_bytes(tiff[at + 8 : at + 10], order)
                    return value if 1 <= value <= 8 else 1
    return 1


def _oriented(image: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes an EXIF orientation: 2-4 are flips and a half turn, 5-8 the same after a transposition."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
