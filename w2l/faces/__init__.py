"""Faces: detectors with one interface, the tracks of faces through a clip, their crops, and pasting them back."""

from typing import TYPE_CHECKING

from w2l.faces.choose import WHICH, Which, parse_which
from w2l.faces.crop import CROP_SIZE, SMALL_FACE, cut_crop, match_colour, paste
from w2l.faces.detection import Found, detect_clip
from w2l.faces.detectors import DETECTORS, HOG_IS_GONE, Detector, detector
from w2l.faces.fixed_box import FixedBox
from w2l.faces.scene import GAPS, Scene
from w2l.faces.search import Search, find_tracks, see, track_faces
from w2l.faces.track import Track, spans
from w2l.faces.yunet import YuNet

if TYPE_CHECKING:
    from w2l.faces.s3fd import S3fd

__all__ = [
    "CROP_SIZE",
    "DETECTORS",
    "GAPS",
    "SMALL_FACE",
    "WHICH",
    "Detector",
    "FixedBox",
    "Found",
    "S3fd",
    "Scene",
    "Search",
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
    """Imports S3fd when it is first used: it alone needs torch, which takes seconds to start."""
    if name == "S3fd":
        from w2l.faces.s3fd import S3fd

        return S3fd
    if name == "Hog":
        raise ImportError(f"w2l.faces.Hog: {HOG_IS_GONE}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
