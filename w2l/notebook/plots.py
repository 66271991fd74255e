"""Pictures, videos and small charts inside a notebook, small enough to be saved with it."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from w2l.errors import W2LError

MOST_VIDEO_BYTES = 4 << 20  # larger videos make Colab drop the connection; the page cannot read files by itself
_MOST_PNG_BYTES = 120_000  # larger pictures are shown as JPEG
_PLAYED = {".mp4": "video/mp4", ".webm": "video/webm"}


def show_picture(picture: np.ndarray | str | os.PathLike[str], width: int = 900) -> None:
    """Shows a picture, scaled down to `width` pixels if it is wider.

    picture: HWC uint8 BGR, or the path of a picture. Raises W2LError when the file cannot be read.
    """
    import cv2
    from IPython.display import Image, display

    from w2l import video

    pixels = picture if isinstance(picture, np.ndarray) else video.read_image(picture)
    if pixels.shape[1] > width:
        size = (width, max(1, round(pixels.shape[0] * width / pixels.shape[1])))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    display(Image(data=to_bytes(pixels)[0]))


def to_bytes(pixels: np.ndarray) -> tuple[bytes, str]:
    """A picture (HWC uint8 BGR) as a file in memory, and its kind: "png", or "jpeg" if that would be large."""
    import cv2

    data = cv2.imencode(".png", pixels)[1].tobytes()
    if len(data) <= _MOST_PNG_BYTES:
        return data, "png"
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes(), "jpeg"


def show_video(path: str | os.PathLike[str], width: int = 360) -> None:
    """Shows a video with its sound, `width` pixels wide; for one larger than 4 MB only the path is printed.

    Raises W2LError when the file is missing or of a kind that browsers do not play.
    """
    from IPython.display import Video, display

    path = Path(path)
    if not path.is_file():
        raise W2LError(f"no such file: {path}; run the cell that makes it.")
    if path.suffix.lower() not in _PLAYED:
        raise W2LError(f"{path} is not a video that browsers play; write an .mp4.")
    size = path.stat().st_size
    if size > MOST_VIDEO_BYTES:
        print(f"{path} is {size / 2**20:.1f} MB, too large to show here; open it from the file list, or download it.")
        return
    display(Video(data=path.read_bytes(), embed=True, mimetype=_PLAYED[path.suffix.lower()], width=width))


def show_row(pictures: Sequence[np.ndarray], titles: Sequence[str], height: int = 200) -> None:
    """Shows pictures (HWC uint8 BGR) in a row, `height` pixels high, under their titles; small ones stay sharp."""
    import cv2

    from w2l.base.lettering import put_text

    cells = []
    for picture, title in zip(pictures, titles, strict=True):
        size = (round(picture.shape[1] * height / picture.shape[0]), height)
        sharp = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_NEAREST
        cell = cv2.resize(picture, size, interpolation=sharp)
        cell = cv2.copyMakeBorder(cell, 24, 4, 0, 8, cv2.BORDER_CONSTANT, value=(255, 255, 255))
        put_text(cell, title, 2, 5, 14, (48, 42, 38))
        cells.append(cell)
    show_picture(np.hstack(cells), width=max(900, 2 * height))


def show_sound(wav: np.ndarray, rate: int = 16_000) -> None:
    """Shows a player for sound, float (N,) in [-1, 1]."""
    from IPython.display import Audio, display

    display(Audio(np.clip(wav, -1, 1), rate=rate, normalize=False))


def show_times(seconds: Mapping[str, float], title: str) -> None:
    """Shows stages and their seconds as bars, the first on top; stages that overlap add up to more than the whole."""
    import matplotlib.pyplot as plt

    names = list(seconds)[::-1]
    figure, axes = plt.subplots(figsize=(6, 0.5 + 0.3 * len(names)), layout="constrained")
    bars = axes.barh(names, [seconds[name] for name in names], color="#4a7fb5")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(xlabel="seconds", title=title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    plt.show()
    plt.close(figure)


def show_light(figure: Any) -> None:
    """Shows a figure in 128 colours: it looks the same, and is saved with the notebook in a quarter of the bytes."""
    from IPython.display import Image, display
    from PIL import Image as Pillow  # matplotlib brings it

    drawn, light = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Pillow.open(drawn).convert("RGB").quantize(128, dither=Pillow.Dither.NONE).save(light, "PNG", optimize=True)
    display(Image(data=light.getvalue()))
