"""The mark: a label that can be read and stays off the mouth, and metadata that comes back from every container."""

import struct
import zlib

import av
import cv2
import numpy as np
import pytest

from w2l import video
from w2l.errors import W2LError
from w2l.marking import mark, xmp

SIZES = [(96, 96), (160, 120), (640, 360), (1080, 1920), (3840, 2160)]


def _noise(width, height, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _write(path, n_frames=5, metadata=None):
    with video.VideoWriter(path, 25, metadata=metadata) as writer:
        for i in range(n_frames):
            writer.write(_noise(128, 96, i))
    return path


@pytest.mark.parametrize("size", SIZES)
def test_label_is_small_and_inside_its_box(size):
    frame = _noise(*size)
    before = frame.copy()
    x1, y1, x2, y2 = mark.label_box(*size)
    assert 0 <= x1 < x2 <= size[0]
    assert 0 <= y1 < y2 <= size[1]
    assert y2 - y1 >= 12, "too low to be read"
    assert (y2 - y1) <= max(14, 0.06 * min(size))
    labelled = mark.label_frame(frame)
    assert (frame == before).all(), "the given frame was changed"
    changed = (labelled != frame).any(axis=2)
    assert changed[y1:y2, x1:x2].mean() > 0.8
    changed[y1:y2, x1:x2] = False
    assert not changed.any()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ground", [0, 128, 255])
def test_label_stands_out_from_any_ground(size, ground):
    frame = np.full((size[1], size[0], 3), ground, np.uint8)
    x1, y1, x2, y2 = mark.label_box(*size)
    patch = mark.label_frame(frame)[y1:y2, x1:x2]
    assert patch.max() > 225
    backing = np.median(patch[0])
    assert patch.max() - backing > 100, "white letters need a darker backing"
    assert 0.08 < (patch[..., 0] > backing + 60).mean() < 0.6, "letters are there, and not one blot"


def test_every_letter_is_drawn():
    ink = mark.line_of_text(mark.LABEL, 40)
    columns = (ink > 60).any(axis=0)
    letters = np.count_nonzero(columns[1:] & ~columns[:-1]) + int(columns[0])
    assert letters >= 9, "twelve characters, some of which may touch"
    assert columns[0] or columns[1]
    assert columns[-1] or columns[-2], "cut at the right"


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (60, 90), (300, 20)])
def test_no_label_where_there_is_no_room(size):
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    assert mark.label_box(*size) is None
    assert mark.label_frame(frame) is frame
    assert mark.quiet_corner(*size, np.array([[0, 0, 1, 1]])) in mark.CORNERS


def test_unknown_corner_is_refused():
    with pytest.raises(ValueError, match="middle"):
        mark.label_box(640, 480, "middle")


def test_label_keeps_off_the_mouth():
    size = (320, 240)
    assert mark.quiet_corner(*size, np.array([[10, 10, 90, 90]])) == "bottom-right"
    assert mark.quiet_corner(*size, np.array([[200, 140, 320, 240]])) == "bottom-left"
    whole = np.array([[0, 0, 320, 240], [np.nan] * 4])
    assert mark.quiet_corner(*size, whole) == "top-right", "the mouth of a face that fills the frame is below"
    assert mark.quiet_corner(*size, np.full((3, 4), np.nan)) == "bottom-right"


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_mark_comes_back_and_the_file_still_plays(tmp_path, suffix):
    path = _write(tmp_path / f"out{suffix}", metadata=mark.metadata())
    before = list(video.read_frames(path))
    assert mark.embed(path)
    found = mark.read(path)
    assert found.synthetic
    assert found.digital_source_type == mark.DIGITAL_SOURCE_TYPE
    assert "xmp" in found.found_in
    assert ("container" in found.found_in) == (suffix == ".mp4")
    after = list(video.read_frames(path))
    assert len(after) == len(before)
    assert all((a == b).all() for a, b in zip(after, before, strict=True))


def test_container_alone_is_enough(tmp_path):
    found = mark.read(_write(tmp_path / "out.mp4", metadata=mark.metadata()))
    assert found.synthetic
    assert found.found_in == ["container"]
    assert found.tool.startswith("w2l ")


def test_picture_is_marked(tmp_path):
    path = tmp_path / "sheet.png"
    video.write_image(path, _noise(64, 48))
    assert mark.embed(path)
    assert mark.read(path).found_in == ["xmp"]
    assert (cv2.imread(str(path)) == _noise(64, 48)).all()
    data = path.read_bytes()
    at = data.index(b"iTXt")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    (checksum,) = struct.unpack(">I", data[at + 4 + length : at + 8 + length])
    assert checksum == zlib.crc32(data[at : at + 4 + length])
    assert data.endswith(struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND")))


def test_mp4_stays_a_chain_of_boxes(tmp_path):
    path = _write(tmp_path / "out.mp4")
    mark.embed(path)
    data, at, kinds = path.read_bytes(), 0, []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        kinds.append(kind)
        at += size
    assert at == len(data)
    assert kinds[-1] == b"uuid"
    assert kinds.index(b"moov") < kinds.index(b"mdat"), "the index must stay in front"


def test_webp_and_gif_stay_well_formed(tmp_path):
    webp = _write(tmp_path / "out.webp")
    mark.embed(webp)
    data = webp.read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert data[20] & 0x04
    gif = _write(tmp_path / "out.gif")
    mark.embed(gif)
    assert gif.read_bytes()[-1:] == b"\x3b"


def test_unmarked_and_unknown_files(tmp_path):
    plain = _write(tmp_path / "plain.mp4", metadata={"title": "holiday"})
    assert mark.read(plain) == mark.Mark(False, None, [], None)
    text = tmp_path / "note.txt"
    text.write_text("hello")
    assert not mark.embed(text)
    assert text.read_text() == "hello"
    assert mark.read(text).digital_source_type is None
    with pytest.raises(W2LError, match="no such file"):
        mark.read(tmp_path / "missing.mp4")


@pytest.mark.parametrize(
    ("uri", "synthetic"),
    [
        (mark.DIGITAL_SOURCE_TYPE, True),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", True),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture", False),
    ],
)
def test_what_counts_as_synthetic(tmp_path, uri, synthetic):
    found = mark.read(_write(tmp_path / "out.mp4", metadata={"digital_source_type": uri}))
    assert (found.synthetic, found.digital_source_type) == (synthetic, uri)


def test_ffmpeg_reads_the_tag(tmp_path):
    path = _write(tmp_path / "out.mp4", metadata=mark.metadata())
    with av.open(str(path)) as container:
        assert container.metadata["digital_source_type"] == mark.DIGITAL_SOURCE_TYPE
        assert mark.LABEL in container.metadata["comment"]


def test_described_in_plain_words(tmp_path):
    said = mark.describe(mark.read(_write(tmp_path / "out.mp4", metadata=mark.metadata()))).splitlines()
    assert said[0].startswith("synthetic, made with w2l ")
    assert said[1] == f"{mark.DIGITAL_SOURCE_TYPE} (in container)"
    assert said[2].startswith("content credentials: none: the file was made without them")
    plain = mark.describe(mark.read(_write(tmp_path / "plain.mp4")))
    assert plain.startswith("carries no mark in its metadata") and plain.endswith("\ncontent credentials: none.")
    camera = {"digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}
    assert mark.describe(mark.read(_write(tmp_path / "camera.mp4", metadata=camera))).startswith("not synthetic\n")


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_statements_the_one_about_ai_counts(tmp_path, order):
    camera = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    in_tags, in_xmp = [camera, mark.DIGITAL_SOURCE_TYPE][::order]
    path = _write(tmp_path / "out.mp4", metadata={"digital_source_type": in_tags})
    assert xmp.embed(path, xmp.packet(in_xmp, "a test"))
    found = mark.read(path)
    assert (found.synthetic, found.digital_source_type) == (True, mark.DIGITAL_SOURCE_TYPE)
    assert found.found_in == ["xmp", "container"]
