"""Tests of the detectors and of what is found in whole clips: boxes, batches, and the cache of them."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from math import exp
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.golden_weights import GAINS, GOLDEN, fill
from helpers.places import SHARED

from w2l import faces, models, video, weights
from w2l.base import paths
from w2l.errors import W2LError
from w2l.faces import detection, detectors, s3fd
from w2l.faces.link import iou
from w2l.video import Framing

MODELS = SHARED / "models"
CLIPS = SHARED / "clips"
S3FD = next(  # asked before the tests get folders of their own: the user's weights, where there are any
    (path for path in (weights.locate("s3fd"), MODELS / weights.REGISTRY["s3fd"].file) if path and path.is_file()), None
)
needs_yunet = pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/models")
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips")
needs_s3fd = pytest.mark.skipif(S3FD is None, reason="no weights of s3fd on this machine")
FRONTAL = ["real3d_may_512.mp4", "vretalk_face2.mp4", "grid_bbaf2n.mpg", "opendubbing_englishvideo.mp4"]


def drawn_face(size=256):
    """A plain drawn face: enough for a detector of frontal faces."""
    image = np.full((size, size, 3), (150, 130, 110), np.uint8)
    s = size / 256
    skin, dark, lip = (150, 180, 225), (50, 50, 60), (90, 90, 190)

    def spot(x, y, rx, ry, colour):
        cv2.ellipse(
            image, (round(x * s), round(y * s)), (round(rx * s), round(ry * s)), 0, 0, 360, colour, -1, cv2.LINE_AA
        )

    spot(128, 118, 72, 92, (30, 40, 60))
    spot(128, 136, 60, 82, skin)
    for x in (104, 152):
        spot(x, 108, 16, 4, (60, 80, 120))
        spot(x, 124, 12, 8, (245, 245, 245))
        spot(x, 124, 6, 7, dark)
        spot(x, 142, 16, 5, (140, 168, 212))
    spot(128, 150, 9, 16, (130, 160, 205))
    spot(128, 162, 13, 5, (110, 135, 180))
    spot(128, 188, 25, 7, lip)
    spot(128, 188, 22, 2, dark)
    return cv2.GaussianBlur(image, (0, 0), 1.2 * s)


# --- hog, yunet, and the choice between them ---


@pytest.mark.parametrize("size", [120, 256, 700])
def test_hog_finds_a_drawn_face(size):
    (found,) = faces.Hog().detect([drawn_face(size)])
    assert found.shape == (1, 5)
    assert found.dtype == np.float32
    x1, y1, x2, y2, _ = found[0] * 256 / size
    assert abs((x1 + x2) / 2 - 128) < 12
    assert 95 < x2 - x1 < 150
    assert 0.66 < (188 - y1) / (y2 - y1) < 0.8, "the mouth belongs at three quarters of the height"


def test_where_hog_finds_nothing_a_better_one_is_named():
    blank = [np.full((120, 160, 3), 90, np.uint8)]
    with pytest.raises(W2LError, match=r"no face was found .*weights fetch yunet.* --box"):
        faces.track_faces(blank, "hog")
    with pytest.raises(W2LError, match="no face was found") as caught:
        faces.track_faces(blank, Nobody())
    assert "yunet" not in str(caught.value)


class Nobody:
    name, settings = "nobody", ""

    def detect(self, frames):
        return [np.zeros((0, 5), np.float32) for _ in frames]


def test_hog_finds_nothing_where_there_is_nothing():
    frames = [np.full((90, 160, 3), 128, np.uint8), np.zeros((1, 1, 3), np.uint8), np.zeros((2, 900, 3), np.uint8)]
    assert [len(found) for found in faces.Hog().detect(frames)] == [0, 0, 0]


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """A folder that is looked into for weights, and nothing in it."""
    monkeypatch.setenv("W2L_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("W2L_CACHE", str(tmp_path))
    return tmp_path


def test_auto_is_hog_without_weights(no_weights):
    assert faces.detector().name == "hog"


@pytest.mark.parametrize("name", ["yunet", "s3fd"])
def test_absent_weights_are_told_with_the_command_that_fetches_them(no_weights, name):
    with pytest.raises(W2LError, match=f"'w2l weights fetch {name}', or use the detector hog"):
        faces.detector(name)


def test_an_unknown_detector_is_refused():
    with pytest.raises(W2LError, match="choose one of auto, yunet, hog, s3fd"):
        faces.detector("magic")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:8f23\n", "git-LFS pointer"),
        (b"\n<!DOCTYPE html><html>" + b" " * 200_000, "web page"),
        (b"onnx", "4 bytes"),
        (b"\x08\x07" * 100_000, "200000 bytes"),
        (bytes(weights.REGISTRY["yunet"].bytes), "another file of the same size"),
    ],
)
def test_weights_that_are_none_are_named(no_weights, content, said):
    path = no_weights / detectors.YUNET_FILES[0]
    path.write_bytes(content)
    for make in (lambda: faces.detector("auto"), lambda: faces.YuNet(path)):
        with pytest.raises(W2LError, match=said) as caught:
            make()
        assert str(caught.value).count("\n") == 0
        assert "w2l weights fetch yunet" in str(caught.value)


def test_a_broken_file_does_not_hide_a_whole_one(no_weights, monkeypatch):
    (no_weights / detectors.YUNET_FILES[0]).write_bytes(b"<html>")
    (no_weights / detectors.YUNET_FILES[1]).write_bytes(bytes(weights.REGISTRY["yunet_2023mar"].bytes))
    assert detectors.find_yunet() == no_weights / detectors.YUNET_FILES[1]


@needs_yunet
@pytest.mark.parametrize("file", detectors.YUNET_FILES)
def test_yunet_and_hog_draw_the_same_box(monkeypatch, file, capfd):
    monkeypatch.setenv("W2L_WEIGHTS", str(MODELS / file))
    yunet = faces.detector("auto")
    assert yunet.name == "yunet"
    face = drawn_face(400)
    boxes = [d.detect([face])[0][0] for d in (yunet, faces.Hog())]
    assert iou(*boxes) > 0.65
    assert [len(f) for f in yunet.detect([np.zeros((1, 1, 3), np.uint8), np.zeros((2, 900, 3), np.uint8)])] == [0, 0]
    assert capfd.readouterr().err == "", "OpenCV's log reached the user"


@needs_yunet
def test_yunet_shrinks_large_frames_and_gives_boxes_in_their_own_pixels():
    small, large = faces.YuNet(MODELS / detectors.YUNET_FILES[0]).detect([drawn_face(300), drawn_face(1800)])
    np.testing.assert_allclose(large[0, :4], small[0, :4] * 6, rtol=0.05, atol=30)


@needs_clips
@pytest.mark.parametrize("name", ["front_woman.png", "macron_512.png", "cgi_boy.jpg", "jpeg_named.png"])
def test_hog_finds_the_faces_of_real_pictures(name):
    picture = video.read_image(CLIPS / "image" / name)
    (found,) = faces.Hog().detect([picture])
    assert len(found) >= 1
    if MODELS.is_dir():
        assert iou(found[0], faces.YuNet(MODELS / detectors.YUNET_FILES[0]).detect([picture])[0][0]) > 0.6


def test_the_bundled_presenter_is_found_without_any_download():
    clip = paths.data() / "samples" / "presenter.mp4"
    if not clip.is_file():
        pytest.skip("the presenter is not made yet")
    hog = faces.Hog()
    found = [len(hog.detect([frame])[0]) for i, frame in enumerate(video.read_frames(clip)) if i % 4 == 0]
    assert len(found) > 10
    assert set(found) == {1}


def test_settings_tell_apart_what_finds_other_boxes():
    assert faces.Hog().settings == faces.Hog().settings
    assert len({faces.Hog().settings, faces.Hog(side=320).settings, faces.Hog(min_score=0).settings}) == 3
    assert faces.FixedBox((0, 0, 9, 9)).settings == "", "not worth keeping"
    if MODELS.is_dir():
        files = [MODELS / file for file in detectors.YUNET_FILES]
        wanted = [faces.YuNet(*how) for how in ((files[0],), (files[1],), (files[0], 320), (files[0], 640, 0.5))]
        assert len({finder.settings for finder in wanted}) == 4


# --- s3fd ---


@pytest.fixture(scope="module")
def s3fd_file(tmp_path_factory):
    """Weights of s3fd made from a formula; what they see is no faces, but the same wherever it is computed."""
    path = tmp_path_factory.mktemp("s3fd") / "s3fd.safetensors"
    models.save(fill(models.build("s3fd"), GAINS["s3fd"]), path, "s3fd", 1.0)
    return path


@pytest.fixture(scope="module")
def untrained(s3fd_file):
    return faces.S3fd(s3fd_file, device="cpu", min_score=0.565)


@pytest.fixture
def finder(untrained, monkeypatch):
    """S3FD with a threshold as published; tests put networks of their own into it."""
    monkeypatch.setattr(untrained, "min_score", 0.5)
    monkeypatch.setattr(untrained, "batch", 4)
    return untrained


def blank_maps(height, width, batch=1):
    """The network's answer "no face anywhere" to pictures of that size."""
    maps = []
    for stride in (4, 8, 16, 32, 64, 128):
        h, w = max(1, height // stride), max(1, width // stride)
        scores = torch.zeros(batch, 2, h, w)
        scores[:, 0] = 9
        maps += [scores, torch.zeros(batch, 4, h, w)]
    return maps


def in_plain_loops(maps, image):
    """Decoding and suppression written down as published, one anchor after the other."""
    boxes = []
    for level in range(6):
        stride = 4 * 2**level
        scores, offsets = maps[2 * level][image], maps[2 * level + 1][image]
        for row in range(scores.shape[1]):
            for column in range(scores.shape[2]):
                background, face = exp(float(scores[0, row, column])), exp(float(scores[1, row, column]))
                if face / (background + face) <= 0.05:
                    continue
                anchor = 4 * stride
                dx, dy, dw, dh = (float(v) for v in offsets[:, row, column])
                x, y = stride / 2 + column * stride + dx * 0.1 * anchor, stride / 2 + row * stride + dy * 0.1 * anchor
                w, h = anchor * exp(0.2 * dw), anchor * exp(0.2 * dh)
                boxes.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2, face / (background + face)))
    boxes.sort(key=lambda box: -box[4])
    kept = []
    for box in boxes:
        if all(iou(box, other) <= 0.3 for other in kept):
            kept.append(box)
    return [box for box in kept if box[4] > 0.5]


def test_boxes_are_those_of_the_published_decoding(finder, monkeypatch):
    with np.load(GOLDEN / "models.npz") as golden:
        maps = [torch.from_numpy(golden[f"s3fd.head{i}"]) for i in range(12)]
    maps = [torch.cat((m, m.flip(2) * 3)) for m in maps]  # the second picture: upside down, and more decided
    monkeypatch.setattr(finder, "_network", lambda x: maps)
    found = finder.detect([np.zeros((128, 160, 3), np.uint8)] * 2)
    for image in range(2):
        wanted = in_plain_loops(maps, image)
        assert len(wanted) > 20
        np.testing.assert_allclose(found[image], wanted, rtol=1e-4, atol=1e-3)
        assert found[image].dtype == np.float32


@pytest.mark.parametrize("level", range(6))
def test_a_planted_anchor_comes_back_where_it_was_planted(finder, monkeypatch, level):
    stride, row, column = 4 * 2**level, 1 if level < 5 else 0, 2
    maps = blank_maps(256, 384)
    maps[2 * level][0, 1, row, column] = 20
    monkeypatch.setattr(finder, "_network", lambda x: maps)
    (found,) = finder.detect([np.zeros((256, 384, 3), np.uint8)])
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    np.testing.assert_allclose(found, [[x - 2 * stride, y - 2 * stride, x + 2 * stride, y + 2 * stride, 1]], rtol=1e-4)
    # a quarter of its side to the right and down, half as wide and twice as high
    maps[2 * level + 1][0, :, row, column] = torch.tensor([2.5, 2.5, -5 * np.log(2), 5 * np.log(2)])
    (found,) = finder.detect([np.zeros((256, 384, 3), np.uint8)])
    x, y = x + stride, y + stride
    np.testing.assert_allclose(found[0, :4], [x - stride, y - 4 * stride, x + stride, y + 4 * stride], rtol=1e-4)


def test_of_boxes_that_overlap_the_best_stays():
    a, b, c = [0, 0, 100, 100, 0.9], [40, 0, 140, 100, 0.8], [80, 0, 180, 100, 0.7]  # IoU of neighbours: 0.43
    d = [101, 0, 201, 100, 0.6]
    assert s3fd.suppress(np.array([a, b, c], np.float32)).tolist() == np.array([a, c], np.float32).tolist()
    assert len(s3fd.suppress(np.array([a, d], np.float32))) == 2
    assert len(s3fd.suppress(np.array([a, c, d], np.float32))) == 2
    assert s3fd.suppress(np.zeros((0, 5), np.float32)).shape == (0, 5)


def spotlight(pixels):
    """A network that finds one face of 32 pixels in the cell of stride 8 that is lit, and says how bright it is."""
    maps = blank_maps(pixels.shape[2], pixels.shape[3], len(pixels))
    lit = torch.nn.functional.avg_pool2d(pixels.mean(dim=1, keepdim=True), 8)[:, 0, : maps[2].shape[2]]
    maps[2][:, 1] = torch.where(lit > 0, 9 + lit / 100, 0)
    return maps


def lit(row, column, brightness=255, height=96, width=160):
    frame = np.zeros((height, width, 3), np.uint8)
    frame[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = brightness
    return frame


def test_frames_of_all_sizes_are_answered_in_their_order(finder, monkeypatch):
    sizes = []
    monkeypatch.setattr(finder, "_network", lambda x: sizes.append(tuple(x.shape)) or spotlight(x))
    cells = [(3, 4), (5, 6), (2, 9), (7, 3), (4, 4), (6, 12), (1, 1)]
    frames = [lit(*cell, height=96 if i % 2 else 128) for i, cell in enumerate(cells)]
    found = finder.detect([*frames, np.zeros((96, 160, 3), np.uint8)])
    assert sorted(sizes) == [(4, 3, 96, 160), (4, 3, 128, 160)]
    for (row, column), boxes in zip(cells, found[:-1], strict=True):
        assert boxes[:, :4].tolist() == [[8 * column - 12, 8 * row - 12, 8 * column + 20, 8 * row + 20]]
    assert found[-1].shape == (0, 5)
    assert finder.detect([]) == []


def test_large_frames_are_shrunk_and_boxes_are_in_their_own_pixels(finder, monkeypatch):
    seen = []
    monkeypatch.setattr(finder, "_network", lambda x: seen.append(tuple(x.shape)) or spotlight(x))
    frame = cv2.resize(lit(20, 30, height=360, width=640), (1920, 1080), interpolation=cv2.INTER_NEAREST)
    (found,) = finder.detect([frame])
    assert seen == [(1, 3, 360, 640)]
    np.testing.assert_allclose(found[0, :4], 3 * np.array([228, 148, 260, 180]))
    monkeypatch.setattr(finder, "side", None)
    finder.detect([frame])
    assert seen[1] == (1, 3, 1080, 1920)


def test_the_network_sees_blue_green_red_less_their_means(finder, monkeypatch):
    seen = []
    monkeypatch.setattr(finder, "_network", lambda x: seen.append(x[0, :, 5, 5].tolist()) or spotlight(x))
    frame = np.full((64, 64, 3), (110, 120, 130), np.uint8)
    finder.detect([frame])
    monkeypatch.setattr(finder, "published_order", True)
    finder.detect([frame])
    assert seen == [[6, 3, 7], [26, 3, -13]]


def test_the_batch_is_halved_until_it_fits(finder, monkeypatch):
    def small(pixels):
        if len(pixels) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return spotlight(pixels)

    monkeypatch.setattr(finder, "batch", 8)
    monkeypatch.setattr(finder, "_network", small)
    found = finder.detect([lit(3, i) for i in range(7)])
    assert [boxes[0, 0] for boxes in found] == [8 * i - 12 for i in range(7)]
    assert finder.batch == 2, "what does not fit is not tried again and again"

    def full(pixels):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(finder, "_network", full)
    with pytest.raises(W2LError, match="160 x 96 pixels: the memory of cpu is full"):
        finder.detect([lit(3, 3)])

    def broken(pixels):
        raise RuntimeError("something else")

    monkeypatch.setattr(finder, "_network", broken)
    with pytest.raises(RuntimeError, match="something else"):
        finder.detect([lit(3, 3)])


def test_three_frames_at_once_give_what_they_give_one_by_one(untrained, monkeypatch):
    rng = np.random.default_rng(4)
    frames = [cv2.GaussianBlur(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8), (0, 0), 2) for _ in range(3)]
    alone = [untrained.detect([frame])[0] for frame in frames]
    monkeypatch.setattr(untrained, "batch", 3)
    together = untrained.detect(frames)
    for one, other in zip(alone, together, strict=True):
        assert len(one) > 0
        assert (np.diff(one[:, 4]) <= 0).all()
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2)
    assert not np.array_equal(alone[0], alone[1])
    assert all(np.array_equal(a, b) for a, b in zip(together, untrained.detect(frames), strict=True))


def test_frames_of_any_size_run(untrained):
    for size in ((1, 1), (2, 900), (33, 47), (31, 200)):
        (found,) = untrained.detect([np.full((*size, 3), 90, np.uint8)])
        assert np.isfinite(found).all()


def test_s3fd_by_its_name(monkeypatch, s3fd_file):
    monkeypatch.setattr(weights, "locate", lambda name: s3fd_file if name == "s3fd" else None)
    one, other = faces.detector("s3fd", device="cpu"), faces.detector("s3fd", batch_size=3, device="cpu")
    assert (one.name, one.side, one.published_order) == ("s3fd", 640, False)
    assert one.batch >= 1
    assert other.batch == 3
    assert one.settings == other.settings, "the batch changes no box"
    parity = faces.S3fd(side=None, published_order=True, device="cpu").settings
    assert len({*parity.split(), *one.settings.split()}) == 6, "side and order are told apart, the rest is the same"
    with pytest.raises(W2LError, match="batch size of 1 or more"):
        faces.detector("s3fd", batch_size=0)
    with pytest.raises(W2LError, match="device 'abacus'"):
        faces.detector("s3fd", device="abacus")


def test_weights_that_are_not_those_of_s3fd_are_refused(tmp_path):
    (tmp_path / "s3fd.pth").write_bytes(b"<html>")
    with pytest.raises(W2LError, match="web page"):
        faces.S3fd(tmp_path / "s3fd.pth")


@needs_s3fd
@needs_yunet
@needs_clips
@pytest.mark.slow
@pytest.mark.parametrize("name", FRONTAL)
def test_s3fd_and_yunet_agree_on_frontal_faces(name):
    frames = list(video.read_frames(CLIPS / "video" / name))[::20][:3]
    yunet = faces.YuNet(MODELS / detectors.YUNET_FILES[0])
    for ours, published in zip(yunet.detect(frames), faces.S3fd(S3FD).detect(frames), strict=True):
        assert iou(ours[0], published[0]) >= 0.6


# --- a whole clip ---


class Counting:
    """A detector that puts a box where the frame is brightest, and counts the frames that it was shown."""

    name = "counting"

    def __init__(self, settings="a=1"):
        self.settings = settings
        self.shown = 0
        self.largest_batch = 0

    def detect(self, frames):
        self.shown += len(frames)
        self.largest_batch = max(self.largest_batch, len(frames))
        found = []
        for frame in frames:
            x = int(frame.mean(axis=(0, 2)).argmax())
            found.append(np.array([[x - 8, 4, x + 8, 28, 0.9], [1, 2, 9, 12, 0.5]][: x % 3], np.float32).reshape(-1, 5))
        return found


def scenery(seed, n_frames, height=48, width=96):
    """A shot: blotches that stay, and a bright bar that wanders over them."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 200, (6, 8, 3), dtype=np.uint8)
    for i in range(n_frames):
        frame = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
        frame[:, (10 + 4 * i) % width] = 255
        yield frame


def write_clip(path, seeds=(1, 2)):
    """A clip of 12 frames at 25 fps, with a cut in its middle."""
    with video.VideoWriter(path, 25) as writer:
        for seed in seeds:
            for frame in scenery(seed, 6):
                writer.write(frame)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(autouse=True)
def fresh_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "cache"))


def kept():
    return sorted(paths.cache().glob("faces/*"))


def look(path_or_frames, settings="a=1", **how):
    """What is found, and how many frames the detector was shown for it."""
    finder = Counting(settings)
    return faces.detect_clip(path_or_frames, finder, **how), finder.shown


def same(a, b):
    assert (a.cuts, a.size, a.whole, a.views) == (b.cuts, b.size, b.whole, b.views)
    assert len(a.faces) == len(b.faces)
    for one, other in zip(a.faces, b.faces, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def test_faces_and_cuts_of_a_clip(clip):
    found, shown = look(clip, cache=False)
    assert shown == len(found.faces) == 12
    assert found.cuts == [6]
    assert len(found.views) == 2
    assert found.size == (96, 48)
    assert found.whole
    assert len({len(boxes) for boxes in found.faces}) > 1, "the detector should see different things"
    assert kept() == []
    frames = list(video.read_frames(clip))
    same(look(frames)[0], found)
    same(look(iter(frames))[0], found)
    assert kept() == [], "frames have no file to be kept for"


def test_a_second_look_takes_what_the_first_one_found(clip, tmp_path):
    first, shown = look(clip)
    assert shown == 12
    again, shown = look(clip)
    assert shown == 0
    same(first, again)
    renamed = shutil.copy(clip, tmp_path / "another name.bin")
    again, shown = look(renamed)
    assert shown == 0
    same(first, again)
    assert look(clip, cache=False)[1] == 12
    assert len(kept()) == 1


def test_tracks_with_other_pads_take_the_same_boxes(clip):
    finder = Counting()
    wide = faces.track_faces(clip, detector=finder, pads=(0, 20, 0, 0), gaps="hold")
    narrow = faces.track_faces(clip, detector=finder, pads=(0, 0, 0, 0), gaps="hold", smooth=False)
    assert finder.shown == 12
    assert not np.array_equal(wide.boxes, narrow.boxes)


def test_what_would_find_other_boxes_looks_again(clip, tmp_path):
    look(clip)
    assert look(clip, settings="a=2")[1] == 12
    assert look(clip, fps=12.5)[1] == 6
    assert look(clip, fps=25)[1] == 0, "its own rate, said aloud"
    found, shown = look(clip, framing=Framing(crop=(16, 0, 80, 48)))
    assert shown == 12
    assert found.size == (64, 48)
    same(look(clip, framing=Framing(crop=(16, 0, 80, 48)))[0], found)
    assert look(clip, framing=Framing(rotate=90))[0].size == (48, 96)
    other = Counting()
    other.name = "another"
    faces.detect_clip(clip, other)
    assert other.shown == 12
    assert len(kept()) == 6


def test_another_content_in_the_same_place_looks_again(clip, tmp_path):
    path = Path(shutil.copy(clip, tmp_path / "clip.mp4"))
    before = path.stat()
    look(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"mdat") + 600] ^= 1  # one bit of a picture
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look(path)[1] == 12


def test_only_as_many_frames_as_are_wanted(clip):
    part, shown = look(clip, max_frames=5)
    assert shown == len(part.faces) == 5
    assert (part.cuts, part.whole) == ([], False)
    same(look(clip, max_frames=5)[0], part)
    less, shown = look(clip, max_frames=3)
    assert shown == 0
    assert len(less.faces) == 3
    more, shown = look(clip, max_frames=8)
    assert shown == len(more.faces) == 8, "the part that is kept is too short"
    assert (more.cuts, more.whole) == ([6], False)
    again, shown = look(clip, max_frames=5)
    assert shown == 0
    same(again, part)
    whole, shown = look(clip)
    assert shown == 12
    for most in (12, 13, None):
        again, shown = look(clip, max_frames=most)
        assert shown == 0
        same(again, whole)
    again, shown = look(clip, max_frames=11)
    assert shown == 0
    assert (len(again.faces), again.whole) == (11, False)


@pytest.mark.parametrize("most", [11, 12, 13])
def test_whole_is_what_ends_by_itself(clip, most):
    frames = list(video.read_frames(clip))
    for found in (look(clip, max_frames=most)[0], look(iter(frames), max_frames=most)[0]):
        assert found.whole == (most >= 12)
        assert len(found.faces) == min(most, 12)


def test_frames_are_taken_a_few_at_a_time():
    taken = 0

    def frames():
        nonlocal taken
        for frame in scenery(1, 100):
            taken += 1
            yield frame

    class Watching(Counting):
        def detect(self, frames):
            assert taken <= self.shown + 8
            return super().detect(frames)

    watching = Watching()
    assert len(faces.detect_clip(frames(), watching).faces) == 100
    assert watching.largest_batch == 8
    watching.batch = 3
    faces.detect_clip(scenery(1, 10), watching)
    large = Counting()
    large.batch = 20
    faces.detect_clip(scenery(1, 50), large)
    assert large.largest_batch == 20, "a detector says how many frames suit it"


def test_each_frame_is_told_unless_it_is_not_looked_at(clip, capfd):
    told = []
    look(clip, on_frame=lambda: told.append(1), max_frames=7)
    assert len(told) == 7
    look(clip, on_frame=lambda: told.append(1), max_frames=7, progress=True)
    assert len(told) == 7
    assert capfd.readouterr().err == ""
    look(clip, progress=True)
    bar = capfd.readouterr().err
    assert "finding the face" in bar
    assert "12/12" in bar


def test_a_fixed_box_is_not_kept(clip):
    found = faces.detect_clip(clip, faces.FixedBox((10, 10, 30, 40)))
    assert [boxes.tolist() for boxes in found.faces] == [[[10, 10, 30, 40, 1]]] * 12
    assert kept() == []


def test_frames_that_are_none_are_refused(tmp_path):
    with pytest.raises(W2LError, match="no frames"):
        look([])
    with pytest.raises(W2LError, match="frame 1 of the clip is 21 x 16 pixels, the first one 20 x 16"):
        look([np.zeros((16, 20, 3), np.uint8), np.zeros((16, 21, 3), np.uint8)])
    for frame in (np.zeros((16, 20, 3)), np.zeros((16, 20), np.uint8), np.zeros((16, 20, 4), np.uint8)):
        with pytest.raises(W2LError, match="frame 0 of the clip is not"):
            look([frame], framing=Framing(rotate=90))
    with pytest.raises(W2LError, match="max_frames of 1 or more"):
        look([np.zeros((16, 20, 3), np.uint8)], max_frames=0)
    for path in (tmp_path, tmp_path / "nothing.mp4"):
        with pytest.raises(W2LError, match=path.name):
            look(path)
    (tmp_path / "clip.mp4").write_bytes(b"not a clip" * 100)
    with pytest.raises(W2LError, match=r"clip\.mp4"):
        look(tmp_path / "clip.mp4")
    assert kept() == []


def test_an_error_of_the_detector_ends_the_reading_thread(tmp_path):
    clip = write_clip(tmp_path / "long.mp4", range(7))

    class Failing(Counting):
        def detect(self, frames):
            raise W2LError("enough.")

    before = threading.active_count()
    with pytest.raises(W2LError, match="enough") as caught:  # noqa: F841 - as long as it is held, nothing is collected
        faces.detect_clip(clip, Failing())
    assert threading.active_count() == before
    assert kept() == [], "half of a clip is not kept"


# --- what is kept, broken ---


def entry_of(clip):
    look(clip)
    (entry,) = kept()
    return entry


def spoil(entry, **changed):
    with np.load(entry) as archive:
        content = {**archive, **changed}
    np.savez(entry, **{name: value for name, value in content.items() if value is not None})


def check_mended(clip, wanted, must_look=True):
    found, shown = look(clip)
    same(found, wanted)
    assert shown == 12 or not must_look
    found, shown = look(clip)
    assert shown == 0, "a broken entry was not replaced"
    same(found, wanted)


@pytest.mark.parametrize("length", [0, 1, 30, 100, 400, -100, -20, -1])
def test_a_truncated_entry_is_replaced(clip, length):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    entry.write_bytes(entry.read_bytes()[:length])
    check_mended(clip, wanted)


def test_an_entry_with_wrong_bits_gives_no_wrong_boxes(clip):
    entry = entry_of(clip)
    wanted = detection._read(entry)
    content = entry.read_bytes()
    rng = np.random.default_rng(9)
    broken = 0
    for at in rng.permutation(len(content))[:400]:
        entry.write_bytes(content[:at] + bytes([content[at] ^ (1 << int(rng.integers(8)))]) + content[at + 1 :])
        found = detection._recall(entry, None)
        if found is None:
            broken += 1
        else:
            same(found, wanted)
    assert broken > 200


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06" + bytes(18), b"text\n" * 50, b"\x80\x04]\x94.", b"\x93NUMPY\x01\x00junk", bytes(999)]
)
def test_a_foreign_file_is_replaced(clip, content):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    entry.write_bytes(content)
    check_mended(clip, wanted)


def test_an_array_or_object_in_its_place_is_replaced(clip):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    with entry.open("wb") as file:
        np.save(file, np.zeros(5))
    check_mended(clip, wanted)
    spoil(entry, boxes=np.array([{"a": 1}], dtype=object))
    check_mended(clip, wanted)


@pytest.mark.parametrize(
    "changed",
    [
        {"key": np.array("0" * 64)},
        {"key": None},
        {"boxes": None},
        {"boxes": np.zeros((3, 5), np.float32)},
        {"boxes": np.zeros((12, 4), np.float32)},
        {"boxes": np.zeros((0, 5), np.float64)},
        {"counts": np.zeros(12, np.int64)},
        {"counts": np.zeros((0,), np.int64)},
        {"counts": np.full(12, 0.5)},
        {"counts": np.array([1, -1, *[0] * 10]), "boxes": np.zeros((0, 5), np.float32)},
        {"cuts": np.array([6, 6])},
        {"cuts": np.array([7, 3])},
        {"cuts": np.array([0])},
        {"cuts": np.array([12])},
        {"cuts": np.array([-2])},
        {"views": np.array([0])},
        {"size": np.array([96, 0])},
        {"size": np.array([96, 48, 3])},
        {"whole": np.array([True])},
        {"whole": np.array(1)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_entry_that_makes_no_sense_is_replaced(clip, changed):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    spoil(entry, **changed)
    check_mended(clip, wanted)


def test_the_entry_of_another_clip_under_this_name_is_replaced(clip, tmp_path):
    entry = entry_of(clip)
    wanted, _ = look(clip)
    look(write_clip(tmp_path / "other.mp4", (5, 6)))
    (other,) = set(kept()) - {entry}
    shutil.copy(other, entry)
    check_mended(clip, wanted)


def test_a_folder_that_cannot_be_written_is_no_error(clip, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("W2L_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert look(clip)[1] == 12


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_full_disk_is_no_error(clip, monkeypatch, code):
    def full(file, **arrays):
        Path(file).write_bytes(b"half")
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        assert look(clip)[1] == 12
        assert kept() == []
    assert look(clip)[1] == 12
    assert look(clip)[1] == 0


def test_the_files_used_last_stay(clip, monkeypatch):
    for i in range(4):
        look(clip, settings=str(i))
    for i, entry in enumerate(kept()):
        os.utime(entry, (1000 + i, 1000 + i))
    first = min(kept(), key=lambda entry: entry.stat().st_mtime)
    second, third = sorted(set(kept()) - {first}, key=lambda entry: entry.stat().st_mtime)[:2]
    number = next(i for i in range(4) if detection._entry(clip, Counting(str(i)), 25.0, Framing()) == first)
    assert look(clip, settings=str(number))[1] == 0, "used: now it is the youngest"
    monkeypatch.setattr(detection, "_ROOM", 3 * 4096)
    look(clip, settings="new")
    assert len(kept()) == 3
    assert first in kept()
    assert not {second, third} & set(kept())


def test_two_processes_at_once(clip, tmp_path):
    script = """
import sys
import numpy as np
from w2l import faces
class Fixed:
    name = "fixed"
    def __init__(self, i): self.settings = str(i % 3)
    def detect(self, frames): return [np.full((2, 5), i, np.float32) for i in range(len(frames))]
for i in range(30):
    found = faces.detect_clip(sys.argv[1], Fixed(i), max_frames=5 + i % 7)
    assert len(found.faces) == 5 + i % 7 and not found.whole
    assert [boxes[0, 0] for boxes in found.faces[:5]] == [0, 1, 2, 3, 4]
"""
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(clip)], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in started:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert len(kept()) == 3
    assert all(detection._read(entry) for entry in kept())
