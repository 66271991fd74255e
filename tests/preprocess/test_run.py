"""A whole folder to a store: no kill, share or full disk changes it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers.stores import UNJUDGED, content, make, touch

from w2l.data import store
from w2l.data.store import Store
from w2l.errors import W2LError


def test_a_second_run_changes_nothing(corpus, undisturbed, monkeypatch):
    before = content(undisturbed)
    times = {path: path.stat().st_mtime_ns for path in (undisturbed / store.CLIPS).iterdir()}
    make(corpus, undisturbed)
    assert content(undisturbed) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from w2l.preprocess import PreprocessSettings, preprocess

def make(target):
    preprocess(sys.argv[1], target, PreprocessSettings(expert=None), processes=0, progress=False)

def files():
    return sorted(Path(sys.argv[2]).rglob("*"))

make(sys.argv[3])  # also loads all that is needed
done, chance, half_done = Path(sys.argv[2], "index.json"), random.Random(0), 0
for _ in range(10):
    before = files()
    child = os.fork()
    if child == 0:
        make(sys.argv[2])
        os._exit(0)
    deadline = time.monotonic() + 30
    while files() == before and not done.exists() and time.monotonic() < deadline:
        time.sleep(0.001)  # until it has begun to write, however busy the machine is
    time.sleep(chance.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    half_done += not done.exists()
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
    with pytest.raises(W2LError, match="holds clips from a folder other than"):
        make(tmp_path / "in", undisturbed)
    with pytest.raises(W2LError, match="is a file; give a folder for the store"):
        make(corpus, tmp_path / "in/a/other.mp4")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_names_that_are_not_utf_8_are_clips_like_others(corpus, tmp_path):
    """And one that cannot be read is reported, in files that every program can read."""
    name = os.fsdecode(b"caf\xe9")
    clip = next((corpus / "train").glob("*.mp4"))
    (tmp_path / "in" / name).mkdir(parents=True)
    shutil.copy(clip, tmp_path / "in" / name / f"{name}.mp4")
    (tmp_path / "in" / name / f"{name} 2.mp4").write_bytes(b"no clip")
    report = make(tmp_path / "in", tmp_path / "out")
    assert [loss.source for loss in report.lost if loss.reason == "unreadable"] == [f"{name}/{name} 2.mp4"]
    before = content(tmp_path / "out")
    assert len(store.Store(tmp_path / "out").entries) + len(report.lost) == 2
    assert make(tmp_path / "in", tmp_path / "out").is_finished  # its outcomes are found again
    assert content(tmp_path / "out") == before
    assert "caf\\udce9 2.mp4" in (tmp_path / "out" / "report.csv").read_text(encoding="utf8")


def test_the_folder_of_the_clips_is_no_store(corpus):
    with pytest.raises(W2LError, match="holds the clips; give another folder"):
        make(corpus, corpus)
