"""A picture of mouths over time, real and generated, enlarged."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import cv2
import numpy as np

from w2l.base import files
from w2l.data.corpus import corpus
from w2l.evaluate.held_out import Dubber
from w2l.faces.crop import CROP_SIZE
from w2l.talker.cast import DEFAULT_CAST, Cast
from w2l.video import write_image

_TALKERS, _MOMENTS, _ZOOM = 4, 10, 2


def write(path: str | os.PathLike[str], generator: str, split: str, cast: Cast = DEFAULT_CAST) -> Path:
    """Writes a PNG with rows for four talkers: real, matched speech, swapped speech, the talker whose speech that was.

    Columns are 0.16 s apart; they show the lower halves of the crops, of the generator's size, at 192 pixels across.
    """
    with files.keeping(generator):
        files.check_output(path)
    dubber = Dubber.load(generator)
    clips = corpus(split, _TALKERS + 1, progress=False, cast=cast, size=dubber.size)
    at = np.arange(_MOMENTS) * 4 + 10
    rows = []
    for clip, other in itertools.pairwise(clips):
        for frames in (
            clip.frames[:],
            *(dubber.speak(clip.frames[:], mel) for mel in (clip.mel, other.mel)),
            other.frames[:],
        ):
            rows.append(np.hstack(list(frames[at, 40 * clip.size // CROP_SIZE :])))
        rows.append(np.full((6, rows[0].shape[1], 3), 255, np.uint8))
    zoom = max(1, _ZOOM * CROP_SIZE // dubber.size)
    sheet = cv2.resize(np.vstack(rows), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    write_image(path, sheet)
    return Path(path)
