"""Tests of colours: matrices where nothing is stated, HDR and wide colours on a common screen."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from helpers.places import SHARED

from w2l import video
from w2l.video.colour import assumed_matrix, shown

pytestmark = pytest.mark.usefixtures("quiet")

faults = pytest.mark.skipif(not (SHARED / "faults").is_dir(), reason="needs shared/faults")
FROM_BT709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # to BT.2020
PATCHES = np.array([(20, 20, 20), (90, 90, 90), (180, 140, 120), (200, 60, 60), (40, 120, 60), (110, 110, 190)]) / 255

_ENCODERS = {
    "libx264": {"qp": "0"},
    "libsvtav1": {"crf": "4"},
}


def pq(light):
    """The signal of light in cd/m² (SMPTE ST 2084)."""
    power = (light / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light):
    """The signal of light on a screen of 1000 cd/m² (BT.2100): first the scene of which it is a picture."""
    y = (light / 1000) @ (0.2627, 0.6780, 0.0593)
    scene = light / 1000 * np.maximum(y, 1e-9)[..., None] ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)


SIGNALS = {"pq": (pq, 16), "hlg": (hlg, 18), "sdr": (lambda light: (light / 203) ** (1 / 2.4), 14)}


def write_yuv(path: Path, colours, matrix, codec="libx264", tags=(2, 2, 2), depth=8) -> Path:
    """A clip of one frame, in vertical bars of these RGB signals, 0 to 1; tags: primaries, transfer, matrix."""
    kr, kb = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}[matrix]
    red, green, blue = np.moveaxis(np.asarray(colours, float), -1, 0)
    luma = kr * red + kb * blue + (1 - kr - kb) * green
    yuv = 16 + 219 * luma, 128 + 112 * (blue - luma) / (1 - kb), 128 + 112 * (red - luma) / (1 - kr)
    height, width = 64, 32 * luma.size
    pixels, kind = ("yuv420p10le", np.uint16) if depth == 10 else ("yuv420p", np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=_ENCODERS[codec])
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = tags
        frame = av.VideoFrame(width, height, pixels)
        for plane, values in zip(frame.planes, yuv, strict=True):
            bar = np.rint(values * 2 ** (depth - 8)).astype(kind)
            row = np.repeat(bar, plane.width // luma.size)
            padded = np.zeros((plane.height, plane.line_size // row.itemsize), kind)
            padded[:, : plane.width] = row
            plane.update(padded)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def bars(path: Path) -> np.ndarray:
    """The colours in the middle of the bars, as RGB."""
    (frame,) = video.read_frames(path)
    return frame[32, 16::32, ::-1].astype(int)


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [(1280, 544, 1), (1920, 800, 1), (720, 1280, 1), (960, 720, 1), (1024, 576, 5), (720, 576, 5), (512, 512, 5)],
)
def test_the_matrix_that_players_assume(width, height, matrix):
    assert assumed_matrix(width, height) == matrix


@pytest.mark.parametrize(("n", "matrix"), [(40, 1), (30, 6)], ids=["1280", "960"])
def test_untagged_clips(tmp_path, n, matrix):
    """HD is as wide as 1280 pixels, however few lines it has."""
    colours = np.array([(192, 64, 32)] * n)
    path = write_yuv(tmp_path / "untagged.mp4", colours / 255, matrix)
    assert np.abs(bars(path) - colours).max() <= 4


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize(("codec", "kind"), [("libx264", "mkv"), ("libsvtav1", "mp4")])
def test_hdr_and_wide_colours(tmp_path, monkeypatch, signal, codec, kind):
    """Colours of a common screen, put into HDR with white at 203 cd/m² as BT.2408 says, come back."""
    monkeypatch.setenv("SVT_LOG", "0")  # its encoder talks
    encode, transfer = SIGNALS[signal]
    light = 203 * PATCHES**2.4 @ FROM_BT709.T
    path = write_yuv(tmp_path / f"hdr.{kind}", encode(light), 9, codec, (9, transfer, 9), depth=10)
    assert np.abs(bars(path) - 255 * PATCHES).max() <= 9  # the brightest are rolled off already
    assert np.abs(bars(path) - 255 * PATCHES)[:2].max() <= 4


def test_bright_light_is_rolled_off():
    """Ever brighter greys stay grey and become brighter up to the peak; nothing but the peak is white."""
    light = np.array([0, 1, 50, 100, 203, 400, 700, 1000.0])
    grey = shown(np.repeat(pq(light)[:, None], 3, 1), 16, 9)
    assert np.ptp(grey, axis=1).max() < 1e-3
    assert (np.diff(grey[:, 0]) > 0.001).all()
    assert grey[-1, 0] == pytest.approx(1, abs=1e-3)
    assert 0.85 < grey[4, 0] < 0.95
    np.testing.assert_allclose(grey[2:4, 0], (light[2:4] / 203) ** (1 / 2.4), atol=0.015)


def write_mastered(path: Path, n: int, peak: int, **tags: int) -> Path:
    """A clip of n grey frames of 203 cd/m² in PQ, said to hold light up to this peak."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": f"cll={peak},100", "g": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, tags.get("transfer", 16), 9
        for _ in range(n):
            frame = av.VideoFrame(64, 64, "yuv420p10le")
            for plane, value in zip(frame.planes, (64 + 876 * pq(203.0), 512, 512), strict=True):
                plane.update(np.full((plane.height, plane.line_size // 2), round(value), np.uint16))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("peak", "level"), [(400, 244), (1000, 230), (4000, 210)])
def test_metadata_says_how_much_is_rolled_off(tmp_path, monkeypatch, peak, level):
    """Also when a clip is read from its middle, where frames do not carry it."""
    path = write_mastered(tmp_path / "graded.mkv", 12, peak)
    monkeypatch.setattr("w2l.video.ffmpeg._SEEK_FROM", 0.0)
    for start in (0, 3, 10):
        assert abs(int(next(video.read_frames(path, start=start / 25))[32, 32, 1]) - level) <= 2


def test_notes_say_what_cannot_be_shown(tmp_path):
    path = write_mastered(tmp_path / "clip.mp4", 1, 1000)
    (note,) = video.probe(path).notes
    assert "is HDR, the result is not" in note
    coded = write_yuv(tmp_path / "coded.mkv", PATCHES, 9, tags=(9, 16, 14))
    (note,) = video.probe(coded).notes
    assert "a code that is not known here" in note
    plain = write_mastered(tmp_path / "plain.mp4", 1, 1000, transfer=2)
    assert video.probe(plain).notes == ()
    plain.write_bytes(plain.read_bytes().replace(b"avc1", b"dva1"))
    (note,) = video.probe(plain).notes
    assert "only Dolby Vision shows rightly" in note


def test_colours_that_a_common_screen_lacks_turn_paler():
    """Pure colours of BT.2020 lie outside BT.709: they keep their lightness, and the order of their channels."""
    pure = np.array([[0.2, 0.6, 0.2], [0.0, 0.5, 0.0], [0.6, 0.0, 0.0]])
    seen = shown(pure, 14, 9)
    assert seen.min() == pytest.approx(0, abs=1e-6) and seen.max() < 1
    np.testing.assert_allclose(seen**2.4 @ (0.2126, 0.7152, 0.0722), pure**2.4 @ (0.2627, 0.6780, 0.0593), atol=1e-3)
    assert (seen.argmax(1) == pure.argmax(1)).all()


@faults
def test_a_real_hdr_clip():
    hdr, truth = (video.read_frames(SHARED / "faults" / name) for name in ("hdr_pq.mp4", "hdr_sdr_truth.mp4"))
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(hdr, truth, strict=True)) < 4


@faults
def test_a_real_untagged_clip():
    frame = next(video.read_frames(SHARED / "faults" / "hd_untagged_1280x544.mp4"))
    assert np.abs(frame[100, 100].astype(int) - (32, 64, 192)).max() <= 4
