"""One clip to store entries: what is kept and dropped, cuts and gaps, truth, sync."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers.faces import drawn_face, turned
from helpers.stores import CLIPS, UNJUDGED, Inset, lost, make, noise, touch, write_video

from w2l import audio, faces, preprocess, talker, video
from w2l.data.store import Store
from w2l.faces import Track
from w2l.preprocess import PreprocessSettings, clip, sources


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


def test_lying_heads_are_stored_upright():
    frames = [drawn_face()] * 4
    upright, lying = (
        [one.crop for one in clip._crops(iter(shown), faces.track_faces(shown, pads=(0, 0, 0, 0)), set())]
        for shown in (frames, [turned(frame, 90) for frame in frames])
    )
    for one, other in zip(upright, lying, strict=True):
        alike, turned_alike = (np.corrcoef(one.ravel(), x.ravel())[0, 1] for x in (other, np.rot90(other)))
        assert alike > 0.8 > turned_alike


def test_larger_crops_are_stored_packed_and_small_faces_said_to_be_too_small(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (16, 16, 3), dtype=np.uint8)
    near = [cv2.resize(coarse + np.uint8(k), (256, 256), interpolation=cv2.INTER_CUBIC) for k in range(30)]
    write_video(tmp_path / "in/near.mp4", near, noise(1.2))
    write_video(tmp_path / "in/far.mp4", [cv2.resize(one, (128, 128)) for one in near], noise(1.2))

    class Middle:
        name = settings = "middle"

        def detect(self, frames):
            return [np.float32([[s // 8, s // 8, s - s // 8, s - s // 8, 1]]) for s in (len(one) for one in frames)]

    monkeypatch.setattr(faces, "detector", lambda *_, **__: Middle())
    report = make(tmp_path / "in", tmp_path / "store", replace(UNJUDGED, size=192))
    assert lost(report) == [("far.mp4", "small face")]
    assert "96 pixels high, too few for crops of 192" in str(report)
    found = Store(tmp_path / "store")
    found.verify()
    kept = found.clips(found.entries[0].split)[0]
    assert found.size == kept.size == 192 and kept.frames[:].shape == (30, 192, 192, 3)
    assert found.entries[0].bytes < 30 * 192 * 192 * 3 / 4
    decoded = np.array(list(video.read_frames(tmp_path / "in/near.mp4", 25)))[:, 32:224, 32:224]
    assert np.abs(kept.frames[:].astype(int) - decoded).mean() < 2
    both = make(tmp_path / "in", tmp_path / "both", replace(UNJUDGED, size=192, min_face=90))
    assert not lost(both)


def test_a_store_of_96_pixels_has_the_facts_that_it_had():
    known = clip.facts(UNJUDGED)
    assert "size" not in known and known["min_face"] == 48
    assert clip.facts(replace(UNJUDGED, size=192))["min_face"] == faces.SMALL_FACE
