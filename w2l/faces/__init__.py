"""Faces: detectors behind one protocol, the tracks of faces through a clip, their crops and the way back."""

from typing import TYPE_CHECKING

from w2l.faces.choose import WHICH, Which, parse_which
from w2l.faces.crop import CROP_SIZE, cut_crop, match_colour, paste
from w2l.faces.detection import Found, detect_clip
from w2l.faces.detectors import DETECTORS, Detector, FixedBox, Hog, YuNet, detector
from w2l.faces.track import GAPS, Scene, Track, find_tracks, see, spans, track_faces

if TYPE_CHECKING:
    from w2l.faces.s3fd import S3fd

__all__ = [
    "CROP_SIZE",
    "DETECTORS",
    "GAPS",
    "WHICH",
    "Detector",
    "FixedBox",
    "Found",
    "Hog",
    "S3fd",
    "Scene",
    "Track",
    "Which",
    "YuNet",
    "cut_crop",
    "detect_clip",
    "detector",
    "find_tracks",
    "match_colour",
    "parse_which",
    "paste",
    "see",
    "spans",
    "track_faces",
]


def __getattr__(name: str) -> object:
    """Imports S3fd when it is first asked for: it alone needs torch, which takes seconds to start."""
    if name == "S3fd":
        from w2l.faces.s3fd import S3fd

        return S3fd
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
