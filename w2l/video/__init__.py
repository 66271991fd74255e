"""Clips read and written frame by frame: videos, animations and pictures in; H.264, GIF and WebP out."""

from w2l.video.excerpt import Excerpt, excerpt
from w2l.video.framing import Framing
from w2l.video.images import read_image, write_image
from w2l.video.reader import ClipInfo, probe, read_frames, read_metadata
from w2l.video.writer import VideoWriter

__all__ = [
    "ClipInfo",
    "Excerpt",
    "Framing",
    "VideoWriter",
    "excerpt",
    "probe",
    "read_frames",
    "read_image",
    "read_metadata",
    "write_image",
]
