"""Faces: detectors behind one protocol, the track of one face through a clip, its crops and the way back."""

from w2l.faces.crop import CROP_SIZE, cut_crop, match_colour, paste
from w2l.faces.detectors import Detector, FixedBox, Hog, YuNet, detector
from w2l.faces.track import GAPS, Track, track_faces

__all__ = [
    "CROP_SIZE",
    "GAPS",
    "Detector",
    "FixedBox",
    "Hog",
    "Track",
    "YuNet",
    "cut_crop",
    "detector",
    "match_colour",
    "paste",
    "track_faces",
]
