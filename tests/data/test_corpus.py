"""The talker corpus in the cache: mended, drawn by all processors, safe from a process that dies."""

import os
import signal
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.painted import painted_people

from w2l import talker
from w2l.base.parallel import can_fork
from w2l.data import corpus
from w2l.errors import W2LError


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


def _drawn(split: str, number: int, seed: int, cast: talker.Cast) -> SimpleNamespace:
    """Instead of a clip, which takes half a second: its number in the picture, who drew it in the mel."""
    frames = np.full((5, 96, 96, 3), number, np.uint8)
    return SimpleNamespace(frames=frames, mel=np.full((80, 16), os.getpid(), np.int64), truth=np.zeros((5, 3)))


@pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only")
def test_corpus_is_drawn_by_all_processors(tmp_path, monkeypatch):
    monkeypatch.setattr(talker, "make_clip", _drawn)
    monkeypatch.setattr(corpus, "cores", lambda: 3)
    clips = corpus.corpus("train", 14, cache=tmp_path, progress=False)
    assert [clip.frames[0, 0, 0, 0] for clip in clips] == list(range(14))
    drawers = [int(clip.mel[0, 0]) for clip in clips]
    assert drawers[0] == os.getpid() and os.getpid() not in drawers[1:] and len(set(drawers[1:])) == 3
    few = corpus.corpus("validation", 7, cache=tmp_path, progress=False)
    assert {int(clip.mel[0, 0]) for clip in few} == {os.getpid()}  # a process is not worth starting for those


@pytest.mark.skipif(not can_fork(), reason="processes are forked on Linux only")
def test_a_process_that_dies_or_fails_while_drawing_costs_no_finished_clip(tmp_path, monkeypatch):
    def fragile(split: str, number: int, seed: int, cast: talker.Cast) -> SimpleNamespace:
        if number == 9 and cast.voices == "formant":
            deadline = time.monotonic() + 30
            while len(list(tmp_path.rglob("0*.npz"))) < 9 and time.monotonic() < deadline:
                time.sleep(0.01)  # until the other process has made the clips before
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 9:
            raise W2LError("there is no voice to be had.")
        return _drawn(split, number, seed, cast)

    monkeypatch.setattr(corpus, "cores", lambda: 2)
    monkeypatch.setattr(talker, "make_clip", fragile)
    with pytest.raises(W2LError, match="a worker process died"):
        corpus.corpus("train", 12, cache=tmp_path, progress=False)
    with pytest.raises(W2LError, match=r"^there is no voice to be had\.$"):
        corpus.corpus("train", 12, cache=tmp_path / "mixed", progress=False, cast=talker.Cast(voices="mixed"))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert len(before) >= 18
    monkeypatch.setattr(talker, "make_clip", _drawn)
    assert len(corpus.corpus("train", 12, cache=tmp_path, progress=False)) == 12
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())


def test_photographic_clips_are_cached_apart_from_drawn_ones_and_by_their_people(tmp_path, monkeypatch):
    monkeypatch.setattr(talker, "make_clip", _drawn)
    people = painted_people()
    fewer = replace(people, names=people.names[:3], jpegs=people.jpegs[:3], splits=people.splits[:3])
    for looks, who in (("drawn", None), ("photo", people), ("mixed", people), ("photo", fewer), ("photo", None)):
        corpus.corpus("train", 1, cache=tmp_path, progress=False, cast=talker.Cast(looks=looks, people=who))
    folders = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("*.npz")}
    assert len(folders) == 5 and "seed0/train" in folders
    assert sum(name.startswith("seed0/photo-v") for name in folders) == 3
