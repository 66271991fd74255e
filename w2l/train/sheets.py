"""Sample sheets: reference, input, generated and true faces side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from w2l.base.lettering import put_text
from w2l.base.palette import INK, PAPER
from w2l.faces.crop import CROP_SIZE
from w2l.video import write_image

_ZOOM, _GAP, _TITLE = 2, 6, 22


def write(path: Path, groups: Mapping[str, torch.Tensor], per_row: int) -> None:
    """Writes a PNG with a column for each name: its (N, 3, H, H) faces in [0, 1], `per_row` of them in a row.

    Faces of 96 pixels are shown at twice their size, larger ones as they are.
    """
    columns = []
    for name, faces in groups.items():
        pixels = faces.detach().clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        rows = [np.hstack(list(pixels[at : at + per_row])) for at in range(0, len(pixels), per_row)]
        zoom = max(1, _ZOOM * CROP_SIZE // faces.shape[-1])
        picture = cv2.resize(np.vstack(rows), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        column = np.full((picture.shape[0] + _TITLE, picture.shape[1] + _GAP, 3), PAPER, np.uint8)
        column[_TITLE:, :-_GAP] = picture
        put_text(column, name, 4, 4, _TITLE - 8, INK)
        columns.append(column)
    write_image(path, np.hstack(columns))
