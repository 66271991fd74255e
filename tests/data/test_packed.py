"""Frames that are kept as JPEGs are read like an array, from memory, a clip store and the talkers' cache."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from w2l import talker
from w2l.data import corpus, store, windows
from w2l.data.augment import Augment
from w2l.data.clip import Clip
from w2l.data.packed import PackedFrames
from w2l.errors import W2LError
from w2l.faces.crop import resized


@pytest.fixture(scope="module")
def frames():
    """Smooth pictures of 192 pixels, each its own, with a little noise."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
    smooth = np.stack([cv2.resize(one, (192, 192), interpolation=cv2.INTER_CUBIC) for one in coarse])
    return np.clip(smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clip(frames):
    rng = np.random.default_rng(1)
    mel = rng.uniform(-4, 4, (80, 129)).astype(np.float32)
    return Clip(PackedFrames.pack(frames), mel, rng.uniform(0, 9, (40, 3)).astype(np.float32))


def test_packed_frames_are_read_like_an_array(frames, clip):
    packed = clip.frames
    assert packed.shape == frames.shape and len(packed) == len(clip) == 40 and clip.size == 192
    whole = packed[:]
    assert whole.dtype == np.uint8 and np.abs(whole.astype(int) - frames).mean() < 2
    assert packed.jpegs.nbytes < frames.nbytes / 4
    mask = np.arange(40) % 7 == 0
    for which in (3, -1, slice(4, 9), slice(None, None, 6), np.array([5, 2, 5]), mask):
        assert np.array_equal(packed[which], whole[which])
    assert packed[7:7].shape == (0, 192, 192, 3)
    with pytest.raises(IndexError):
        packed[40]


def test_a_damaged_picture_is_told(frames):
    packed = PackedFrames.pack(frames[:2])
    packed.jpegs[packed.ends[0] :] = 0
    assert packed[0].any()
    with pytest.raises(W2LError, match="frame 1 of a clip is damaged"):
        packed[1]


def test_a_packed_clip_is_written_as_it_is_and_mapped(tmp_path, clip):
    written = store.write_clip(tmp_path / "a.safetensors", clip)
    assert written == store.write_clip(tmp_path / "b.safetensors", clip)
    again = store.read_clip(tmp_path / "a.safetensors")
    assert isinstance(again.frames, PackedFrames) and again.frames.shape == clip.frames.shape
    assert not again.frames.jpegs.flags.writeable and again.frames.ends.flags.aligned and again.mel.flags.aligned
    assert np.array_equal(again.frames[:], clip.frames[:])
    assert np.array_equal(again.mel, clip.mel) and np.array_equal(again.truth, clip.truth)
    (tmp_path / "a.safetensors").write_bytes((tmp_path / "b.safetensors").read_bytes()[:-9])
    with pytest.raises(W2LError, match="not a whole clip"):
        store.read_clip(tmp_path / "a.safetensors")


def test_windows_of_larger_faces(clip):
    batch = windows.generator_batch([clip], np.random.default_rng(0), 2, 5, augment=True)
    assert batch["target"].shape == batch["reference"].shape == (2, 5, 192, 192, 3)
    small = Clip(resized(clip.frames[:], 96), clip.mel)
    for augment in (True, False):  # experts see the same as of a clip of 96 pixels
        one, other = (
            windows.expert_batch([each], np.random.default_rng(0), 1, 3, augment=augment)[1] for each in (clip, small)
        )
        assert one.shape == (3, 15, 48, 96) and np.array_equal(one, other)


def test_augmentation_moves_larger_faces_as_far():
    y, x = np.mgrid[:192, :192]
    blob = np.exp(-((x - 70) ** 2 + (y - 120) ** 2) / 800)[..., None] * np.full(3, 200.0)
    large = blob.astype(np.uint8)
    small = cv2.resize(large, (96, 96), interpolation=cv2.INTER_AREA)
    for seed in range(12):
        moved = [Augment(np.random.default_rng(seed), False, len(one))(one) for one in (large, small)]
        shrunk = cv2.resize(moved[0], (96, 96), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(shrunk - moved[1]).max() <= 8


@pytest.mark.parametrize("looks", ["drawn", "photo"])
def test_a_talker_is_the_same_at_another_size(tmp_path, looks):
    cast = talker.Cast(looks=looks)
    small, large = (talker.make_clip("train", 0, seconds=0.24, cast=cast, size=size) for size in (96, 192))
    assert large.frames.shape == (6, 192, 192, 3)
    assert np.allclose(large.truth, small.truth * (2, 2, 4), rtol=1e-3, atol=1e-3)
    assert np.array_equal(large.mel, small.mel) and np.array_equal(large.mouth, small.mouth)
    apart = np.abs(resized(large.frames, 96).astype(int) - small.frames)
    assert apart.mean() < 6 and apart.mean() < 0.3 * np.abs(small.frames[0].astype(int) - small.frames.mean()).mean()


def test_larger_talkers_are_cached_apart_packed_and_mended(tmp_path, monkeypatch):
    made = talker.make_clip("train", 0, seconds=0.24, cast=talker.Cast(looks="drawn"), size=192)
    asked = []

    def make_clip(split, number, seed, cast, size):
        asked.append((number, size))
        return made

    monkeypatch.setattr(talker, "make_clip", make_clip)
    monkeypatch.setattr(corpus, "cores", lambda: 1)

    def clips():
        return corpus.corpus("train", 3, cache=tmp_path, progress=False, cast=talker.Cast(looks="drawn"), size=192)

    first = clips()
    assert asked == [(0, 192), (1, 192), (2, 192)] and [one.size for one in first] == [192] * 3
    assert {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == {"seed0/192px/train"}
    assert np.allclose(first[2].known_truth() * (2, 2, 4), made.truth, rtol=1e-5)  # in pixels of a crop of 96
    assert np.abs(first[0].frames[:].astype(int) - made.frames).mean() < 2.5
    broken = next(tmp_path.rglob("00001.safetensors"))
    broken.write_bytes(broken.read_bytes()[:500])
    assert len(clips()) == 3 and asked[3:] == [(1, 192)]
