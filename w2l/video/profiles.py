"""Colour profiles (ICC) of pictures: what a phone or a press meant by its numbers, as sRGB."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable

import cv2
import numpy as np

_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}  # Pillow's names for a profile's kinds of picture
_BAND = 256  # rows that are converted at a time
_SEEN = 3  # levels: a profile that changes no colour by more is sRGB under another name


def embedded(blocks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The profile among the named parts of a JPEG, PNG or WebP, as `w2l.video.images` splits it; b"" for none."""
    parts: dict[int, bytes] = {}
    for name, block in blocks:
        if name == b"\xe2" and block.startswith(b"ICC_PROFILE\0"):
            parts[block[12]] = block[14:]
        elif name == b"iCCP":
            try:
                return zlib.decompressobj().decompress(block.partition(b"\0")[2][1:], 1 << 24)
            except zlib.error:
                return b""
        elif name == b"ICCP":
            return block
    return b"".join(parts[i] for i in sorted(parts))


def to_srgb(image: np.ndarray, profile: bytes, data: bytes) -> np.ndarray:
    """A decoded picture with this profile, in sRGB: uint8, grey (H, W), BGR or BGRA; alpha stays.

    data: the file, for CMYK, whose four colours are converted by the profile and not by rule of thumb. The picture
    itself comes back where the profile is sRGB, broken, or for another kind of picture.
    """
    from PIL import Image, ImageCms  # matplotlib brings it

    height, width = image.shape[:2]
    try:
        known = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES[profile[16:20]]
        transform = ImageCms.buildTransform(known, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode == "CMYK" and height * width < (Image.MAX_IMAGE_PIXELS or 0):
            picture: Image.Image = Image.open(io.BytesIO(data))
            picture.load()
        else:
            picture = Image.fromarray(_rgb(image))
    except (ImageCms.PyCMSError, OSError, KeyError):
        return image
    if picture.mode != mode or picture.size != (width, height):
        return image

    def converted(part: Image.Image) -> np.ndarray:
        return np.asarray(ImageCms.applyTransform(part, transform))

    if mode != "CMYK":
        few = Image.fromarray(_samples(mode))
        if np.abs(converted(few) - np.asarray(few.convert("RGB"), np.int16)).max() <= _SEEN:
            return image
    bgr = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        bgr[top:bottom] = converted(picture.crop((0, top, width, bottom)))[..., ::-1]
    return np.dstack([bgr, image[..., 3]]) if image.ndim == 3 and image.shape[2] == 4 else bgr


def _rgb(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGB)


def _samples(mode: str) -> np.ndarray:
    """All greys, or colours from all over the cube."""
    if mode == "L":
        return np.arange(256, dtype=np.uint8)[None]
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
