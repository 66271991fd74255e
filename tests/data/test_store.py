"""The clip store: its files, what is mapped and when, and every way in which it can be broken."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from w2l.data import store, windows
from w2l.data.clip import Clip
from w2l.data.store import ClipEntry, Store
from w2l.errors import W2LError


def make_clip(seed=0, n=30, truth=False):
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (n, 96, 96, 3), dtype=np.uint8)
    mel = rng.uniform(-4, 4, (80, 1 + n * 16 // 5)).astype(np.float32)
    return Clip(frames, mel, rng.uniform(0, 20, (n, 3)).astype(np.float32) if truth else None)


def make_store(folder, clips, splits=("train",)):
    entries = []
    for i, clip in enumerate(clips):
        size, checksum = store.write_clip(folder / f"clips/{i}.safetensors", clip)
        split = splits[i % len(splits)]
        entries.append(
            ClipEntry(f"clips/{i}.safetensors", size, checksum, len(clip), f"s{i}", split, "x", 0, 0, 0.5, 0)
        )
    store.write_index(folder, entries, seed=3)
    return folder


@pytest.mark.parametrize("truth", [False, True])
def test_a_clip_comes_back_as_it_was_and_cannot_be_written_to(tmp_path, truth):
    clip = make_clip(truth=truth, n=31)
    size, checksum = store.write_clip(tmp_path / "a.safetensors", clip)
    again = store.read_clip(tmp_path / "a.safetensors")
    for name in ("frames", "mel", "truth") if truth else ("frames", "mel"):
        made, given = getattr(again, name), getattr(clip, name)
        assert made.dtype == given.dtype and np.array_equal(made, given)
        assert not made.flags.writeable and made.flags.aligned
    assert (again.truth is None) == (not truth)
    assert (tmp_path / "a.safetensors").stat().st_size == size
    assert store.write_clip(tmp_path / "b.safetensors", clip) == (size, checksum)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.safetensors", "b.safetensors"]


def test_a_file_is_an_ordinary_safetensors_one(tmp_path):
    clip = make_clip(truth=True)
    store.write_clip(tmp_path / "a.safetensors", clip)
    read = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert {name: array.tobytes() for name, array in read.items()} == {
        name: getattr(clip, name).tobytes() for name in ("frames", "mel", "truth")
    }


def test_windows_drawn_from_a_store_are_those_drawn_from_memory(tmp_path):
    clips = [make_clip(seed, 30 + seed) for seed in range(4)]
    stored = Store(make_store(tmp_path, clips)).clips("train")
    for draw in (
        lambda clips: windows.generator_batch(clips, np.random.default_rng(1), 6, frames=5),
        lambda clips: dict(enumerate(windows.expert_batch(clips, np.random.default_rng(1), 3, 4))),
    ):
        one, other = draw(clips), draw(stored)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_clips_are_a_sequence_that_may_be_sent(tmp_path):
    clips = [make_clip(seed, 30 + seed) for seed in range(6)]
    found = Store(make_store(tmp_path, clips, ("train", "test"))).clips("train")
    assert [len(clip) for clip in found] == [30, 32, 34]
    assert [len(clip) for clip in found[1:]] == [32, 34]
    assert len(found[-1]) == 34
    with pytest.raises(IndexError):
        found[3]
    sent = pickle.dumps(found)
    assert len(sent) < 2000  # where they lie, not what is in them
    assert [len(clip) for clip in pickle.loads(sent)] == [30, 32, 34]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_only_so_many_files_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_OPEN", 3)
    found = Store(make_store(tmp_path, [make_clip(seed, 10) for seed in range(12)])).clips("train")
    before = len(os.listdir("/proc/self/fd"))
    assert [int(clip.frames[0, 0, 0, 0]) for clip in found] == [
        int(make_clip(seed, 10).frames[0, 0, 0, 0]) for seed in range(12)
    ]
    assert len(os.listdir("/proc/self/fd")) <= before + 3
    assert found[11] is found[11]


def test_facts_of_a_store(tmp_path):
    found = Store(make_store(tmp_path, [make_clip(i, 45) for i in range(4)], ("train", "validation")))
    assert found.speakers("train") == ["s0", "s2"]
    assert found.speakers("test") == [] and len(found.clips("test")) == 0
    assert found.hours() == pytest.approx(180 / 25 / 3600) and found.hours("train") == pytest.approx(90 / 25 / 3600)
    assert found.facts["seed"] == 3 and found.facts["fps"] == 25
    found.verify()
    with pytest.raises(W2LError, match="no split 'val'; choose one of train, validation, test"):
        found.clips("val")


def break_index(folder, change):
    path = folder / store.INDEX
    index = json.loads(path.read_text(encoding="utf8"))
    change(index)
    path.write_text(json.dumps(index), encoding="utf8")


def resize(path, add):
    content = path.read_bytes()
    path.write_bytes(content + b"x" * add if add > 0 else content[:add])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / store.INDEX).unlink(), "is not a clip store"),
        (
            lambda folder: [(folder / store.INDEX).unlink(), (folder / "outcomes").mkdir()],
            "is unfinished; run the same",
        ),
        (lambda folder: resize(folder / store.INDEX, -9), "index.json is damaged"),
        (lambda folder: (folder / store.INDEX).write_bytes(b"\xff\xfe"), "index.json is damaged"),
        (lambda folder: break_index(folder, lambda index: index["clips"][0].pop("sha256")), "index.json is damaged"),
        (lambda folder: break_index(folder, lambda index: index.update(format=2)), "has format 2, not 1"),
        (lambda folder: (folder / "clips/1.safetensors").unlink(), "clips/1.safetensors is missing from its store"),
        (lambda folder: resize(folder / "clips/1.safetensors", -1), "bytes instead of"),
        (lambda folder: resize(folder / "clips/1.safetensors", 1), "bytes instead of"),
    ],
)
def test_a_store_that_is_not_whole_is_refused(tmp_path, damage, said):
    damage(make_store(tmp_path, [make_clip(0), make_clip(1)]))
    with pytest.raises(W2LError) as told:
        Store(tmp_path).clips("train")
    assert said in str(told.value).replace(os.sep, "/")


def test_there_must_be_a_folder(tmp_path):
    with pytest.raises(W2LError, match=r"there is no clip store .*make one with 'w2l preprocess'"):
        Store(tmp_path / "none")


def test_verify_finds_a_single_wrong_bit(tmp_path):
    found = Store(make_store(tmp_path, [make_clip(seed) for seed in range(3)]))
    for name in ("1", "2"):
        path = tmp_path / f"clips/{name}.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises(W2LError, match=r"1\.safetensors and 1 more is missing or damaged; delete it"):
        found.verify()


@pytest.mark.parametrize("damage", ["empty", "header", "short", "none"])
def test_a_broken_clip_is_one_sentence(tmp_path, damage):
    path = tmp_path / "a.safetensors"
    store.write_clip(path, make_clip())
    content = path.read_bytes()
    if damage == "none":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "header": b"\xff" * 400 + content[400:], "short": content[:-100]}[damage])
    with pytest.raises(W2LError, match=r"cannot be read .*delete it if it exists"):
        store.read_clip(path)


def test_a_full_disk_leaves_no_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(W2LError, match=r"cannot write .*free some space"):
        store.write_clip(tmp_path / "a.safetensors", make_clip())
    assert list(tmp_path.iterdir()) == []
