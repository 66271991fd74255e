"""The streaming reader and writer: times, geometry, colours, sound, and files that are broken or cannot be written."""

from __future__ import annotations

import gc
import math
import struct
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from w2l import video
from w2l.errors import W2LError
from w2l.video.ffmpeg import Shot, usual_rate
from w2l.video.images import to_bgr
from w2l.video.reader import _constant_rate


@pytest.fixture(autouse=True)
def quiet(capfd):
    """Nothing, of FFmpeg's log or of image libraries, may reach the terminal."""
    yield
    out, err = capfd.readouterr()
    assert out == ""
    assert err == ""


# Makers of clips.


def grey(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def levels(frames) -> list[int]:
    """Which of the flat frames grey(20 + 10 k) each frame is: k."""
    return [round((float(frame.mean()) - 20) / 10) for frame in frames]


def write_h264(path: Path, ticks: list[int], last: int = 40, sar: Fraction | None = None, tick_rate=1000) -> Path:
    """A clip whose k-th frame is grey(20 + 10 k), shown at the given times (in milliseconds), the last for `last`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, tick_rate)
        if sar:
            stream.codec_context.sample_aspect_ratio = sar
        for k, at in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(grey(20 + 10 * k), format="bgr24")
            frame.pts, frame.time_base = at, Fraction(1, tick_rate)
            frame.duration = ([*ticks, at + last][k + 1]) - at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_clip(path: Path, n: int = 10, fps: float | Fraction = 25, **options) -> Path:
    with video.VideoWriter(path, fps, **options) as writer:
        for k in range(n):
            writer.write(grey(20 + 10 * (k % 23)))
    return path


def corners(height: int = 48, width: int = 64) -> np.ndarray:
    """Four quarters of different colours, so that every turn and mirroring shows."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (40, 40, 220)
    picture[: height // 2, width // 2 :] = (40, 200, 40)
    picture[height // 2 :, : width // 2] = (220, 60, 40)
    picture[height // 2 :, width // 2 :] = (200, 200, 200)
    return picture


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Writes a, b, c, d into the matrix of the first track header of an mp4 (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, at, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def png(width: int, height: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand: colour type 3 is a palette, 6 RGBA; 8 bits a channel."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def webp_animation(path: Path, size: tuple[int, int], frames: list[tuple[np.ndarray, int, int, int, int]]) -> Path:
    """An animated WebP of (picture, x, y, milliseconds, flags), flags: 1 clear afterwards, 2 do not blend."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def three(number: int) -> bytes:
        return number.to_bytes(3, "little")

    body = chunk(b"VP8X", bytes([0x12, 0, 0, 0]) + three(size[0] - 1) + three(size[1] - 1))
    body += chunk(b"ANIM", bytes(6))
    for picture, x, y, milliseconds, flags in frames:
        done, still = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 101])
        assert done
        inner = still.tobytes()[12:]
        if inner[:4] == b"VP8X":
            inner = inner[18:]
        head = three(x // 2) + three(y // 2) + three(picture.shape[1] - 1) + three(picture.shape[0] - 1)
        body += chunk(b"ANMF", head + three(milliseconds) + bytes([flags]) + inner)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    return path


# Times.


def test_variable_rate_becomes_constant(tmp_path):
    path = write_h264(tmp_path / "phone.mp4", [0, 40, 80, 200, 240, 400])
    info = video.probe(path)
    assert info.duration == pytest.approx(0.44, abs=0.002)
    assert levels(video.read_frames(path, fps=25)) == [0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5]
    assert levels(video.read_frames(path, fps=12.5)) == [0, 2, 2, 4, 4, 5]
    assert levels(video.read_frames(path, fps=50)) == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]


def test_a_grid_with_dropped_frames_keeps_its_rate(tmp_path):
    grid = (0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 14, 15)
    path = write_h264(tmp_path / "dropped.mp4", [512 * k for k in grid], last=512, tick_rate=15360)
    assert video.probe(path).fps == 30
    assert levels(video.read_frames(path)) == [0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 9, 10, 11]


@pytest.mark.parametrize(
    ("average", "base", "rate"),
    [
        (1350 / 61, 30, 30),  # a grid of 30 with frames dropped
        (750000 / 71393, 90000, 11),
        (25, 50, 25),  # fields
        (29.97, 29.97, 30000 / 1001),
        (24000 / 1001, 0, 24000 / 1001),
        (1, 1, 1),
        (0.1, 0, 1),
        (1000, 0, 120),
        (0, 0, 25),
    ],
)
def test_usual_rate(average, base, rate):
    assert usual_rate(average, base) == pytest.approx(rate, rel=1e-9)


def test_resampling_against_the_definition():
    """Many random clips: frame i is the latest that has appeared by start + i / fps, and the count is exact."""
    random = np.random.default_rng(1)
    for _ in range(300):
        gaps = random.choice([5, 8, 17, 33, 40, 67, 300], size=random.integers(1, 30))
        times = np.concatenate([[0], np.cumsum(gaps)]) / 1000
        last = float(random.choice([0.005, 0.04, 0.2]))
        fps = float(random.choice([1, 7, 12.5, 24000 / 1001, 25, 30, 60, 120]))
        start = float(random.choice([0, 0, times[-1] / 2]))
        lengths = np.append(np.diff(times), last)
        shots = [Shot(float(t), float(d), lambda k=k: k) for k, (t, d) in enumerate(zip(times, lengths, strict=True))]
        got = list(_constant_rate(shots, fps, start, 0.0, None, Path("clip")))
        end = times[-1] + last
        n = max(1, math.floor((end - start) * fps + 0.5 + 1e-6))
        tolerance = min(0.0006, 0.25 / fps)
        want = [max(k for k, t in enumerate(times) if t <= start + i / fps + tolerance) for i in range(n)]
        assert got == want
        limit = int(random.integers(1, 20))
        assert list(_constant_rate(shots, fps, start, 0.0, limit, Path("clip"))) == want[:limit]


def test_millisecond_timestamps_do_not_slip(tmp_path):
    """Matroska rounds 1/30 s to 33 and 67 ms; a frame may then seem to come after its moment."""
    path = write_h264(tmp_path / "clip.mkv", [round(k * 100 / 3) for k in range(20)], last=33)
    assert levels(video.read_frames(path, fps=30)) == list(range(20))


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_time_starts_at_the_first_picture(tmp_path, kind):
    path = write_h264(tmp_path / f"late.{kind}", [500 + 40 * k for k in range(6)])
    assert video.probe(path).n_frames == 6
    assert levels(video.read_frames(path)) == list(range(6))


def test_start_and_length(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", n=10)
    assert levels(video.read_frames(path, start=0.2)) == [5, 6, 7, 8, 9]
    assert levels(video.read_frames(path, start=0.2, max_frames=2)) == [5, 6]
    assert levels(video.read_frames(path, max_frames=3)) == [0, 1, 2]
    with pytest.raises(W2LError, match=r"ends at 0\.40 s"):
        next(video.read_frames(path, start=7))


def test_a_late_start_is_reached_by_seeking(tmp_path):
    path = tmp_path / "long.mp4"
    with video.VideoWriter(path, 25) as writer:
        for k in range(600):
            writer.write(np.full((16, 16, 3), 20 + 20 * (k % 10), np.uint8) + np.uint8(k // 100))
    whole = [int(frame[8, 8, 0]) for frame in video.read_frames(path)]
    assert len(whole) == 600
    for at in (100, 251, 598):
        assert [int(f[8, 8, 0]) for f in video.read_frames(path, start=at / 25)] == whole[at:]


def test_frames_may_be_changed_by_who_asked(tmp_path):
    frames = video.read_frames(write_h264(tmp_path / "clip.mp4", [0, 400], last=400), fps=25)
    for frame in frames:
        assert frame.flags.c_contiguous
        assert frame.mean() > 10
        frame[:] = 0


def test_frames_do_not_pile_up(tmp_path):
    """Neither reading nor writing keeps frames, even while Python's cycle collector does not come by."""
    path = tmp_path / "clip.mp4"
    gc.collect()
    gc.disable()
    try:
        write_clip(path, n=150)
        assert sum(1 for _ in video.read_frames(path)) == 150
        assert sum(type(thing) is av.VideoFrame for thing in gc.get_objects()) < 20
    finally:
        gc.enable()


MEASURE = """
import sys
import numpy as np, psutil
from w2l import video

process = psutil.Process()
stripes = np.arange(1280, dtype=np.uint8)[None, :, None].repeat(720, 0).repeat(3, 2)
resident = {"write": [], "read": []}
with video.VideoWriter(sys.argv[1], 25) as writer:
    for k in range(700):
        stripes[:64, :64] = k % 256
        writer.write(stripes)
        resident["write"].append(process.memory_info().rss)
for _ in video.read_frames(sys.argv[1]):
    resident["read"].append(process.memory_info().rss)
for name, sizes in resident.items():
    assert len(sizes) == 700
    early, late = max(sizes[150:250]), max(sizes[550:650])
    print(f"{name}: {early / 2**20:.1f} MiB at frame 200, {late / 2**20:.1f} MiB at frame 600")
    assert abs(late / early - 1) < 0.03, name
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path):
    """700 frames of 1280x720, written and read in a process of their own."""
    pytest.importorskip("psutil")
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "long.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_reader_can_be_left_early(tmp_path):
    frames = video.read_frames(write_clip(tmp_path / "clip.mp4"))
    next(frames)
    frames.close()
    (tmp_path / "clip.mp4").unlink()


# Geometry.


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((1, 0, 0, 1), lambda p: p),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    ],
    ids=["none", "90", "180", "270", "mirror", "flip", "transpose"],
)
def test_rotation_is_obeyed(tmp_path, matrix, turn):
    path = tmp_path / "phone.mp4"
    with video.VideoWriter(path, 25) as writer:
        writer.write(corners())
    set_display_matrix(path, *matrix)
    want = turn(corners()).astype(int)
    info = video.probe(path)
    (frame,) = video.read_frames(path)
    assert frame.shape == want.shape == (info.height, info.width, 3)
    assert np.abs(frame - want).mean() < 8


@pytest.mark.parametrize(
    ("matrix", "turn"), [((1, 0, 0, 1), 0), ((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)]
)
def test_rotation_is_obeyed_beside_exif(tmp_path, matrix, turn):
    """Frames may carry more than a rotation, of kinds that not every PyAV knows: EXIF, the views of a spatial video."""
    path = tmp_path / "camera.mov"
    tiff = b"Exif\0\0II" + struct.pack("<HIHHHIHHI", 42, 8, 1, 0x0131, 2, 1, ord("A"), 0, 0)
    jpeg = cv2.imencode(".jpg", corners())[1].tobytes()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        packet = av.Packet(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 2) + tiff + jpeg[2:])
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
        container.mux(packet)
    set_display_matrix(path, *matrix)
    (frame,) = video.read_frames(path)
    assert frame.shape == np.rot90(corners(), turn).shape
    assert np.abs(frame - np.rot90(corners(), turn).astype(int)).mean() < 8


@pytest.mark.parametrize(("sar", "size"), [((2, 1), (128, 48)), ((1, 2), (64, 96)), ((16, 15), (68, 48))])
def test_pixels_become_square(tmp_path, sar, size):
    path = write_h264(tmp_path / "pal.mp4", [0, 40], sar=Fraction(*sar))
    info = video.probe(path)
    assert (info.width, info.height) == size
    assert all(frame.shape == (size[1], size[0], 3) for frame in video.read_frames(path))


def test_the_larger_of_two_streams_is_read(tmp_path):
    with av.open(str(tmp_path / "two.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, width in zip(streams, (32, 64), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, 32, "yuv420p"
        for stream, width in zip(streams, (32, 64), strict=True):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(90, 32, width), format="bgr24")))
            container.mux(stream.encode(None))
    assert video.probe(tmp_path / "two.mkv").width == 64


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (1, 1), (101, 30)])
def test_odd_sizes_repeat_the_last_row_and_column(tmp_path, height, width):
    picture = cv2.resize(corners(), (width, height), interpolation=cv2.INTER_NEAREST)
    with video.VideoWriter(tmp_path / "odd.mp4", 25, quality=5) as writer:
        writer.write(picture)
        writer.write(picture)
    frames = list(video.read_frames(tmp_path / "odd.mp4"))
    assert [frame.shape for frame in frames] == [(height + height % 2, width + width % 2, 3)] * 2
    want = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(int)
    assert np.abs(frames[0] - want).mean() < 6


# Colours.


@pytest.mark.parametrize(("height", "width", "matrix"), [(96, 128, 6), (720, 1280, 1)])
def test_colours_survive(tmp_path, height, width, matrix):
    path = tmp_path / "colours.mp4"
    picture = corners(height, width)
    with video.VideoWriter(path, 25) as writer:
        writer.write(picture)
    (frame,) = video.read_frames(path)
    inner = [(h, w) for h in (height // 4, 3 * height // 4) for w in (width // 4, 3 * width // 4)]
    for at in inner:
        assert np.abs(frame[at].astype(int) - picture[at]).max() <= 3
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (int(context.colorspace), int(context.color_range), int(context.color_primaries)) == (matrix, 1, 1)


@pytest.mark.parametrize("matrix", [1, 6, 2], ids=["709", "601", "untagged"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_colour_tags_are_obeyed(tmp_path, matrix, full):
    """YUV computed here from the definition (H.273), read back as BGR."""
    blue, green, red = 30, 60, 200
    kr, kb = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    luma = kr * red + kb * blue + (1 - kr - kb) * green
    chroma = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    yuv = (
        (luma, *(128 + c for c in chroma)) if full else (16 + luma * 219 / 255, *(128 + c * 224 / 255 for c in chroma))
    )
    planes = np.repeat(np.rint(yuv).astype(np.uint8), [64, 16, 16])[:, None].repeat(64, 1)
    with av.open(str(tmp_path / "tagged.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))
    (frame,) = video.read_frames(tmp_path / "tagged.mp4")
    assert np.abs(frame[32, 32].astype(int) - (blue, green, red)).max() <= 3


# Sound and container.


def chirp(seconds: float, rate: int) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (200 + 600 * t) * t) * np.sin(np.pi * 3 * t) ** 2).astype(np.float32)


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        lead = round(float(frames[0].time) * frames[0].sample_rate)
        assert lead >= 0
        samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
        return np.pad(samples, ((0, 0), (lead, 0))), frames[0].sample_rate


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(16000, 1, 2.345), (44100, 2, 1.234), (48000, 1, 0.31), (22050, 1, 1.0), (37800, 1, 1.5), (8000, 2, 0.7)],
)
def test_sound_is_whole_and_in_time(tmp_path, rate, channels, seconds):
    wav = chirp(seconds, rate)
    given = wav if channels == 1 else np.stack([wav, wav[::-1]], axis=1)
    n = round(seconds * 25)
    path = write_clip(tmp_path / "spoken.mp4", n=n, audio=(given, rate))
    assert sum(1 for _ in video.read_frames(path)) == n
    assert video.probe(path).has_audio
    got, coded_rate = read_sound(path)
    assert got.shape[0] == channels
    # AAC codes whole blocks of 1024 samples; nothing may be missing, and no more than a block may be added
    assert -1 <= got.shape[1] - seconds * coded_rate <= 1025
    want = np.interp(np.arange(round(seconds * coded_rate)) / coded_rate, np.arange(len(wav)) / rate, wav)
    size = 2 * max(got.shape[1], len(want))
    match = np.fft.irfft(np.fft.rfft(got[0], size) * np.conj(np.fft.rfft(want, size)), size)
    lag = int(np.argmax(match))
    lag -= size if lag > size // 2 else 0
    assert abs(lag) / coded_rate < 0.002
    assert match.max() > 0.9 * float((want**2).sum())


@pytest.mark.parametrize("seconds", [0.1, 3.0], ids=["shorter", "longer"])
def test_sound_need_not_be_as_long_as_the_pictures(tmp_path, seconds):
    path = write_clip(tmp_path / "clip.mp4", n=20, audio=(chirp(seconds, 16000), 16000))
    assert levels(video.read_frames(path)) == list(range(20))
    assert read_sound(path)[0].shape[1] >= seconds * 16000


def test_sound_and_pictures_lie_interleaved(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", n=23, fps=5, audio=(chirp(4.6, 16000), 16000))
    with av.open(str(path)) as container:
        packets = [(p.pos, p.stream.type) for p in container.demux() if p.size]
    kinds = [kind for _, kind in sorted(packets)]
    assert sum(a != b for a, b in pairwise(kinds)) > 4


def test_tags_and_index_in_front(tmp_path):
    tags = {"title": "Größe", "digital_source_type": "http://cv.iptc.org/x?y=1", "my own key": "a=b; c"}
    path = write_clip(tmp_path / "clip.mp4", metadata=tags)
    assert tags.items() <= video.read_metadata(path).items()
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_tags_in_another_encoding_do_no_harm(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", metadata={"title": "Gruesse"})
    path.write_bytes(path.read_bytes().replace(b"Gruesse", "Grüße..".encode("latin-1")))
    assert video.probe(path).n_frames == 10
    assert video.read_metadata(path)["title"].startswith("Gr")


@pytest.mark.parametrize("fps", [25, 29.97, 30000 / 1001, Fraction(24000, 1001), 23.976, 12.5, 60])
def test_rates_come_back(tmp_path, fps):
    path = write_clip(tmp_path / "clip.mp4", n=12, fps=fps)
    info = video.probe(path)
    assert info.fps == pytest.approx(float(fps), rel=1e-4)
    assert info.n_frames == 12
    assert levels(video.read_frames(path)) == list(range(12))


def test_a_clip_of_one_frame(tmp_path):
    path = write_clip(tmp_path / "one.mp4", n=1)
    info = video.probe(path)
    assert (info.n_frames, info.is_still, info.has_audio, info.codec) == (1, False, False, "h264")
    assert levels(video.read_frames(path)) == [0]


def test_a_gif_with_a_comment_in_another_encoding(tmp_path):
    data = write_clip(tmp_path / "clip.gif", n=3).read_bytes()
    table = 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 128 else 0
    at = 13 + table
    (tmp_path / "clip.gif").write_bytes(data[:at] + b"\x21\xfe\x06Gr\xfc\xdfe.\0" + data[at:])
    assert video.probe(tmp_path / "clip.gif").n_frames == 3
    assert levels(video.read_frames(tmp_path / "clip.gif")) == [0, 1, 2]


# Animations.


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("fps", [25, 12, 30])
def test_animations_round_trip(tmp_path, kind, fps):
    path = write_clip(tmp_path / f"clip.{kind}", n=12, fps=fps, audio=(chirp(1, 8000), 8000))
    info = video.probe(path)
    assert (info.is_animation, info.is_still, info.has_audio, info.codec) == (True, False, False, kind)
    assert info.fps == fps
    assert levels(video.read_frames(path)) == list(range(12))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_keep_colours(tmp_path, kind):
    gradient = np.stack(np.meshgrid(np.arange(0, 250, 4), np.arange(0, 250, 4)), -1)
    picture = np.concatenate([gradient, np.full((*gradient.shape[:2], 1), 120)], -1).astype(np.uint8)
    with video.VideoWriter(tmp_path / f"a.{kind}", 25) as writer:
        writer.write(picture)
        writer.write(255 - picture)
    first, second = video.read_frames(tmp_path / f"a.{kind}")
    assert np.abs(first.astype(int) - picture).mean() < 5
    assert np.abs(second.astype(int) - (255 - picture)).mean() < 5


def test_a_gif_never_runs_faster_than_browsers_show(tmp_path):
    path = write_clip(tmp_path / "fast.gif", n=20, fps=100)
    assert levels(video.read_frames(path, fps=50)) == list(range(0, 20, 2))


def test_gif_delays_become_a_constant_rate(tmp_path):
    path = tmp_path / "uneven.png"  # judged by content
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=100)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        stream.codec_context.time_base = Fraction(1, 100)
        for at, value in ((0, 0), (10, 255), (50, 0), (60, 255)):
            frame = av.VideoFrame.from_ndarray(grey(value), format="bgr24").reformat(format="rgb8")
            frame.pts, frame.time_base = at, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    shown = [int(frame.mean() > 128) for frame in video.read_frames(path, fps=10)]
    assert shown[:6] == [0, 1, 1, 1, 1, 0]
    assert video.probe(path).is_animation


def test_a_gif_is_not_stretched(tmp_path):
    """Its header may speak of pixels that are not square; browsers do not listen."""
    path = write_clip(tmp_path / "clip.gif", n=3)
    data = bytearray(path.read_bytes())
    data[12] = 113  # (113 + 15) / 64: twice as wide as high
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == 2
    info = video.probe(path)
    assert (info.width, info.height) == (64, 48)
    assert {frame.shape for frame in video.read_frames(path)} == {video.read_image(path).shape} == {(48, 64, 3)}


@pytest.mark.parametrize("delay", [40, 0])
def test_animated_png(tmp_path, delay):
    """A sticker: see-through around its picture, laid on white; judged by content."""
    image = pytest.importorskip("PIL.Image")
    pictures = [np.dstack([grey(20 + 10 * k, 32, 32), np.zeros((32, 32), np.uint8)]) for k in range(5)]
    for picture in pictures:
        picture[8:24, 8:24, 3] = 255
    first, *rest = map(image.fromarray, pictures)
    first.save(tmp_path / "sticker.png", save_all=True, append_images=rest, duration=delay)
    path = (tmp_path / "sticker.png").rename(tmp_path / "sticker.mp4")
    info = video.probe(path)
    assert (info.is_animation, info.is_still, info.codec, info.width) == (True, False, "apng", 32)
    frames = list(video.read_frames(path))
    assert len(frames) == info.n_frames
    if delay:
        assert levels(frame[8:24, 8:24] for frame in frames) == [0, 1, 2, 3, 4]
    assert all((frame[0] == 255).all() for frame in frames)
    assert levels([video.read_image(path)[8:24, 8:24]]) == [0]
    assert video.read_metadata(path) == {}


def test_a_png_that_only_says_it_moves(tmp_path):
    control = (b"acTL", struct.pack(">II", 1, 0))
    (tmp_path / "p.png").write_bytes(png(2, 1, 6, b"\0" + bytes([9, 9, 9, 255] * 2), control))
    info = video.probe(tmp_path / "p.png")
    assert (info.is_still, info.is_animation, info.n_frames) == (True, False, 1)
    assert next(video.read_frames(tmp_path / "p.png")).tolist() == [[[9, 9, 9]] * 2]


def test_webp_frames_are_composed(tmp_path):
    """Offsets, blending, clearing and delays, against a canvas drawn here."""
    red, half = np.zeros((40, 60, 3), np.uint8), np.zeros((10, 20, 4), np.uint8)
    red[:] = (0, 0, 200)
    half[:] = (0, 0, 0, 128)
    half[:5] = (200, 0, 0, 255)
    frames = [(red, 0, 0, 40, 0), (half, 10, 4, 80, 0), (half, 30, 20, 40, 1), (half, 0, 0, 40, 2)]
    path = webp_animation(tmp_path / "layers.gif", (60, 40), frames)
    got = list(video.read_frames(path, fps=25))
    assert len(got) == 5
    canvas = red.astype(float)
    assert np.abs(got[0] - canvas).max() <= 2
    box = canvas[4:14, 10:30]
    box[:] = box * (1 - half[..., 3:] / 255) + half[..., :3] * (half[..., 3:] / 255)
    assert np.abs(got[1] - canvas).max() <= 2
    assert np.array_equal(got[1], got[2])
    third = canvas.copy()
    box = third[20:30, 30:50]
    box[:] = box * (1 - half[..., 3:] / 255) + half[..., :3] * (half[..., 3:] / 255)
    assert np.abs(got[3] - third).max() <= 2
    canvas[20:30, 30:50] = 255
    canvas[0:10, 0:20] = 255 * (1 - half[..., 3:] / 255) + half[..., :3] * (half[..., 3:] / 255)
    assert np.abs(got[4] - canvas).max() <= 2


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_of_one_frame_is_a_still(tmp_path, kind):
    path = write_clip(tmp_path / f"one.{kind}", n=1)
    info = video.probe(path)
    assert (info.is_still, info.is_animation, info.n_frames, info.duration) == (True, False, 1, None)
    assert levels(video.read_frames(path, fps=60)) == [0]
    assert levels([video.read_image(path)]) == [0]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_cut_animation_gives_what_is_left(tmp_path, kind):
    path = tmp_path / f"cut.{kind}"
    noise = np.random.default_rng(0)
    with video.VideoWriter(path, 25) as writer:
        for _ in range(8):
            writer.write(noise.integers(0, 255, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 2 <= sum(1 for _ in video.read_frames(path)) <= 5


# Pictures.


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".bmp"])
def test_pictures_round_trip(tmp_path, suffix):
    path = tmp_path / f"still{suffix}"
    video.write_image(path, corners())
    path = path.rename(tmp_path / "still.mp4")
    info = video.probe(path)
    assert (info.width, info.height, info.is_still, info.n_frames) == (64, 48, True, 1)
    (frame,) = video.read_frames(path, fps=30)
    assert np.array_equal(frame, video.read_image(path))
    assert np.abs(frame.astype(int) - corners()).mean() < 3
    with pytest.raises(W2LError, match="picture called"):
        video.write_image(tmp_path / "still.tiff", corners())
    with pytest.raises(W2LError, match="does not fit"):
        video.write_image(tmp_path / "still.png", np.zeros((2, 2, 7), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["still.mp4"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation(tmp_path, orientation, order):
    """The EXIF definition: where row 0 and column 0 of the stored picture belong."""
    upright = corners().astype(int)
    rows, columns = {
        1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left",
        5: "left top", 6: "right top", 7: "right bottom", 8: "left bottom",
    }[orientation].split()  # fmt: skip
    stored = upright.transpose(1, 0, 2) if rows in ("left", "right") else upright
    stored = stored[::-1] if rows in ("bottom", "right") else stored
    stored = stored[:, ::-1] if columns in ("right", "bottom") else stored
    jpeg = cv2.imencode(".jpg", stored.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    tiff = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    app1 = b"Exif\0\0" + tiff
    (tmp_path / "p.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + jpeg[2:])
    frame = video.read_image(tmp_path / "p.jpg")
    assert frame.shape == upright.shape
    assert np.abs(frame - upright).mean() < 6


def test_all_kinds_of_png(tmp_path):
    path = tmp_path / "p.png"
    rows = b"\0\0\1" * 2  # two rows of a filter byte and two palette entries
    path.write_bytes(png(2, 2, 3, rows, (b"PLTE", bytes([10, 20, 30, 200, 100, 50])), (b"tRNS", b"\xff\x00")))
    want = [[[30, 20, 10], [255, 255, 255]]] * 2
    assert video.read_image(path).tolist() == want
    rgba = b"\0" + bytes([0, 0, 0, 255]) + bytes([100, 0, 0, 51])
    path.write_bytes(png(2, 1, 6, rgba))
    assert video.read_image(path).tolist() == [[[0, 0, 0], [204, 204, 224]]]
    cv2.imwrite(str(path), np.array([[0, 257, 65535, 32896]], np.uint16))
    assert video.read_image(path)[0, :, 0].tolist() == [0, 1, 255, 128]
    cv2.imwrite(str(path), np.array([[7, 9]], np.uint8))
    assert video.read_image(path).tolist() == [[[7, 7, 7], [9, 9, 9]]]


@pytest.mark.parametrize("deep", [False, True])
def test_tiff_is_a_still(tmp_path, deep):
    """FFmpeg's own picture formats come as videos of one frame."""
    path = tmp_path / "scan.jpg"
    picture = corners().astype(np.uint16) * 257 if deep else corners()
    path.write_bytes(cv2.imencode(".tiff", picture)[1].tobytes())
    info = video.probe(path)
    assert (info.is_still, info.n_frames, info.duration, info.codec) == (True, 1, None, "tiff")
    for frames in (video.read_frames(path, fps=100), video.read_frames(path, start=7)):
        (frame,) = frames
        assert np.abs(frame.astype(int) - corners()).max() <= 1


def test_cmyk(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(corners()[:, :, ::-1]).convert("CMYK").save(tmp_path / "print.jpg", quality=98)
    with image.open(tmp_path / "print.jpg") as saved:
        assert saved.mode == "CMYK"
    assert np.abs(video.read_image(tmp_path / "print.jpg").astype(int) - corners()).mean() < 4


def test_a_large_transparent_picture_is_laid_on_white():
    """In bands, which must not show."""
    picture = np.random.default_rng(0).integers(0, 256, (150, 20, 4), np.uint8)
    alpha = picture[:, :, 3:] / 255
    want = picture[:, :, :3] * alpha + 255 * (1 - alpha)
    assert np.abs(to_bgr(picture) - want).max() < 0.51


# Broken input.


def text_file(path):
    path.write_text("this is no video\n" * 1000)


def bomb(path):
    path.write_bytes(png(60000, 60000, 3, b"\0" * 1000, (b"PLTE", bytes(3))))


BROKEN = {
    "missing.mp4": (lambda path: None, "does not exist"),
    "folder.mp4": (lambda path: path.mkdir(), "not a file"),
    "empty.mp4": (lambda path: path.write_bytes(b""), "empty"),
    "text.mp4": (text_file, "text file"),
    "text.jpg": (text_file, "text file"),
    "list.m3u8": (lambda path: path.write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n"), "text file"),
    "noise.mp4": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(300_000)), "broken"),
    "head.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF"), "broken"),
    "head.gif": (lambda path: path.write_bytes(b"GIF89a\x40\0\x40\0"), "broken"),
    "head.webp": (lambda path: path.write_bytes(b"RIFF\x10\0\0\0WEBPVP8 "), "broken"),
    "cut.png": (lambda path: path.write_bytes(png(64, 64, 3, b"", (b"PLTE", bytes(3)))[:60]), "broken"),
    "bomb.png": (bomb, "too large: 60000x60000"),
    "phone.heic": (lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(50)), "JPG or PNG"),
    "animation.webp": (lambda path: webp_animation(path, (8, 8), []), "without a readable frame"),
    "promise.webp": (
        lambda path: path.write_bytes(b"RIFF\xf0\xff\xff\xffWEBPVP8X\xf0\xff\xff\xff\x02" + bytes(99)),
        "broken",
    ),
    "a" * 300: (lambda path: None, "cannot be read: File name too long"),
    "mdat.mp4": (lambda path: path.write_bytes(b"\0\0\0\x08ftypisom\0\0\x10\0mdat" + bytes(4000)), "broken"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_input_gets_one_clear_sentence(tmp_path, name):
    make, words = BROKEN[name]
    path = tmp_path / name
    make(path)
    for read in (video.probe, lambda path: list(video.read_frames(path)), video.read_image):
        begun = time.process_time()
        with pytest.raises(W2LError) as caught:
            read(path)
        assert time.process_time() - begun < 5
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert words in str(caught.value) or read is video.read_image


def test_sound_is_no_clip(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(chirp(0.3, 16000)[None], format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(W2LError, match="sound but no picture"):
        video.probe(tmp_path / "song.mp4")


def test_a_cut_video_gives_the_frames_that_decode(tmp_path):
    path, noise = tmp_path / "cut.mp4", np.random.default_rng(0)
    with video.VideoWriter(path, 25) as writer:
        for _ in range(30):
            writer.write(noise.integers(0, 255, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 <= sum(1 for _ in video.read_frames(path)) < 25
    path.write_bytes(path.read_bytes()[:2500])  # the index, but hardly a picture
    with pytest.raises(W2LError, match="broken"):
        list(video.read_frames(path))


def test_a_video_is_no_picture(tmp_path):
    with pytest.raises(W2LError, match="not a picture"):
        video.read_image(write_clip(tmp_path / "clip.mp4", n=2))


@pytest.mark.parametrize("arguments", [{"fps": 0}, {"fps": -1}, {"fps": math.nan}, {"start": -1}, {"start": math.nan}])
def test_senseless_arguments(tmp_path, arguments):
    path = write_clip(tmp_path / "clip.mp4", n=2)
    with pytest.raises(W2LError, match="cannot read"):
        next(video.read_frames(path, **arguments))


# Writing that fails.


def write_and_raise(path: Path, error: type[BaseException]) -> None:
    with video.VideoWriter(path, 25) as writer:
        for k in range(5):
            writer.write(grey(10 * k))
        raise error


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_of_an_interrupted_clip(tmp_path, kind, error):
    old = tmp_path / f"old.{kind}"
    old.write_bytes(b"kept")
    for name in ("old", "new"):
        with pytest.raises(error):
            write_and_raise(tmp_path / f"{name}.{kind}", error)
    assert [p.name for p in tmp_path.iterdir()] == [old.name]
    assert old.read_bytes() == b"kept"


@contextmanager
def files_no_larger_than(size: int):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
@pytest.mark.parametrize("share", [0.3, 0.98], ids=["early", "at the end"])
def test_a_full_disk(tmp_path, kind, share):
    """The system refuses to let the file grow, as it does when a disk is full."""

    def write(path):
        noise = np.random.default_rng(0)
        with video.VideoWriter(path, 25) as writer:
            for _ in range(8):
                writer.write(noise.integers(0, 255, (128, 128, 3), np.uint8))

    whole = tmp_path / f"whole.{kind}"
    write(whole)
    size = whole.stat().st_size
    with files_no_larger_than(int(size * share)), pytest.raises(W2LError, match="free some space"):
        write(tmp_path / f"new.{kind}")
    assert [p.name for p in tmp_path.iterdir()] == [whole.name]


def test_a_full_disk_while_sound_is_written(tmp_path):
    audio = chirp(20, 16000), 16000
    with files_no_larger_than(20_000), pytest.raises(W2LError, match="free some space"):
        write_clip(tmp_path / "clip.mp4", n=2, audio=audio)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(W2LError, match="cannot write"):
        write_clip(tmp_path / "file" / "clip.mp4")
    with pytest.raises(W2LError, match=r"\.mp4, \.gif or \.webp"):
        video.VideoWriter(tmp_path / "clip.avi", 25)
    with pytest.raises(W2LError, match="no frame"):
        write_clip(tmp_path / "clip.mp4", n=0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    write_clip(tmp_path / "a new folder" / "sub" / "50%d: clip.v2.mp4", n=1)
    assert video.probe(tmp_path / "a new folder" / "sub" / "50%d: clip.v2.mp4").n_frames == 1


@pytest.mark.parametrize(
    "options",
    [
        {"fps": 0},
        {"fps": math.inf},
        {"quality": 99},
        {"audio": (np.zeros(0, np.float32), 16000)},
        {"audio": (np.zeros((10, 3), np.float32), 16000)},
        {"audio": (np.zeros(10, np.int16), 16000)},
        {"audio": (np.zeros(10, np.float32), 0)},
    ],
)
def test_senseless_options(tmp_path, options):
    with pytest.raises(W2LError, match="cannot write"):
        video.VideoWriter(tmp_path / "clip.mp4", **{"fps": 25, **options})


@pytest.mark.parametrize("frame", [np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3)), grey(0, 64, 48)])
def test_frames_that_do_not_fit(tmp_path, frame):
    def write() -> None:
        with video.VideoWriter(tmp_path / "clip.mp4", 25) as writer:
            writer.write(grey(0))
            writer.write(frame)

    with pytest.raises(W2LError, match="cannot write a frame of shape"):
        write()
    assert list(tmp_path.iterdir()) == []
