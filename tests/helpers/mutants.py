"""Small files of every kind the kit reads, and ways to break them. As a program it tries broken ones.

``python tests/helpers/mutants.py SAMPLES WORK FIRST LAST [GENERATOR]`` reads (with a generator's weights: dubs) the
cases FIRST to LAST - 1 made of the files in SAMPLES. It prints the name of each before it begins and its outcome
after. The file of the current case is in WORK; that of a case that ended badly stays there.
"""

from __future__ import annotations

import faulthandler
import io
import os
import struct
import sys
import time
import traceback
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile

from w2l import audio, video
from w2l.errors import W2LError

SIDE, FRAMES, FPS, RATE = 96, 12, 25, 16000
PATIENCE = 30  # seconds for one case; most take a hundredth of one
MEMORY = 3 << 30  # bytes of address space for a process that reads; a case may ask for one large picture
MOST_FRAMES = 2000  # of a case that are read: a broken header may promise days


# The files.


def picture(k: int = 0) -> np.ndarray:
    """A face-like blob on a gradient, moving with k: something for every codec to do. (96, 96, 3) uint8 BGR."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    frame = np.stack([2 * rows, 2 * columns, rows + columns], axis=-1).astype(np.uint8)
    cv2.circle(frame, (40 + k, 48), 26, (120, 160, 220), -1)
    cv2.ellipse(frame, (40 + k, 60), (10, 2 + k % 5), 0, 0, 360, (40, 30, 120), -1)
    return frame


def speech(seconds: float = FRAMES / FPS) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.4 * np.sin(2 * np.pi * (200 + 300 * t) * t) * np.abs(np.sin(20 * t))).astype(np.float32)


def speak(out: av.container.OutputContainer, stream: av.AudioStream) -> None:
    block = av.AudioFrame.from_ndarray(speech()[None], format="fltp", layout="mono")
    block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
    out.mux(stream.encode(block))
    out.mux(stream.encode(None))


def film(path: Path, codec: str, sound: str | None, container: str | None = None, **options: str) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=FPS, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt = pixels
        if sound:
            heard = out.add_stream(sound, rate=44100 if sound in ("libmp3lame", "mp2") else 48000, layout="mono")
        for k in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(k), format="bgr24").reformat(format=pixels)
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound:
            speak(out, heard)


def written(path: Path, **options: object) -> None:
    with video.VideoWriter(path, FPS, **options) as writer:
        for k in range(FRAMES):
            writer.write(picture(k))


def song(path: Path, codec: str) -> None:
    with av.open(str(path), "w") as out:
        speak(out, out.add_stream(codec, rate=48000, layout="mono"))


def still(path: Path, image: np.ndarray, *options: int) -> None:
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def see_through() -> np.ndarray:
    return np.dstack([picture(), np.tile(np.arange(SIDE, dtype=np.uint8) * 2, (SIDE, 1))])


def with_exif(path: Path) -> None:
    jpeg = cv2.imencode(".jpg", picture())[1].tobytes()
    tiff = b"Exif\0\0II" + struct.pack("<HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 2) + tiff + jpeg[2:])


def sticker(k: int) -> np.ndarray:
    """(96, 96, 4) uint8 BGRA: the picture within a circle, nothing around it."""
    circle = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (48, 48), 44, 255, -1)
    return np.dstack([picture(k), circle])


def by_pillow(path: Path, mode: str, n: int = 1, **options: object) -> None:
    from PIL import Image  # comes with matplotlib

    pictures = [sticker(k)[:, :, [2, 1, 0, 3]] if mode == "RGBA" else picture(k)[:, :, ::-1] for k in range(n)]
    first, *rest = (Image.fromarray(image).convert(mode) for image in pictures)
    first.save(path, **options, **({"save_all": True, "append_images": rest, "duration": 40} if rest else {}))


def srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


FAST = {"cpu-used": "8", "deadline": "realtime"}
QUIET = {"preset": "ultrafast", "x265-params": "log-level=none"}

Makers = dict[str, Callable[[Path], object]]
FILMS: Makers = {
    "own.mp4": lambda p: written(p, audio=(speech(), RATE)),
    "h264.mov": lambda p: film(p, "libx264", "pcm_s16le", bf="2"),
    "hevc.mp4": lambda p: film(p, "libx265", "aac", **QUIET),
    "vp9.mkv": lambda p: film(p, "libvpx-vp9", "libopus", **FAST),
    "vp9.webm": lambda p: film(p, "libvpx-vp9", "libopus", **FAST),
    "mpeg4.avi": lambda p: film(p, "mpeg4", "libmp3lame"),
    "mpeg1.mpg": lambda p: film(p, "mpeg1video", "mp2", "mpeg"),
    "mpeg2.ts": lambda p: film(p, "mpeg2video", "mp2", "mpegts"),
    "wmv2.wmv": lambda p: film(p, "wmv2", "libmp3lame", "asf"),
    "flv1.flv": lambda p: film(p, "flv", "libmp3lame"),
    "mjpeg.mov": lambda p: film(p, "mjpeg", "aac"),
    "h264.ts": lambda p: film(p, "libx264", "aac", "mpegts", bf="2"),
    "h264.avi": lambda p: film(p, "libx264", "libmp3lame", bf="2"),  # numbered in the order of storage
}
RAW: Makers = {  # without sound, and without times
    "raw.h264": lambda p: film(p, "libx264", None, "h264"),
    "raw.m2v": lambda p: film(p, "mpeg2video", None, "mpeg2video"),
    "raw.y4m": lambda p: film(p, "rawvideo", None, "yuv4mpegpipe"),
    "raw.mjpeg": lambda p: film(p, "mjpeg", None, "mjpeg"),
}
ANIMATIONS: Makers = {
    "own.gif": written,
    "own.webp": written,
    "sticker.webp": lambda p: by_pillow(p, "RGBA", FRAMES),
    "sticker.gif": lambda p: by_pillow(p, "RGBA", FRAMES, disposal=2),
    "moving.png": lambda p: by_pillow(p, "RGBA", FRAMES),
    "sticker.avif": lambda p: by_pillow(p, "RGBA", FRAMES, quality=95),
}
STILLS: Makers = {
    "grey.png": lambda p: still(p, cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY)),
    "colour.png": lambda p: still(p, picture()),
    "deep.png": lambda p: still(p, picture().astype(np.uint16) * 257),
    "alpha.png": lambda p: still(p, see_through()),
    "palette.png": lambda p: by_pillow(p, "P"),
    "plain.jpg": lambda p: still(p, picture()),
    "progressive.jpg": lambda p: still(p, picture(), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "turned.jpg": with_exif,
    "profile.jpg": lambda p: by_pillow(p, "RGB", icc_profile=srgb()),
    "profile.png": lambda p: by_pillow(p, "RGB", icc_profile=srgb()),
    "cmyk.jpg": lambda p: by_pillow(p, "CMYK"),
    "plain.bmp": lambda p: still(p, picture()),
    "palette.bmp": lambda p: by_pillow(p, "P"),
    "lossy.webp": lambda p: still(p, picture(), cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless.webp": lambda p: still(p, picture(), cv2.IMWRITE_WEBP_QUALITY, 101),
    "alpha.webp": lambda p: still(p, see_through(), cv2.IMWRITE_WEBP_QUALITY, 80),
    "plain.tiff": lambda p: still(p, picture()),
}
SOUNDS: Makers = {
    "u8.wav": lambda p: soundfile.write(p, speech(), RATE, subtype="PCM_U8"),
    "s16.wav": lambda p: soundfile.write(p, speech(), RATE, subtype="PCM_16"),
    "s24.wav": lambda p: soundfile.write(p, np.stack([speech()] * 2, 1), RATE, subtype="PCM_24"),
    "float.wav": lambda p: soundfile.write(p, speech(), RATE, subtype="FLOAT"),
    "double.wav": lambda p: soundfile.write(p, speech(), RATE, subtype="DOUBLE"),
    "s16.flac": lambda p: soundfile.write(p, speech(), RATE),
    "vorbis.ogg": lambda p: soundfile.write(p, speech(), RATE),
    "mp3.mp3": lambda p: soundfile.write(p, speech(), RATE),
    "aac.m4a": lambda p: song(p, "aac"),
    "opus.opus": lambda p: song(p, "libopus"),
}


def make(folder: Path) -> None:
    """Writes a file of every kind, but for those that this PyAV or Pillow has no encoder for."""
    for name, maker in (FILMS | RAW | ANIMATIONS | STILLS | SOUNDS).items():
        try:
            maker(folder / name)
        except (av.codec.codec.UnknownCodecError, KeyError):  # the latter from a Pillow without AVIF
            (folder / name).unlink(missing_ok=True)


# Ways to break them.


def mutant(samples: dict[str, bytes], case: int) -> tuple[str, bytes]:
    """The case's name, ending in the suffix of the file it was made of, and its bytes; each number makes one case."""
    rng = np.random.default_rng(case)
    names = sorted(samples)
    name = names[case % len(names)]
    data = bytearray(samples[name])
    ways = [str(way) for way in rng.choice(sorted(WAYS), size=1 + (rng.random() < 0.25))]
    for way in ways:
        other = samples[names[rng.integers(len(names))]]
        data = WAYS[way](data, rng, other) if data else data
    return f"{case}-{'-'.join(ways)}-{name}", bytes(data)


def _somewhere(length: int, rng: np.random.Generator) -> int:
    """An index, often near the start, where headers are."""
    return int(length * rng.random() ** rng.choice([1, 1, 3]))


def _block(data: bytearray, rng: np.random.Generator) -> slice:
    at = _somewhere(len(data), rng)
    return slice(at, at + int(rng.choice([2, 4, 16, 100, 1000])))


def _flip(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    for _ in range(rng.choice([1, 4, 30])):
        data[_somewhere(len(data), rng)] ^= 1 << rng.integers(8)
    return data


def _cut(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    return data[: _somewhere(len(data), rng)]


def _behead(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    length = int(rng.choice([4, 12, 64, 512]))
    return bytearray(other[:length]) + data[length:]


def _zero(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    where = _block(data, rng)
    data[where] = bytes(len(data[where]))
    return data


def _repeat(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    where = _block(data, rng)
    at = _somewhere(len(data), rng)
    return data[:at] + data[where] + data[at:]


def _number(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    """A field of a header gets a number that nobody can mean."""
    at = _somewhere(max(1, len(data) - 4), rng)
    odd = rng.choice([0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
    size, order = int(rng.choice([1, 2, 4])), str(rng.choice(["little", "big"]))
    data[at : at + size] = (int(odd) % (1 << 8 * size)).to_bytes(size, order)
    return data


def _join(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    """Another file, mostly of another kind, follows; or follows from somewhere in both."""
    if rng.random() < 0.5:
        return data + other
    return data[: _somewhere(len(data), rng)] + other[_somewhere(len(other), rng) :]


CONTAINERS = ["matroska", "mpegts", "flv"]  # other muxers, and any with PCM sound, abort the program at such times


def _times(data: bytearray, rng: np.random.Generator, other: bytes) -> bytearray:
    """The packets of a film in some container, with times that jump or are out of order, and without a few packets."""
    changed = io.BytesIO()
    try:
        with (
            av.open(io.BytesIO(data)) as old,
            # Bit-exact: else the same case is never made twice.
            av.open(changed, "w", str(rng.choice(CONTAINERS)), container_options={"fflags": "+bitexact"}) as new,
        ):
            kept = [s for s in old.streams if s.codec_context and not s.codec_context.name.startswith("pcm_")]
            streams = {s.index: new.add_stream_from_template(s) for s in kept if s.type in ("video", "audio")}
            shift = 0
            for packet in old.demux(*(old.streams[index] for index in streams)):
                if packet.dts is None or rng.random() < 0.05:
                    continue
                if rng.random() < 0.1:
                    shift += int(rng.choice([1, 40, 400, 4000, 400_000]))
                packet.pts = (packet.dts if packet.pts is None or rng.random() < 0.2 else packet.pts) + shift
                packet.dts += shift
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    except (av.error.FFmpegError, ValueError, LookupError, OverflowError):
        pass  # what was written until then
    return bytearray(changed.getvalue()) or data


WAYS = {
    "flip": _flip,
    "cut": _cut,
    "behead": _behead,
    "zero": _zero,
    "repeat": _repeat,
    "number": _number,
    "join": _join,
    "times": _times,
}


# The program.


def look(path: Path) -> str:
    """What a case gives as a clip, as sound and as a picture, in words; an AssertionError where that makes no sense."""
    return "; ".join(_or_sentence(use, path) for use in (_watch, _hear, _single))


def _or_sentence(use: Callable[..., str], *arguments: Path) -> str:
    try:
        return use(*arguments)
    except W2LError as error:
        text = str(error)
        assert "\n" not in text and text.endswith(".") and 20 < len(text) < 600, f"no sentence: {text!r}"
        return text


def _watch(path: Path) -> str:
    info = video.probe(path)
    n, shape = 0, (info.height, info.width, 3)
    for n, frame in enumerate(islice(video.read_frames(path), MOST_FRAMES), 1):
        assert frame.shape == shape and frame.dtype == np.uint8 and frame.flags.c_contiguous, f"{n}: {frame.shape}"
    assert n == 1 if info.is_still else n >= 1, f"{n} frames"
    assert 1 <= info.fps <= 120 and (info.duration is None or info.duration > 0), str(info)
    assert info.n_frames is None or info.n_frames >= 1, str(info)
    if not info.is_still and n > 4 * info.fps and n < MOST_FRAMES:
        late = n // 2 / info.fps
        (middle,) = video.read_frames(path, start=late, max_frames=1)
        assert middle.shape == shape
    return f"{n} frames of {shape}"


def _hear(path: Path) -> str:
    wav, rate = audio.decode(path)
    assert wav.dtype == np.float32 and wav.ndim == 2 and wav.size and np.isfinite(wav).all(), "samples that are none"
    assert rate > 0, f"{rate} samples a second"
    return f"{len(wav)} samples at {rate} Hz"


def _single(path: Path) -> str:
    image = video.read_image(path)
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    return "a picture"


def dub(path: Path, samples: Path, weights: Path, out: Path) -> str:
    """Dubs a case, as the speech if it was made of sound, else as the face; what is written must play, or be gone."""
    if path.name.rsplit("-", 1)[-1] in SOUNDS:
        told = _or_sentence(_dub, samples / "colour.png", path, weights, out)
    else:
        told = _or_sentence(_dub, path, samples / "s16.wav", weights, out)
    left = [p.name for p in out.parent.iterdir()]
    assert left == ([out.name] if told.endswith("drawn") else []), f"left: {left}"
    out.unlink(missing_ok=True)
    return told


def _dub(face: Path, sound: Path, weights: Path, out: Path) -> str:
    import w2l

    result = w2l.dub(face, sound, out, box=(20, 20, 76, 80), weights=weights, progress=False, cache=False, sign=False)
    info = video.probe(out)
    n = sum(1 for _ in video.read_frames(out, result.fps))
    assert abs(n - result.n_frames) <= 1 and info.has_audio and audio.decode(out)[0].size, f"{n} frames, {result}"
    return f"{result.n_frames} frames drawn"


def _open_files() -> int:
    """How many files this process holds open, where the system tells."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def main(samples: Path, work: Path, first: int, last: int, weights: Path | None) -> None:
    import resource

    limit = MEMORY if weights is None else 4 * MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    files = {path.name: path.read_bytes() for path in samples.iterdir()}
    (work / "out").mkdir(exist_ok=True)
    if weights is not None:  # torch takes seconds to start, on a busy machine more than a case may take
        dub(samples / "colour.png", samples, weights, work / "out" / "dub.mp4")
    for case in range(first, last):
        name, data = mutant(files, case)
        path = work / name
        path.write_bytes(data)
        print(case, name, end="\t", flush=True)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        begun = time.perf_counter()
        open_before, left_before = _open_files(), set(work.iterdir())
        try:
            told = look(path) if weights is None else dub(path, samples, weights, work / "out" / "dub.mp4")
            assert _open_files() <= open_before, "files were left open"
            assert set(work.iterdir()) == left_before, "files were left"
            print("ok", repr(told), f"{time.perf_counter() - begun:.2f} s", flush=True)
            path.unlink()
        except Exception:
            print("BAD", repr(traceback.format_exc()), flush=True)
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    faulthandler.enable()
    main(*map(Path, sys.argv[1:3]), *map(int, sys.argv[3:5]), Path(sys.argv[5]) if sys.argv[5:] else None)
