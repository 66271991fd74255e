"""Tests of S3FD as a detector: decoding, batches, sizes, the published reading of frames."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import cv2
import numpy as np
import pytest
import torch
from helpers.faces import (
    CLIPS,
    MODELS,
    needs_clips,
)
from helpers.golden_weights import GAINS, GOLDEN, fill

from w2l import faces, models, video, weights
from w2l.errors import W2LError
from w2l.faces.boxes import iou

S3FD = next(  # asked before the tests get folders of their own: the user's weights, where there are any
    (path for path in (weights.locate("s3fd"), MODELS / weights.REGISTRY["s3fd"].file) if path and path.is_file()), None
)


needs_s3fd = pytest.mark.skipif(S3FD is None, reason="no weights of s3fd on this machine")


FRONTAL = ["real3d_may_512.mp4", "vretalk_face2.mp4", "grid_bbaf2n.mpg", "opendubbing_englishvideo.mp4"]


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


def test_weights_that_are_not_those_of_s3fd_are_refused(tmp_path):
    (tmp_path / "s3fd.pth").write_bytes(b"<html>")
    with pytest.raises(W2LError, match="web page"):
        faces.S3fd(tmp_path / "s3fd.pth")


def test_s3fd_by_its_name(monkeypatch, s3fd_file):
    entry = replace(weights.REGISTRY["s3fd"], file=s3fd_file.name, bytes=s3fd_file.stat().st_size)
    monkeypatch.setitem(weights.REGISTRY, "s3fd", entry)
    monkeypatch.setenv("W2L_WEIGHTS", str(s3fd_file))
    one, other = faces.detector("s3fd", device="cpu"), faces.detector("s3fd", batch_size=3, device="cpu")
    assert (one.name, one.side, one.published_order) == ("s3fd", 640, False)
    assert one.batch >= 1
    assert other.batch == 3
    assert one.settings == other.settings, "the batch changes no box"
    published = faces.detector("s3fd", device="cpu", published=True)
    assert published is faces.detector("s3fd", device="cpu", published=True) is not one
    parity = faces.S3fd(side=None, published_order=True, device="cpu").settings
    assert published.settings == parity
    assert len({*parity.split(), *one.settings.split()}) == 6, "side and order are told apart, the rest is the same"
    with pytest.raises(W2LError, match="batch size of 1 or more"):
        faces.detector("s3fd", batch_size=0)
    with pytest.raises(W2LError, match="device 'abacus'"):
        faces.detector("s3fd", device="abacus")


@needs_s3fd
@needs_clips
@pytest.mark.slow
@pytest.mark.parametrize("name", FRONTAL)
def test_s3fd_and_yunet_agree_on_frontal_faces(name):
    frames = list(video.read_frames(CLIPS / "video" / name))[::20][:3]
    yunet = faces.YuNet()
    for ours, published in zip(yunet.detect(frames), faces.S3fd(S3FD).detect(frames), strict=True):
        assert iou(ours[0], published[0]) >= 0.6
