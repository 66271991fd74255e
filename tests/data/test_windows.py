"""Training windows: where they are cut, what goes with what, and a cache that mends itself."""

import os
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest

from w2l import talker
from w2l.base.parallel import can_fork
from w2l.data import corpus, windows
from w2l.data.augment import Augment
from w2l.data.clip import Clip
from w2l.errors import W2LError


@pytest.fixture(scope="module")
def clips():
    """Three clips: frame t of clip c is painted (c, t), mel column k holds k; so everything can be read back."""
    made = []
    for c in range(3):
        frames = np.zeros((40, 96, 96, 3), np.uint8)
        frames[..., 0] = c * 50
        frames[..., 1] = np.arange(40)[:, None, None]
        frames[:, :48, :, 2] = 200  # the upper half is told from the lower
        made.append(
            Clip(frames, np.tile(np.arange(129, dtype=np.float32) / 100, (80, 1)), np.zeros((40, 3), np.float32))
        )
    return made


def test_windows_end_inside_the_clip(clips):
    assert clips[0].starts == 36  # 40 - 5 + 1 frames, and 3.2 * 35 + 16 = 128 columns of 129
    assert Clip(np.zeros((40, 96, 96, 3), np.uint8), np.zeros((80, 100), np.float32)).starts == 27


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_expert_batch_pairs_mouths_with_their_sound(clips, frames):
    mels, faces = windows.expert_batch(clips, np.random.default_rng(0), 3, 4, frames, augment=False)
    assert mels.shape == (12, 1, 80, 16) and faces.shape == (12, 3 * frames, 48, 96)
    assert faces.dtype == mels.dtype == np.float32
    numbers = np.rint(faces * 255).astype(int)
    assert (numbers[:, 2::3] == 0).all()  # lower halves only, red channel third
    for mel, face in zip(mels, numbers, strict=True):
        first = face[1, 0, 0]  # the frame number is in green
        start = first - (5 - frames) // 2
        assert [face[3 * k + 1, 0, 0] for k in range(frames)] == [first + k for k in range(frames)]
        np.testing.assert_allclose(mel[0, 0] * 100, np.floor(3.2 * start) + np.arange(16), atol=1e-3)
    for group in numbers.reshape(3, 4, -1, 48, 96):  # windows of a group: same clip, different places
        assert len({g[0, 0, 0] for g in group}) == 1 and len({g[1, 0, 0] for g in group}) == 4


@pytest.mark.parametrize("frames", [1, 5])
def test_generator_batch_has_another_time_as_reference(clips, frames):
    seen = 0
    for seed in range(20):
        batch = windows.generator_batch(clips, np.random.default_rng(seed), 3, frames, augment=False)
        assert batch["target"].shape == batch["reference"].shape == (3, frames, 96, 96, 3)
        assert batch["mels"].shape == (3, frames, 80, 16) and batch["window"].shape == (3, 80, 16)
        for target, reference, mels, window in zip(*batch.values(), strict=True):
            start = int(target[0, 0, 0, 1])
            assert target[0, 0, 0, 0] == reference[0, 0, 0, 0]  # the same clip
            assert reference[0, 0, 0, 1] != start
            np.testing.assert_array_equal(target[:, 0, 0, 1], start + np.arange(frames))
            for k in range(frames):  # published: frame t hears from t - 1 on
                np.testing.assert_allclose(mels[k, 0, 0] * 100, np.floor(3.2 * (start + k - 1) + 1e-6), atol=1e-3)
            np.testing.assert_allclose(window[0, 0] * 100, np.floor(3.2 * start), atol=1e-3)
            seen += 1
    assert seen == 60


def test_augment_changes_all_frames_alike():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    for seed in range(30):
        change = Augment(np.random.default_rng(seed), degrade=False)
        np.testing.assert_array_equal(change(frame), change(frame))
    degraded = [Augment(np.random.default_rng(seed)) for seed in range(200)]
    for name in ("blur", "noise", "quality"):
        share = np.mean([bool(getattr(change, name)) for change in degraded])
        assert 0.15 < share < 0.6, name


def test_corpus_is_cached_and_mended(tmp_path):
    first = corpus.corpus("train", 1, cache=tmp_path, progress=False)[0]
    path = next(tmp_path.rglob("*.npz"))
    path.write_bytes(path.read_bytes()[:5000])  # killed while copying
    again = corpus.corpus("train", 1, cache=tmp_path, progress=False)[0]
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert path.stat().st_size > 1_000_000
    with pytest.raises(W2LError, match="at least 1"):
        corpus.corpus("train", 0, cache=tmp_path, progress=False)


def _drawn(split: str, number: int, seed: int, voices: str) -> SimpleNamespace:
    """Instead of a clip, which takes half a second: its number in the picture, who drew it in the mel."""
    frames = np.full((5, 96, 96, 3), number, np.uint8)
    return SimpleNamespace(frames=frames, mel=np.full((80, 16), os.getpid(), np.int64), truth=np.zeros((5, 3)))


@pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only")
def test_corpus_is_drawn_by_all_processors(tmp_path, monkeypatch):
    monkeypatch.setattr(talker, "make_clip", _drawn)
    monkeypatch.setattr(windows, "cores", lambda: 3)
    clips = corpus.corpus("train", 14, cache=tmp_path, progress=False)
    assert [clip.frames[0, 0, 0, 0] for clip in clips] == list(range(14))
    drawers = [int(clip.mel[0, 0]) for clip in clips]
    assert drawers[0] == os.getpid() and os.getpid() not in drawers[1:] and len(set(drawers[1:])) == 3
    few = corpus.corpus("validation", 7, cache=tmp_path, progress=False)
    assert {int(clip.mel[0, 0]) for clip in few} == {os.getpid()}  # a process is not worth starting for those


@pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only")
def test_a_process_that_dies_or_fails_while_drawing_costs_no_finished_clip(tmp_path, monkeypatch):
    def fragile(split: str, number: int, seed: int, voices: str) -> SimpleNamespace:
        if number == 9 and voices == "formant":
            deadline = time.monotonic() + 30
            while len(list(tmp_path.rglob("0*.npz"))) < 9 and time.monotonic() < deadline:
                time.sleep(0.01)  # until the other process has made the clips before
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 9:
            raise W2LError("there is no voice to be had.")
        return _drawn(split, number, seed, voices)

    monkeypatch.setattr(windows, "cores", lambda: 2)
    monkeypatch.setattr(talker, "make_clip", fragile)
    with pytest.raises(W2LError, match="a process that worked ahead died"):
        corpus.corpus("train", 12, cache=tmp_path, progress=False)
    with pytest.raises(W2LError, match=r"^there is no voice to be had\.$"):
        corpus.corpus("train", 12, cache=tmp_path / "mixed", progress=False, voices="mixed")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert len(before) >= 18
    monkeypatch.setattr(talker, "make_clip", _drawn)
    assert len(corpus.corpus("train", 12, cache=tmp_path, progress=False)) == 12
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
