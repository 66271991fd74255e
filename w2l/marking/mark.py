"""Marks results as synthetic: a small visible label, and the IPTC digital source type in the file's metadata.

Reading the mark back checks the signed content credentials too, which `w2l.marking.credentials` writes.

Sources: IPTC NewsCodes "Digital Source Type" (compositeWithTrainedAlgorithmicMedia: a recording edited with generative
AI, which is what a dub is); EU AI Act, article 50, asks for both a mark that machines read and one that people see.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from w2l.base.lettering import line_of_text
from w2l.base.version import __version__
from w2l.errors import W2LError
from w2l.marking import credentials, xmp

LABEL = "AI-generated"
DIGITAL_SOURCE_TYPE = credentials.DIGITAL_SOURCE_TYPE
CORNERS = ("bottom-right", "bottom-left", "top-right", "top-left")  # in order of preference

_TOOL = f"w2l {__version__}"
_KEY = "digital_source_type"  # the tag in the container, beside the XMP packet
_SIGNED = "Signed with content credentials (C2PA)."  # in the comment, which outlives what a re-encode drops
_STAYS = "the visible label, if one was drawn, remains."
_SYNTHETIC = ("trainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic")  # or "compositeWith" + one of them
_TEXT_SHARE = 0.036  # height of the text as a share of the shorter side of the frame
_LEAST_TEXT = 10  # pixels; text smaller than this cannot be read
_BACKING = 0.55  # how much of the dark backing covers the picture


@dataclass(frozen=True)
class Mark:
    """What `read` found in a file."""

    synthetic: bool  # whether the file says that AI made or edited it
    digital_source_type: str | None  # the IPTC URI, None when the file names none
    found_in: list[str] = field(default_factory=list)  # "xmp", "container", "credentials"
    tool: str | None = None  # what made the file, where it says so
    credentials: credentials.Credentials | None = None  # its content credentials, checked
    unchecked: bool = False  # whether it seems to have credentials, which cannot be checked without the extra
    signed: bool = False  # whether its tags say that it was signed when it was made


def metadata(signed: bool = False) -> dict[str, str]:
    """The tags for the container of a dubbed file (`VideoWriter(metadata=...)`).

    signed: say that `w2l.marking.credentials.sign` will sign the file, so that a lost signature can be told from one
    that never was.
    """
    comment = f"{LABEL}: the mouth in this video was redrawn by a neural network. {DIGITAL_SOURCE_TYPE}"
    return {
        _KEY: DIGITAL_SOURCE_TYPE,
        "comment": f"{comment} {_SIGNED}" if signed else comment,
        "encoder_tool": _TOOL,
    }


def embed(path: str | os.PathLike[str]) -> bool:
    """Writes the digital source type into a finished mp4, GIF, WebP or PNG as XMP, in place; False for other files."""
    return xmp.embed(path, xmp.packet(DIGITAL_SOURCE_TYPE, _TOOL))


def read(path: str | os.PathLike[str]) -> Mark:
    """Reads the mark back from a video or picture: from its XMP packet, its container's tags and its credentials.

    Raises W2LError when the file is missing or cannot be read at all.
    """
    path = Path(path)
    if not path.is_file():
        raise W2LError(f"no such file: {path}; check the path.")
    sources: dict[str, str] = {}
    if (data := xmp.extract(path)) and (uri := xmp.digital_source_type(data)):
        sources["xmp"] = uri
    tags = _container_tags(path)
    comment = tags.get("comment", "")
    if _KEY in tags:
        sources["container"] = tags[_KEY]
    elif DIGITAL_SOURCE_TYPE in comment:
        sources["container"] = DIGITAL_SOURCE_TYPE
    checked = credentials.read(path) if credentials.available() else None
    if checked and checked.digital_source_types:
        sources["credentials"] = _telling(checked.digital_source_types)
    uri = _telling(list(sources.values())) if sources else None
    return Mark(
        synthetic=uri is not None and _is_synthetic(uri),
        digital_source_type=uri,
        found_in=list(sources),
        tool=tags.get("encoder_tool") or (checked.tool if checked else None),
        credentials=checked,
        unchecked=not credentials.available() and credentials.present(path),
        signed=_SIGNED in comment,
    )


def describe(found: Mark) -> str:
    """What `read` found and what that means, in plain words, a line for each."""
    if found.digital_source_type is None:
        lines = ["carries no mark in its metadata, which re-encoding often strips; a visible label would stay"]
    else:
        made = f", made with {found.tool}" if found.tool else ""
        lines = [f"{'synthetic' if found.synthetic else 'not synthetic'}{made}"]
        lines += [f"{found.digital_source_type} (in {' and '.join(found.found_in)})"]
    return "\n".join([*lines, f"content credentials: {_describe_credentials(found)}"])


def _describe_credentials(found: Mark) -> str:
    if found.credentials:
        return credentials.describe(found.credentials)
    if found.unchecked:
        return 'there are some, but nothing here can check them; run pip install "w2l[credentials]".'
    if found.signed:
        return f"none, though w2l signed this file: it was re-encoded, or the signature was stripped; {_STAYS}"
    if found.synthetic:
        return f"none: the file was made without them, or re-encoded, or they were stripped; {_STAYS}"
    return "none."


def _container_tags(path: Path) -> dict[str, str]:
    """The container's tags; none if the file is not a video (a PNG), since its XMP packet then says everything."""
    from w2l import video

    try:
        return {key.lower(): value for key, value in video.read_metadata(path).items()}
    except W2LError:
        return {}


def _telling(uris: list[str]) -> str:
    """The first one that says AI was involved, or else the first one."""
    return next(filter(_is_synthetic, uris), uris[0])


def _is_synthetic(uri: str) -> bool:
    kind = uri.rstrip("/").rsplit("/", 1)[-1].lower()
    return any(kind.endswith(name.lower()) for name in _SYNTHETIC)


def label_frame(frame: np.ndarray, corner: str = CORNERS[0]) -> np.ndarray:
    """A copy of the frame with the label in one corner; the frame itself if it is too small for readable letters.

    frame: HWC uint8 BGR. Outside the label's rectangle (`label_box`) every pixel stays as it is.
    """
    box = label_box(frame.shape[1], frame.shape[0], corner)
    if box is None:
        return frame
    left, top, right, bottom = box
    grey, cover = _label(_letters(frame.shape[1], frame.shape[0]))
    out = frame.copy()
    under = out[top:bottom, left:right].astype(np.float32)
    out[top:bottom, left:right] = np.rint(under * (1 - cover) + grey * cover).astype(np.uint8)
    return out


def label_box(width: int, height: int, corner: str = CORNERS[0]) -> tuple[int, int, int, int] | None:
    """Where the label is on a frame of this size: x1, y1, x2, y2; None when the frame is too small for it."""
    if corner not in CORNERS:
        raise ValueError(f"corner={corner!r} is none of {', '.join(CORNERS)}")
    tall, wide = _label(_letters(width, height))[0].shape[:2]
    if wide > width or tall > height // 3:
        return None
    left = width - wide if corner.endswith("right") else 0
    top = height - tall if corner.startswith("bottom") else 0
    return left, top, left + wide, top + tall


def quiet_corner(width: int, height: int, boxes: np.ndarray) -> str:
    """The corner where the label covers the mouths least, over all boxes of a clip.

    boxes: float (n, 4) x1, y1, x2, y2 in pixels, NaN where there is no face. The whole clip has the
    same corner, so that the label never jumps. Of equally good corners the first in `CORNERS` is taken.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes) or label_box(width, height) is None:
        return CORNERS[0]
    mouths = boxes.copy()
    mouths[:, 1] = (boxes[:, 1] + boxes[:, 3]) / 2  # the lower half, which is what the generator redraws
    return min(CORNERS, key=lambda corner: _overlap(mouths, label_box(width, height, corner)))


def _overlap(boxes: np.ndarray, box: Sequence[float] | None) -> float:
    """Mean area in pixels that the boxes (n, 4) share with one box."""
    assert box is not None
    wide = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
    tall = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    return float((wide.clip(0) * tall.clip(0)).mean())


def _letters(width: int, height: int) -> int:
    """Height in pixels of the label's letters on a frame of this size."""
    return max(_LEAST_TEXT, round(_TEXT_SHARE * min(width, height)))


@lru_cache(maxsize=8)
def _label(letters: int) -> tuple[np.ndarray, np.ndarray]:
    """The label: its grey, float32 (h, w, 1) in [0, 255], and how much of the picture it covers, in [0, 1]."""
    ink = np.pad(line_of_text(LABEL, letters), max(2, letters // 4)).astype(np.float32)[..., None] / 255
    cover = np.maximum(ink, _BACKING)
    return 255 * ink / cover, cover
