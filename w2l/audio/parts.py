"""Sound files that were joined end to end: where each of them lies in the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_OGG_HEADER = 27  # bytes of a page before its segment table
_FIRST_PAGE = 2  # flag of a page that begins a logical stream


def parts(path: Path) -> list[tuple[int, int]]:
    """(first byte, byte after the last) of each of the wav or Ogg files that a file consists of.

    Of chained Ogg with one stream at a time (RFC 3533), and of wav files one after the other, FFmpeg reads the first.
    Any other file is one part.
    """
    size = os.path.getsize(path)
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"OggS":
            starts = _ogg_links(file)
        elif head[:4] == b"RIFF" and head[8:] == b"WAVE":
            starts = list(_wav_files(file, size))
        else:
            starts = [0]
    return list(zip(starts, [*starts[1:], size], strict=True))


def _wav_files(file: BinaryIO, size: int) -> Iterator[int]:
    at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        yield at
        at += 8 + int.from_bytes(head[4:8], "little")
        at += at % 2


def _ogg_links(file: BinaryIO) -> list[int]:
    """Where the links of a chain begin; only the beginning for streams side by side, as in a video."""
    starts: list[int] = []
    at, was_first = 0, False
    while True:
        file.seek(at)
        head = file.read(_OGG_HEADER)
        if len(head) < _OGG_HEADER or head[:4] != b"OggS":
            return starts
        is_first = bool(head[5] & _FIRST_PAGE)
        if is_first and was_first:
            return [0]
        if is_first:
            starts.append(at)
        was_first = is_first
        at += _OGG_HEADER + head[26] + sum(file.read(head[26]))


class Part:
    """Some of a file's bytes as a file of its own, for PyAV."""

    def __init__(self, file: BinaryIO, first: int, stop: int) -> None:
        self._file, self._first, self._stop = file, first, stop
        file.seek(first)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        left = self._stop - self._file.tell()
        return self._file.read(max(0, min(left, size) if size >= 0 else left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a place in the part, counted as in any file."""
        base = {os.SEEK_SET: self._first, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._stop}[whence]
        return self._file.seek(base + offset) - self._first

    def tell(self) -> int:
        """The place in the part."""
        return self._file.tell() - self._first
