"""Makes the moving picture of the README: the bundled presenter as filmed, and beside it with the demo's new words.

In the clone: python -m tools.moving_picture    writes docs/pictures/speaks.webp, from bundled files alone
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image  # matplotlib brings it

import w2l
from w2l import audio
from w2l.base import files, paths
from w2l.base.lettering import line_of_text, put_text
from w2l.base.palette import CHOSEN, INK, PAPER, QUIET, WARNING
from w2l.base.version import __version__
from w2l.dubbing.stream import Moment
from w2l.marking import mark, xmp

OUT = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "speaks.webp"
MOST_BYTES = 1_500_000  # what a visitor of the page has to load
_TOP, _BOTTOM, _LEFT, _RIGHT = 36, 420, 64, 448  # the head, within the presenter's 512×512
_SIDE, _GAP, _MARGIN, _HEAD, _WAVE, _LETTERS = 320, 12, 12, 34, 56, 15  # pixels of the picture
_QUALITY = 62


def draw(moments: list[Moment], wav: np.ndarray) -> list[np.ndarray]:
    """The frames, HWC uint8 BGR: both faces, and the new speech with a line at the moment that is shown."""
    width = 2 * _MARGIN + 2 * _SIDE + _GAP
    ground = np.full((_HEAD + _SIDE + _GAP + _WAVE + _MARGIN, width, 3), PAPER, np.uint8)
    right = width - _MARGIN - line_of_text(mark.LABEL, _LETTERS).shape[1]
    put_text(ground, "the clip as it is", _MARGIN, 11, _LETTERS, INK)
    put_text(ground, "with new words", _MARGIN + _SIDE + _GAP, 11, _LETTERS, INK)
    put_text(ground, mark.LABEL, right, 11, _LETTERS, WARNING)
    inner, middle = width - 2 * _MARGIN, _HEAD + _SIDE + _GAP + _WAVE // 2
    loudest = [piece.max(initial=0.0) for piece in np.array_split(np.abs(wav), inner)]
    for x, level in enumerate(loudest, _MARGIN):
        half = max(1, round(level / max(loudest) * _WAVE / 2))
        cv2.line(ground, (x, middle - half), (x, middle + half), QUIET)
    frames = []
    for moment in moments:
        frame = ground.copy()
        for face, x in ((moment.frame, _MARGIN), (moment.result, _MARGIN + _SIDE + _GAP)):
            head = cv2.resize(face[_TOP:_BOTTOM, _LEFT:_RIGHT], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            frame[_HEAD : _HEAD + _SIDE, x : x + _SIDE] = head
        x = _MARGIN + round(moment.time * audio.SAMPLE_RATE / len(wav) * inner)
        cv2.line(frame, (x, middle - _WAVE // 2), (x, middle + _WAVE // 2), CHOSEN, 3)
        frames.append(frame)
    return frames


def main() -> int:
    """Dubs the presenter as `w2l demo` does and writes the picture."""
    samples = paths.data() / "samples"
    moments: list[Moment] = []
    with tempfile.TemporaryDirectory() as folder:
        dubbed = Path(folder) / "demo.mp4"
        w2l.dub(samples / "presenter.mp4", samples / "speech.wav", dubbed, watch=moments.append, progress=False)
    pictures = [Image.fromarray(frame[..., ::-1]) for frame in draw(moments, audio.load(samples / "speech.wav"))]
    packet = xmp.packet(mark.DIGITAL_SOURCE_TYPE, f"w2l {__version__}")
    with files.atomic(OUT) as temporary:
        pictures[0].save(
            temporary, "WEBP", save_all=True, append_images=pictures[1:], duration=1000 // audio.TRAINING_FPS, loop=0,
            quality=_QUALITY, method=6, xmp=packet,
        )  # fmt: skip
        size = temporary.stat().st_size
        assert size <= MOST_BYTES, f"{OUT.name} would have {size} bytes; lower its quality"
    print(f"{OUT}: {len(pictures)} frames, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
