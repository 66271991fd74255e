"""Tests of YuNet as it ships: drawn, painted and real faces, frames of any size, files that are none."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.faces import CLIPS, MODELS, drawn_face, needs_clips, needs_models

from w2l import faces, talker, video, weights
from w2l.base import paths
from w2l.errors import W2LError
from w2l.talker.drawn.render import presenter_view


@pytest.fixture(scope="module")
def yunet():
    return faces.YuNet()


@pytest.mark.parametrize("size", [120, 256, 700])
def test_a_drawn_face_is_found(yunet, size):
    (found,) = yunet.detect([drawn_face(size)])
    assert found.shape == (1, 5)
    assert found.dtype == np.float32
    x1, y1, x2, y2, _ = found[0] * 256 / size
    assert abs((x1 + x2) / 2 - 128) < 12
    assert 95 < x2 - x1 < 150
    assert 0.66 < (188 - y1) / (y2 - y1) < 0.8, "the mouth belongs at three quarters of the height"


def test_nothing_is_found_where_there_is_nothing(yunet):
    frames = [np.full((90, 160, 3), 128, np.uint8), np.zeros((1, 1, 3), np.uint8), np.zeros((2, 900, 3), np.uint8)]
    assert [len(found) for found in yunet.detect(frames)] == [0, 0, 0]


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
def test_weights_that_are_none_are_named(tmp_path, content, said):
    path = tmp_path / weights.REGISTRY["yunet"].file
    path.write_bytes(content)
    with pytest.raises(W2LError, match=said) as caught:
        faces.YuNet(path)
    assert str(caught.value).count("\n") == 0
    assert "use the bundled one" in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(W2LError, match=r"cannot read the detector's weights .*none\.onnx"):
        faces.YuNet(tmp_path / "none.onnx")


@needs_models
def test_the_file_published_before_gives_the_same_boxes(yunet, capfd):
    before = faces.YuNet(MODELS / weights.REGISTRY["yunet_2023mar"].file)
    frames = [drawn_face(400), drawn_face(97), np.zeros((1, 1, 3), np.uint8), np.zeros((2, 900, 3), np.uint8)]
    for ours, theirs in zip(yunet.detect(frames), before.detect(frames), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert capfd.readouterr().err == "", "OpenCV's log reached the user"


def test_large_frames_are_shrunk_and_boxes_are_in_their_own_pixels(yunet):
    small, large = yunet.detect([drawn_face(300), drawn_face(1800)])
    np.testing.assert_allclose(large[0, :4], small[0, :4] * 6, rtol=0.05, atol=30)


def test_small_frames_are_enlarged_and_boxes_are_in_their_own_pixels(yunet):
    large, small = yunet.detect([drawn_face(320), drawn_face(64)])
    np.testing.assert_allclose(small[0, :4], large[0, :4] / 5, rtol=0.05, atol=1)


@pytest.mark.parametrize("size", [96, 128, 256, 512])
def test_the_drawn_talkers_are_found(yunet, size):
    """As face crops and as presenters: one face each, about where the generator of such clips puts it."""
    for number in range(3):
        speaker = talker.make_speaker("test", number)
        phones, _ = talker.speech(speaker, seconds=0.4)
        view = None if size == 96 else presenter_view(size)
        frames = [frame for frame, _ in talker.film(speaker, phones, 10, view=view)]
        found = yunet.detect(frames[::3])
        assert [len(boxes) for boxes in found] == [1] * len(found)
        assert min(boxes[0, 4] for boxes in found) > 0.85


@needs_clips
@pytest.mark.parametrize("name", ["front_woman.png", "macron_512.png", "cgi_boy.jpg", "jpeg_named.png"])
def test_the_faces_of_real_pictures_are_found(yunet, name):
    picture = video.read_image(CLIPS / "image" / name)
    (found,) = yunet.detect([picture])
    assert len(found) >= 1


def test_the_bundled_presenter_is_found(yunet):
    clip = paths.data() / "samples" / "presenter.mp4"
    if not clip.is_file():
        pytest.skip("the presenter is not made yet")
    found = [len(yunet.detect([frame])[0]) for i, frame in enumerate(video.read_frames(clip)) if i % 4 == 0]
    assert len(found) > 10
    assert set(found) == {1}


def test_frames_searched_at_once_have_the_boxes_of_each(yunet):
    frames = [np.roll(drawn_face(400), 8 * i, axis=1) for i in range(5)]
    together = yunet.detect(frames)
    for frame, boxes in zip(frames, together, strict=True):
        np.testing.assert_array_equal(boxes, yunet.detect([frame])[0])


def test_settings_tell_apart_what_finds_other_boxes(yunet):
    assert yunet.settings == faces.YuNet().settings
    others = [faces.YuNet(side=320), faces.YuNet(min_score=0.5), faces.YuNet(smallest=96)]
    others += [faces.YuNet(MODELS / weights.REGISTRY["yunet_2023mar"].file)] if MODELS.is_dir() else []
    assert len({finder.settings for finder in (yunet, *others)}) == 1 + len(others)
