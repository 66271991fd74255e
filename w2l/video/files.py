"""Files before they are decoded: known suffixes, the first bytes, and opening a file with FFmpeg."""

from __future__ import annotations

from pathlib import Path

import av

from w2l.errors import W2LError

# Files found in a folder are recognised by these; a file that the user names is recognised by its content.
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp")
ANIMATIONS = (".gif", ".webp")  # without sound; a .webp may also be a still picture
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
SOUNDS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma")

_HEAD = 65536  # bytes
_Y4M = b"YUV4MPEG2 "  # raw video with its header in letters, in which grey can look like letters too
# Clips whose tags are not UTF-8 are read too; PyAV 19 does so by default.
_LENIENT = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def read_head(path: Path, what: str) -> bytes:
    """The first 64 kB of a file. Raises W2LError when it is unreadable, empty, or text and so not ``what``."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise W2LError(f"{path} cannot be read: {error.strerror}; check its permissions.") from error
    if not head:
        raise W2LError(f"{path} is empty (0 bytes); copy or download it again.")
    if _is_text(head[:4096]) and not head.startswith(_Y4M):
        # This also keeps playlists away from FFmpeg, which would follow them to other files and to the network.
        raise W2LError(f"{path} is a text file, not {what}, whatever its name says; copy or download it again.")
    return head


def _is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are printable UTF-8."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else only the last character is cut
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)


def open_container(path: Path, kind: str | None = None, **demuxer: str) -> av.container.InputContainer:
    """Opens a local file for reading, as FFmpeg's format ``kind`` or a detected one; raises PyAV's own errors.

    demuxer: options of FFmpeg's format.
    """
    # Only local files (a playlist could point anywhere), only by their literal name. Not as ``options``: those are also
    # passed to the streams, and PyAV 15 crashes on MPEG files, whose streams are not known at first.
    options = {"protocol_whitelist": "file", "pattern_type": "none", **demuxer}
    return av.open(f"file:{path.resolve()}", "r", format=kind, container_options=options, **_LENIENT)  # type: ignore[call-overload]
