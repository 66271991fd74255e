"""Preprocessing: every layout, what is kept and dropped, sync; no kill, share or broken file changes a store."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import soundfile
from helpers.places import SHARED

from w2l import audio, preprocess, talker, video
from w2l.data import store
from w2l.data.store import Store
from w2l.errors import W2LError
from w2l.faces import Track
from w2l.preprocess import PreprocessSettings, clip, run, sources, workers
from w2l.preprocess.sources import Source, assign_splits, find_sources

CLIPS = SHARED / "clips" / "video"
UNJUDGED = PreprocessSettings(expert=None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Seven clips of 1.2 s as `w2l corpus` writes them."""
    folder = tmp_path_factory.mktemp("corpus")
    list(talker.write_corpus(folder, {"train": 4, "validation": 2, "test": 1}, 1.2))
    return folder


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory):
    """The store of the corpus, made in one go without an expert."""
    folder = tmp_path_factory.mktemp("undisturbed") / "store"
    make(corpus, folder)
    return folder


def make(source, target, settings=UNJUDGED, **options):
    return preprocess.preprocess(source, target, settings, processes=0, progress=False, **options)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lost(report):
    return [(loss.source, loss.reason) for loss in report.lost]


def write_video(path, frames, wav=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with video.VideoWriter(path, 25, audio=None if wav is None else (wav, 16000), quality=16) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def noise(seconds, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * 16000)).astype(np.float32)


class Inset:
    """Finds a face in the middle of frames of 128 x 128, unless that is black."""

    name = settings = "inset"

    def detect(self, frames):
        box = np.array([[16, 16, 112, 112, 1]], np.float32)
        return [box if frame[32:96, 32:96].mean() > 40 else box[:0] for frame in frames]


# --- the synthetic corpus ---


def test_a_corpus_is_stored_whole_with_its_truth(corpus, tmp_path):
    report = make(corpus, tmp_path / "store", PreprocessSettings())
    assert lost(report) == [] and report.offsets() == {0: 7}
    found = Store(tmp_path / "store")
    found.verify()
    assert [entry.split for entry in found.entries] == ["test"] + 4 * ["train"] + 2 * ["validation"]
    assert found.speakers("validation") == ["validation-00000-seed0", "validation-00001-seed0"]
    assert all(entry.confidence > 0.5 and entry.offset == entry.shift == entry.start == 0 for entry in found.entries)
    for number, kept in enumerate(found.clips("train")):
        path = corpus / "train" / f"{number:05d}_00.mp4"
        assert np.array_equal(kept.frames, list(video.read_frames(path, 25)))
        assert np.allclose(kept.mel, audio.melspectrogram(audio.load(path))[:, :97], atol=1e-4)
        assert np.array_equal(
            kept.truth, np.float32(json.loads(path.with_suffix(".json").read_text())["opening_width_area"])
        )
    text = str(report)
    assert "kept 7 clips from 7 sources" in text and "shifted 0 of 7" in text and "unsure" not in text


def test_truth_is_in_pixels_of_the_crop():
    run = [clip._Seen(i, np.empty(0), np.array([10, 20, 10 + 48, 20 + 192]), False) for i in range(2)]
    assert clip._in_crops(np.array([[4, 6, 24], [0, 6, 0]], np.float32), run).tolist() == [[2, 12, 24], [0, 12, 0]]
    assert clip._in_crops(np.zeros((1, 3), np.float32), run) is None


def test_a_corpus_clip_without_its_truth_is_reported(corpus, tmp_path):
    shutil.copytree(corpus / "train", tmp_path / "in/train")
    (tmp_path / "in/train/00002_00.json").unlink()
    report = make(tmp_path / "in", tmp_path / "store")
    assert lost(report) == [("train/00002_00.mp4", "missing")] and len(report.clips) == 3


# --- sync ---


@pytest.fixture(scope="module")
def out_of_sync(tmp_path_factory):
    """A talker's pictures as the original's preprocessing writes them, with sound that is late by so many frames."""
    folder = tmp_path_factory.mktemp("original")
    made = talker.make_clip("test", 1, seconds=2.0)
    for late in (-5, -2, 0, 3, 5):
        there = folder / "talker" / f"late{late:+d}"
        there.mkdir(parents=True)
        wav = np.zeros_like(made.wav)
        wav[max(0, late * 640) : len(wav) + min(0, late * 640)] = made.wav[
            max(0, -late * 640) : len(wav) - max(0, late * 640)
        ]
        soundfile.write(there / "audio.wav", wav, 16000, "FLOAT")
        for i, frame in enumerate(made.frames):
            cv2.imwrite(str(there / f"{i}.png"), frame)
    return folder, made


def test_known_offsets_are_found_and_taken_out(out_of_sync, tmp_path):
    folder, made = out_of_sync
    report = make(folder, tmp_path / "store", PreprocessSettings())
    assert report.offsets() == {-5: 1, -2: 1, 0: 1, 3: 1, 5: 1}
    assert "shifted 4 of 5" in str(report) and "  -5      1 ####" in str(report)
    for entry, kept in zip(report.clips, Store(tmp_path / "store").clips("train"), strict=True):
        late = int(entry.source.rsplit("late")[1])
        assert entry.offset == entry.shift == late
        assert entry.start == max(0, -late) and len(kept) == entry.frames == 50 - abs(late)
        assert np.array_equal(kept.frames, made.frames[entry.start : entry.start + entry.frames])
        inner = audio.mel_of_frames(made.wav, entry.start, entry.frames)[:, 3:-3]  # at the ends, other sound is near
        assert np.allclose(kept.mel[:, 3:-3], inner, atol=1e-3)


def test_an_unsure_expert_shifts_nothing(out_of_sync, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(out_of_sync[0] / "talker/late+3", folder / "late")
    report = make(folder, tmp_path / "store", PreprocessSettings(sure=1.5))
    assert [(entry.offset, entry.shift, entry.frames) for entry in report.clips] == [(3, 0, 50)]
    assert "the expert is unsure about 1 clips" in str(report) and "nothing was shifted" in str(report)
    dropped = make(folder, tmp_path / "strict", PreprocessSettings(min_confidence=1.5))
    assert {reason for _, reason in lost(dropped)} == {"unsure of sync"} and not dropped.clips


# --- what becomes of a clip ---


def test_cuts_and_gaps_split_a_clip(tmp_path, monkeypatch):
    people = [talker.make_clip("train", number, seconds=1.2).frames for number in (0, 1)]
    framed = [[cv2.copyMakeBorder(frame, 16, 16, 16, 16, cv2.BORDER_REPLICATE) for frame in one] for one in people]
    blank = [np.zeros((128, 128, 3), np.uint8)] * 8
    frames = [*framed[0], *framed[1], *blank, *framed[0], *framed[1][:10]]
    write_video(tmp_path / "in/a/talk.mp4", frames, noise(len(frames) / 25))
    monkeypatch.setattr(clip.faces, "detector", lambda *_, **__: Inset())
    report = make(tmp_path / "in", tmp_path / "store")
    assert [(entry.start, entry.frames) for entry in report.clips] == [(0, 30), (30, 30), (68, 30)]
    assert [(loss.start, loss.frames, loss.reason) for loss in report.lost] == [(98, 10, "too short")]
    for entry, kept, crops in zip(
        report.clips, Store(tmp_path / "store").clips("train"), [*people, people[0]], strict=True
    ):
        assert np.abs(kept.frames.astype(int) - crops).mean() < 4  # a codec lies between
        assert np.array_equal(kept.mel, audio.mel_of_frames(audio.load(tmp_path / "in/a/talk.mp4"), entry.start, 30))
    small = make(tmp_path / "in", tmp_path / "small", replace(UNJUDGED, min_face=97))
    assert {reason for _, reason in lost(small)} == {"small face", "too short"}
    long = make(tmp_path / "in", tmp_path / "long", replace(UNJUDGED, min_seconds=0.4, max_seconds=0.8))
    assert [entry.frames for entry in long.clips] == [20, 10, 20, 10, 20, 10, 10]


def test_a_jump_of_the_box_begins_another_clip():
    boxes = np.array([[0, 0, 50, 50]] * 3 + [[60, 0, 110, 50]] * 2 + [[np.nan] * 4] + [[60, 0, 110, 50]], np.float32)
    track = Track(boxes, np.isfinite(boxes[:, 0]), (128, 128))
    seen = list(clip._crops(iter(np.zeros((7, 128, 128, 3), np.uint8)), track, set()))
    assert [[one.index for one in part] for part in clip._runs(seen, 100)] == [[0, 1, 2], [3, 4], [6]]


def test_gaps_in_the_numbers_split_a_folder_of_pictures(out_of_sync, tmp_path):
    shutil.copytree(out_of_sync[0] / "talker/late+0", tmp_path / "in/who/clip")
    (tmp_path / "in/who/clip/27.png").unlink()
    (tmp_path / "in/who/clip/5.png").write_bytes(b"no picture")
    report = make(tmp_path / "in", tmp_path / "store", replace(UNJUDGED, min_seconds=0.8))
    assert [(entry.start, entry.frames, entry.speaker) for entry in report.clips] == [(6, 21, "who"), (28, 22, "who")]
    assert [(loss.start, loss.frames, loss.reason) for loss in report.lost] == [
        (0, 5, "too short"),
        (5, 1, "unreadable"),
    ]


def test_broken_clips_are_reported_and_stop_nothing(corpus, tmp_path, monkeypatch):
    there, grey = tmp_path / "in", [np.full((128, 128, 3), 90, np.uint8)] * 30
    whole = (corpus / "train/00000_00.mp4").read_bytes()
    write_video(there / "b/good.mp4", grey, noise(1.2))
    write_video(there / "b/black.mp4", [frame * 0 for frame in grey], noise(1.2))
    write_video(there / "b/mute.mp4", grey)
    write_video(there / "b/silent.mp4", grey, noise(1.2) * 0)
    write_video(there / "b/early end.mp4", grey, noise(0.6))
    (there / "b/cut off.mp4").write_bytes(whole[: len(whole) // 2])
    (there / "b/empty.mpg").write_bytes(b"")
    (there / "b/page.mp4").write_text("<html>not found</html>")
    (there / "b/.hidden.mp4").write_bytes(b"")
    monkeypatch.setattr(clip.faces, "detector", lambda *_, **__: Inset())
    report = make(there, tmp_path / "store")
    assert [entry.source for entry in report.clips] == ["b/good.mp4"]
    assert lost(report) == [
        ("b/black.mp4", "no face"),
        ("b/cut off.mp4", "too short"),
        ("b/early end.mp4", "too short"),
        ("b/empty.mpg", "unreadable"),
        ("b/mute.mp4", "no sound"),
        ("b/page.mp4", "unreadable"),
        ("b/silent.mp4", "silent"),
    ]
    rows = (tmp_path / "store/report.csv").read_text(encoding="utf8").splitlines()
    assert len(rows) == 1 + 1 + 7 and "dropped      2: unreadable" in str(report)
    assert json.loads((tmp_path / "store/report.json").read_text())["dropped"]["unreadable"] == 2


# --- which clips there are ---


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(root, *arguments):
    return [(one.path, one.speaker, one.split) for one in find_sources(root, *arguments)]


def test_any_folder(tmp_path):
    touch(tmp_path, "x.MP4", "ann/one.mov", "ann/deep/two.webm", "notes.txt", ".git/a.mp4", "ann/.b.mp4")
    assert listed(tmp_path) == [
        ("ann/deep/two.webm", "ann/deep", None),
        ("ann/one.mov", "ann", None),
        ("x.MP4", tmp_path.name, None),
    ]
    (tmp_path / "who.csv").write_text("clip,speaker\nann,Ann\nx.MP4,Xavier\n", encoding="utf8")
    assert [speaker for _, speaker, _ in listed(tmp_path, "auto", tmp_path / "who.csv")] == ["Ann", "Ann", "Xavier"]


def test_lrs2_and_its_lists(tmp_path):
    touch(tmp_path, *(f"main/{i}/0000{j}.mp4" for i in (51, 52, 53) for j in (1, 2)), "pretrain/51/00001.mp4")
    assert ("main/52/00001.mp4", "52", None) in listed(tmp_path) and len(listed(tmp_path)) == 7
    (tmp_path / "train.txt").write_text("51/00001\n52/00002 NF MV\n")
    (tmp_path / "val.txt").write_text("53/00001 1.2\n53/00009\n")
    (tmp_path / "pretrain.txt").write_text("51/00001\n")
    assert listed(tmp_path) == [
        ("53/00009", "53", "validation"),
        ("main/51/00001.mp4", "51", "train"),
        ("main/52/00002.mp4", "52", "train"),
        ("main/53/00001.mp4", "53", "validation"),
        ("pretrain/51/00001.mp4", "51", "train"),
    ]
    assert "val.txt" in find_sources(tmp_path)[0].fault


def test_grid(tmp_path):
    touch(tmp_path, "s1/bbaf2n.mpg", "s2/video/mpg_6000/swiz3n.mpg")
    assert [speaker for _, speaker, _ in listed(tmp_path)] == ["s1", "s2"]
    assert [speaker for _, speaker, _ in listed(tmp_path / "s1")] == ["s1"]


def test_the_originals_folders(tmp_path):
    touch(tmp_path, *(f"51/{i}/{name}" for i in "12" for name in ("0.jpg", "1.jpg", "audio.wav")), "51/3/0.jpg")
    assert listed(tmp_path) == [("51/1", "51", None), ("51/2", "51", None)]
    (tmp_path / "filelists").mkdir()
    (tmp_path / "filelists/test.txt").write_text("51/2\n")
    assert listed(tmp_path) == [("51/2", "51", "test")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("in", "lrs9"), "laid out as 'lrs9'; choose one of auto"),
        (("none",), "there is no folder"),
        (("in",), "there are no clips in"),
        (("full", "auto", "full/a.mp4"), "names no speakers"),
        (("full", "auto", "full/none.csv"), "cannot be read as a table"),
    ],
)
def test_sources_that_cannot_be_listed(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "in/readme.txt", "full/a.mp4")
    with pytest.raises(W2LError, match=said):
        find_sources(*arguments)


def test_keys_are_readable_and_differ():
    paths = ["s1/a b.mp4", "s1/a_b.mp4", "s1/a b.mov", "S1/a b.mp4", "x" * 300 + "/a b.mp4", "嘴/唇.mp4"]
    keys = [Source(path, "").key for path in paths]
    assert len({key.lower() for key in keys}) == len(keys) and all(len(key) < 60 and key.isascii() for key in keys)
    assert keys[0].startswith("s1_a_b-")


def test_splits_are_by_speaker():
    def splits(count, seed=0, given=()):
        return assign_splits([*(Source(f"{i}.mp4", f"s{i}") for i in range(count)), *given], seed)

    for seed in range(40):
        assert set(splits(1, seed).values()) == {"train"}
        assert set(splits(2, seed).values()) == {"train", "validation"}
        assert set(splits(3, seed).values()) == set(splits(5, seed).values()) == set(store.SPLITS)
    many, more = splits(2000), splits(2100)
    assert all(60 < list(many.values()).count(split) < 140 for split in ("validation", "test"))
    assert all(more[speaker] == split for speaker, split in many.items())
    assert splits(2000, seed=1) != many
    assert splits(3, given=[Source("x.mp4", "x", "test")])["x"] == "test"


# --- going on ---


def test_a_second_run_changes_nothing(corpus, undisturbed, monkeypatch):
    before = content(undisturbed)
    times = {path: path.stat().st_mtime_ns for path in (undisturbed / store.CLIPS).iterdir()}
    make(corpus, undisturbed)
    assert content(undisturbed) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


KILLED = """
import os, random, signal, sys, time
from w2l.preprocess import PreprocessSettings, preprocess

def make(target):
    preprocess(sys.argv[1], target, PreprocessSettings(expert=None), processes=0, progress=False)

start = time.monotonic()
make(sys.argv[3])  # also loads all that is needed
start = time.monotonic()
make(sys.argv[3] + "2")
took, chance, half_done = time.monotonic() - start, random.Random(0), 0
for _ in range(10):
    child = os.fork()
    if child == 0:
        make(sys.argv[2])
        os._exit(0)
    time.sleep(chance.uniform(0.02, 0.3) * took)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    half_done += not os.path.exists(sys.argv[2] + "/index.json")
make(sys.argv[2])
print(half_done)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_killed_ten_times_is_the_same_store(corpus, undisturbed, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", KILLED, corpus, tmp_path / "killed", tmp_path / "plain"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3  # kills that found it unfinished
    assert content(tmp_path / "killed") == content(undisturbed) == content(tmp_path / "plain")


def test_what_kills_leave_behind_is_not_taken_for_done(corpus, undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "store")
    clips, outcomes = (sorted((tmp_path / "store" / name).iterdir()) for name in ("clips", "outcomes"))
    (tmp_path / "store/index.json").unlink()
    (clips[0].parent / f".{clips[0].stem}.x1.safetensors").write_bytes(b"half")
    (tmp_path / "store/.index.x1.json").write_bytes(b"{")
    clips[1].write_bytes(clips[1].read_bytes()[:-1])
    clips[2].unlink()
    outcomes[3].write_bytes(outcomes[3].read_bytes()[:-20])
    outcomes[4].unlink()
    (clips[5].parent / clips[5].name.replace("-000.", "-001.")).write_bytes(b"of when the source was longer")
    outcomes[5].write_text(outcomes[5].read_text().replace('"size": ', '"size": 1'))
    make(corpus, tmp_path / "store")
    assert content(tmp_path / "store") == content(undisturbed)


def test_two_ranks_make_the_same_store(corpus, undisturbed, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    first = make(corpus, tmp_path / "store")
    assert not first.is_finished and "3 of 7 sources are done" in str(first)
    with pytest.raises(W2LError, match="is unfinished; run the same"):
        Store(tmp_path / "store")
    monkeypatch.setenv("RANK", "0")
    assert make(corpus, tmp_path / "store").is_finished
    assert content(tmp_path / "store") == content(undisturbed)


class Fatal(run.StoreJob):
    """As a job, but one source ends its process, always, and another one the first time."""

    def do(self, maker, source):
        mark = self.target.with_name("was here")
        if source.path == "test/00000_00.mp4" or (source.path == "train/00001_00.mp4" and not mark.exists()):
            mark.touch()
            os._exit(9)
        super().do(maker, source)


def test_processes_make_the_same_store_and_survive_a_source_that_kills_them(corpus, undisturbed, tmp_path):
    found = find_sources(corpus)
    job = Fatal(corpus, tmp_path / "store", UNJUDGED, clip.facts(UNJUDGED))
    told = []
    workers.run_in_processes(job, found, 2, lambda: told.append(1))
    assert len(told) == len(found) == 7
    report = run._finish(job, found, 0)
    assert lost(report) == [("test/00000_00.mp4", "crashed")]
    assert (tmp_path / "was here").exists()
    made, wanted = content(tmp_path / "store" / "clips"), content(undisturbed / "clips")
    assert made == {name: data for name, data in wanted.items() if not name.startswith("test")}


def test_a_full_disk_is_one_sentence_and_what_is_done_stays(corpus, undisturbed, tmp_path, monkeypatch):
    calls, write = [], os.fsync

    def full(descriptor):
        calls.append(1)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(W2LError, match=r"cannot write .*free some space"):
            make(corpus, tmp_path / "store")
    assert len(list((tmp_path / "store/outcomes").iterdir())) == 2
    make(corpus, tmp_path / "store")
    assert content(tmp_path / "store") == content(undisturbed)


def test_a_store_is_not_mixed(corpus, undisturbed, tmp_path):
    with pytest.raises(W2LError, match=r"holds clips made with min_seconds 1.0, not 0.8; choose another folder"):
        make(corpus, undisturbed, replace(UNJUDGED, min_seconds=0.8))
    touch(tmp_path, "in/a/other.mp4")
    with pytest.raises(W2LError, match="holds the clips of another folder than"):
        make(tmp_path / "in", undisturbed)
    with pytest.raises(W2LError, match="is a file; give a folder for the store"):
        make(corpus, tmp_path / "in/a/other.mp4")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"min_seconds": 0.1}, "give min_seconds of 0.4 or more"),
        ({"max_seconds": 1.5}, "max_seconds of at least twice that"),
        ({"min_confidence": -1}, "give a confidence of 0"),
    ],
)
def test_settings_out_of_range(settings, said):
    with pytest.raises(W2LError, match=said):
        PreprocessSettings(**settings)


def test_an_expert_must_be_one(corpus, tmp_path):
    with pytest.raises(W2LError, match="there are no weights 'nobody'"):
        make(corpus, tmp_path / "store", PreprocessSettings(expert="nobody"))
    with pytest.raises(W2LError, match="holds the weights of wav2lip, not of syncnet"):
        make(corpus, tmp_path / "store", PreprocessSettings(expert="classroom_generator"))


@pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips")
def test_real_clips_go_through(tmp_path):
    for name in ("grid_swiz3n.mpg", "faceapi_5frames.mp4"):
        touch(tmp_path / "in", name)
        shutil.copy(CLIPS / name, tmp_path / "in" / name)
    report = make(tmp_path / "in", tmp_path / "store", PreprocessSettings(detector="yunet"))
    assert [(entry.frames, entry.shift) for entry in report.clips] == [(74, 0)]
    assert lost(report) == [("faceapi_5frames.mp4", "no sound")]
    assert "unsure about 1 clips" in str(report)
    assert sources.LAYOUTS == preprocess.LAYOUTS
