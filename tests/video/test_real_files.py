"""Real videos, sounds, pictures and broken files, one by one: the facts their list tells, or one sentence."""

from __future__ import annotations

import csv
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from helpers.places import SHARED

import w2l
from w2l import audio, models, video
from w2l.errors import W2LError

CLIPS = SHARED / "clips"
PIXELS = 40_000_000  # of a clip that are read: all of a small one, the beginning of a large one

# What cannot be read from where these begin; all other broken files have something to show.
UNREADABLE = {
    "wav2lip_is_html_login_page.pth": "text file",
    "yunet_lfs_pointer.onnx": "text file",
    "moviepy_zero_bytes.webm": "empty",
    "png_heap_overflow_7bytes.png": "broken",
    "png_sigsegv.png": "broken",
}
RATES = {  # constant rates of clips whose own varies or is meant otherwise; of two video streams the larger is read
    "vretalk_face1_vfr.mp4": 30.0,
    "moviepy_fire2_phone_vfr_rot180.mp4": 11.0,
    "torchcodec_nasa_two_video_streams.mp4": 30000 / 1001,
}
LENGTHS = {  # seconds of picture, where the list tells the whole file's
    "hamilton_cuts.mp4": 9.18,
    "torchcodec_nasa_two_video_streams.mp4": 13.01,
    "moviepy_no_duration.webm": None,
}
SIZES = {"torchcodec_nasa_two_video_streams.mp4": (480, 270)}
LOUD = {"liveportrait_d3_silent_track.mp4": False, "moviepy_no_duration.webm": False}


def listed(*kinds: str) -> list:
    """The rows of the list of clips of these kinds, as test parameters; none where the clips are not."""
    if not (CLIPS / "MANIFEST.tsv").exists():
        return []
    with (CLIPS / "MANIFEST.tsv").open(newline="", encoding="utf8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] in kinds]
    return [pytest.param(row, id=row["file"]) for row in rows]


@pytest.fixture(autouse=True)
def quick_and_quiet(capfd):
    """Whatever the file: nothing on the terminal, and no long work by this process."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < 30
    out, err = capfd.readouterr()
    assert out == "" and err == ""


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> Path:
    """A tiny generator with random weights: what it draws is no mouth, but it draws."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    models.save(models.build("wav2lip", 0.05), path, "wav2lip", 0.05, mel_shift=-1.0)
    return path


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    t = np.arange(3200) / 16000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 300 * t) * np.abs(np.sin(20 * t)), 16000)
    return path


def begin(path: Path, info: video.ClipInfo) -> int:
    """Reads the frames of a clip as far as is worth it, checks each, and returns their number."""
    limit = max(3, PIXELS // (info.width * info.height))
    n = 0
    for frame in islice(video.read_frames(path), limit):
        assert frame.shape == (info.height, info.width, 3) and frame.dtype == np.uint8
        n += 1
    if n < limit and info.n_frames is not None:
        assert n == info.n_frames
    return n


@pytest.mark.parametrize("row", listed("video"))
def test_videos(row):
    path = CLIPS / row["file"]
    info = video.probe(path)
    size = SIZES.get(path.name, (int(row["width"]), int(row["height"])))
    assert (info.width, info.height) == (size[::-1] if row["rotation"] in ("90", "-90") else size)
    rate = RATES.get(path.name, float(Fraction(row["avg_frame_rate"])))
    assert info.fps == pytest.approx(rate, rel=0.001)
    seconds = LENGTHS.get(path.name, float(row["duration_s"]))
    assert info.duration == (seconds if seconds is None else pytest.approx(seconds, abs=0.04))
    assert not info.is_still and not info.is_animation
    assert begin(path, info) > 0
    assert info.has_audio == (row["has_audio"] == "yes")
    if info.has_audio:
        wav, _ = audio.decode(path)
        assert audio.is_silent(wav) != LOUD.get(path.name, True)
    else:
        with pytest.raises(W2LError, match="has no sound"):
            audio.decode(path)


@pytest.mark.parametrize("row", listed("image"))
def test_pictures(row):
    path = CLIPS / row["file"]
    info = video.probe(path)
    size = int(row["width"]), int(row["height"])
    assert (info.width, info.height) == (size[::-1] if "orient6" in path.name else size)
    assert info.is_animation == (path.suffix == ".gif") and info.is_still != info.is_animation
    assert begin(path, info) == (info.n_frames if info.is_animation else 1)
    assert video.read_image(path).shape == (info.height, info.width, 3)
    with pytest.raises(W2LError, match="has no sound"):
        audio.decode(path)


@pytest.mark.parametrize("row", listed("audio"))
def test_sounds(row):
    path = CLIPS / row["file"]
    with pytest.raises(W2LError, match="sound but no picture"):
        video.probe(path)
    if "empty" in path.name:
        with pytest.raises(W2LError, match="no sound samples"):
            audio.load(path)
        return
    wav, rate = audio.decode(path)
    assert (wav.shape[1], rate) == (int(row["channels"]), int(row["sample_rate"]))
    assert len(wav) / rate == pytest.approx(float(row["duration_s"]), abs=0.04)
    mono = audio.load(path)
    assert abs(len(mono) / 16000 - len(wav) / rate) < 0.001 and not audio.is_silent(mono)


@pytest.mark.parametrize("row", listed("bad"))
def test_broken_files(row):
    path = CLIPS / row["file"]
    if path.name in UNREADABLE:
        for read in (video.probe, audio.decode, video.read_image, lambda p: next(video.read_frames(p))):
            with pytest.raises(W2LError) as caught:
                read(path)
            assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        with pytest.raises(W2LError, match=UNREADABLE[path.name]):
            video.probe(path)
        return
    info = video.probe(path)
    assert (info.width, info.height) == (int(row["width"]), int(row["height"]))
    if row["duration_s"] and info.duration is not None:
        assert info.duration == pytest.approx(float(row["duration_s"]), abs=0.1)
    assert begin(path, info) > 0
    if info.has_audio:
        assert len(audio.load(path)) / 16000 == pytest.approx(float(row["duration_s"]), abs=0.1)


def dub_or_sentence(face: Path, sound: Path, out: Path, **options: object) -> bool:
    """Dubs; the result plays, with as many frames as it says, or one sentence says why not and nothing is left."""
    try:
        result = w2l.dub(face, sound, out, progress=False, sign=False, **options)
    except W2LError as error:
        said = str(error)
    else:
        assert sum(1 for _ in video.read_frames(out, result.fps)) == result.n_frames
        assert audio.load(out).size
        return True
    assert "\n" not in said and said.endswith(".")
    assert not list(out.parent.iterdir())
    return False


@pytest.mark.slow
@pytest.mark.parametrize("row", listed("video", "image", "bad"))
def test_dubs_of_every_face(row, tmp_path, generator, speech):
    path = CLIPS / row["file"]
    try:
        info = video.probe(path)
        box = (0.3 * info.width, 0.2 * info.height, 0.7 * info.width, 0.8 * info.height)
    except W2LError:
        box = (10, 10, 60, 60)
    drawn = dub_or_sentence(path, speech, tmp_path / "out" / "dub.mp4", box=box, weights=generator)
    too_slow = path.name == "moviepy_1x1_1fps.mp4"  # not one frame in a fifth of a second
    assert drawn != (path.name in UNREADABLE or too_slow)


@pytest.mark.slow
@pytest.mark.parametrize("row", listed("audio", "bad"))
def test_dubs_of_every_sound(row, tmp_path, generator):
    path = CLIPS / row["file"]
    face, out = CLIPS / "image" / "gray_150.png", tmp_path / "out" / "dub.mp4"
    drawn = dub_or_sentence(face, path, out, box=(30, 20, 120, 140), weights=generator, fps=3)
    heard = row["has_audio"] == "yes" and "empty" not in path.name
    assert drawn == heard


@pytest.mark.slow
@pytest.mark.parametrize("name", ["video/grid_bbaf2n.mpg", "image/front_woman.png", "video/real3d_may_512.mp4"])
def test_dubs_with_a_found_face(name, tmp_path, generator, speech):
    if not (CLIPS / name).exists():
        pytest.skip("the folder of real clips is not here")
    assert dub_or_sentence(CLIPS / name, speech, tmp_path / "out" / "dub.mp4", weights=generator)
