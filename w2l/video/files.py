"""Files before they are decoded: known suffixes, the first bytes, and opening a file with FFmpeg."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import av

from w2l.errors import W2LError

# Files found in a folder are recognised by these; a file that the user names is recognised by its content.
VIDEOS = (
    *(".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".3gp"),
    *(".mts", ".m2ts", ".m2t", ".mpe", ".mpv", ".m1v", ".m2v", ".vob", ".ogv", ".ogm", ".asf", ".f4v", ".3g2", ".3gpp"),
    *(".qt", ".mxf", ".dv", ".divx", ".rm", ".rmvb", ".mk3d", ".nut", ".wtv", ".y4m", ".ivf", ".mjpg", ".mjpeg"),
    *(".h264", ".h265", ".hevc"),
)
ANIMATIONS = (".gif", ".webp")  # without sound; a .webp may also be a still picture
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".apng", ".avif", ".jpe", ".jfif", ".dib")
SOUNDS = (
    *(".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma"),
    *(".oga", ".mka", ".weba", ".aif", ".aiff", ".aifc", ".caf", ".amr", ".awb", ".ac3", ".eac3", ".dts", ".mp2"),
    *(".mpga", ".m4b", ".m4r", ".wv", ".ape", ".tta", ".au", ".snd", ".spx", ".w64"),
)
FACES, SPEECHES = (*VIDEOS, *ANIMATIONS, *PICTURES), (*SOUNDS, *VIDEOS)
_KNOWN = {*FACES, *SOUNDS}

_HEAD = 65536  # bytes
_Y4M = b"YUV4MPEG2 "  # raw video with its header in letters, in which grey can look like letters too
_SHOWN = 5  # names of files that were left out
# Clips whose tags are not UTF-8 are read too; PyAV 19 does so by default.
_LENIENT = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def files_in(folder: str | os.PathLike[str], suffixes: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """The files in a folder that have one of these suffixes, and those left out that are no known kind; both sorted.

    Hidden files are ignored, and so are those beside a file taken, such as a text of its name. A link that leads
    nowhere is taken, so that it will be told. Raises W2LError when the folder cannot be read.
    """
    try:
        found = sorted(path for path in Path(folder).iterdir() if not path.name.startswith(".") and _is_file(path))
    except OSError as error:
        raise W2LError(
            f"the folder {folder} cannot be read: {error.strerror}; check its name and permissions."
        ) from error
    taken = [path for path in found if path.suffix.lower() in suffixes]
    stems = {path.stem for path in taken}
    return taken, [path for path in found if path.suffix.lower() not in _KNOWN and path.stem not in stems]


def _is_file(path: Path) -> bool:
    """Whether it is an ordinary file, or a link that leads nowhere: no folder, and nothing that would be waited for."""
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return True


def tell_left_out(names: Sequence[str | os.PathLike[str]]) -> str:
    """A sentence about files that were left out: how many, and some of them; "" for none."""
    if not names:
        return ""
    some = ", ".join(os.fspath(name) for name in names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
    what = (
        "1 file was left out, whose name ends"
        if len(names) == 1
        else f"{len(names)} files were left out, whose names end"
    )
    return f"{what} like no known kind of clip, picture or sound: {some}."


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
