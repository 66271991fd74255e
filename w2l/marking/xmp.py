"""An XMP packet inside mp4, GIF, WebP and PNG files: the place where picture tools look for what a file is.

Sources: XMP specification part 3 (where each container keeps the packet); IPTC Photo Metadata Standard, property
"Digital Source Type" in the namespace Iptc4xmpExt.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    Iptc4xmpExt:DigitalSourceType={source}
    xmp:CreatorTool={tool}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_SOURCE_TYPE = re.compile(r"""DigitalSourceType(?:\s*=\s*["']|\s*>\s*|\s+rdf:resource\s*=\s*["'])([^"'<\s]+)""")

_MP4_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_GIF_HEAD = b"\x21\xff\x0bXMP DataXMP"
# a reader without XMP parses the packet as data blocks; wherever it lands in this tail, it is led to the end
_GIF_TAIL = bytes([1, *range(255, -1, -1), 0, 0])
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD = b"XML:com.adobe.xmp\0\0\0\0\0"
_WEBP_HAS_XMP = 0x04
_MOST = 1 << 20  # bytes; a packet longer than this is not one of ours


def packet(digital_source_type: str, tool: str) -> bytes:
    """The XMP packet (UTF-8) that names the IPTC digital source type (a URI) and the tool that made the file."""
    return _PACKET.format(source=quoteattr(digital_source_type), tool=quoteattr(tool)).encode()


def digital_source_type(data: bytes) -> str | None:
    """The IPTC digital source type in an XMP packet, in any of the three ways XMP may write it; None without one."""
    found = _SOURCE_TYPE.search(data.decode("utf8", "replace"))
    return found.group(1) if found else None


def embed(path: str | os.PathLike[str], data: bytes) -> bool:
    """Writes the packet into the file in place; False when this kind of file has no place for it (judged by content).

    Only the end of the file is rewritten, whatever its length.
    """
    with Path(path).open("r+b") as file:
        head = file.read(16)
        if head[4:8] == b"ftyp":
            file.seek(0, os.SEEK_END)
            file.write(struct.pack(">I4s", 24 + len(data), b"uuid") + _MP4_UUID + data)
        elif head[:4] == b"GIF8":
            _insert_before(file, b"\x3b", _GIF_HEAD + data + _GIF_TAIL)
        elif head[:8] == _PNG_SIGNATURE:
            chunk = b"iTXt" + _PNG_HEAD + data
            end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
            _insert_before(file, end, struct.pack(">I", len(data) + len(_PNG_HEAD)) + chunk + _crc(chunk))
        elif head[:4] == b"RIFF" and head[8:] == b"WEBPVP8X":
            _append_to_webp(file, data)
        else:
            return False
    return True


def extract(path: str | os.PathLike[str]) -> bytes | None:
    """The XMP packet of an mp4 (mov), GIF, WebP or PNG file, judged by content; None when there is none."""
    with Path(path).open("rb") as file:
        head = file.read(16)
        file.seek(0)
        if head[4:8] == b"ftyp":
            return next((body[16:] for kind, body in _boxes(file) if kind == b"uuid" and body[:16] == _MP4_UUID), None)
        if head[:4] == b"GIF8":
            return _between(file, _GIF_HEAD, _GIF_TAIL)
        if head[:8] == _PNG_SIGNATURE:
            texts = (body for _, body in _png_chunks(file) if body.startswith(_PNG_HEAD))
            return next((body[len(_PNG_HEAD) :] for body in texts), None)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return next((body for kind, body in _riff_chunks(file) if kind == b"XMP "), None)
    return None


def _insert_before(file: BinaryIO, end: bytes, data: bytes) -> None:
    """Puts data before the bytes the file must end with."""
    file.seek(-len(end), os.SEEK_END)
    if file.read() != end:
        raise ValueError(f"{file.name} does not end with {end!r}: it is cut short")
    file.seek(-len(end), os.SEEK_END)
    file.write(data + end)


def _crc(chunk: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(chunk))


def _append_to_webp(file: BinaryIO, data: bytes) -> None:
    """Appends the chunk, sets the flag that announces it, and updates the length of the whole file."""
    file.seek(0, os.SEEK_END)
    file.write(b"XMP " + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))
    length = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", length))
    file.seek(20)  # RIFF, length, WEBP, VP8X, length: then the flags
    flags = file.read(1)[0]
    file.seek(20)
    file.write(bytes([flags | _WEBP_HAS_XMP]))


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(type, first megabyte of the body) of an mp4's top-level boxes; only `uuid` bodies are read."""
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        start = file.tell()
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
        if kind == b"uuid":
            yield kind, file.read(min(size - 8, _MOST))
        if size < 8:  # 0: up to the end of the file
            return
        file.seek(start - 8 + size)


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(type, first megabyte of the body) of a PNG's chunks: length, type, body, checksum."""
    file.seek(len(_PNG_SIGNATURE))
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        after = file.tell() + size + 4
        yield kind, file.read(min(size, _MOST))
        file.seek(after)


def _riff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(type, first megabyte of the body) of a RIFF file's chunks: type, length, body padded to an even length."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        after = file.tell() + size + size % 2
        yield kind, file.read(min(size, _MOST))
        file.seek(after)


def _between(file: BinaryIO, head: bytes, tail: bytes) -> bytes | None:
    """What is between head and tail, searched for in the last megabyte of the file."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _MOST))
    end = file.read()
    if (start := end.rfind(head)) < 0 or (stop := end.find(tail, start)) < 0:
        return None
    return end[start + len(head) : stop]
