"""The study on real people, tried on talkers, whose true mouths are known as well."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tools import real_clips, real_people
from w2l import models, talker, video
from w2l.errors import W2LError
from w2l.faces.crop import CROP_SIZE
from w2l.preprocess.sources import TRUTH
from w2l.sync.stretches import find_stretches

FRAMES = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two drawn presenters, one clip each, with their openings as `tools/face_mesh.py` would write them."""
    folder, openings = tmp_path_factory.mktemp("people"), {}
    for number in range(2):
        path = folder / f"p{number}_words.mp4"
        talker.write_clip(path, talker.make_speaker("validation", number), seconds=FRAMES / 25, size=192)
        truth = np.array(json.loads(path.with_suffix(".json").read_text())[TRUTH])
        box = find_stretches(path, "main", published=False, fps=25)[0].boxes[0]
        height = (box[3] - box[1]) * real_clips.FACE / CROP_SIZE
        openings[path.name] = {"gap": [*(truth[:, 0] / height)], "width": [*(truth[:, 1] / height)]}
    (folder / real_clips.OPENINGS).write_text(json.dumps(openings))
    return folder


def row(name, opening):
    """A clip of which only name and true mouth matter."""
    true = np.stack([opening, opening], 1)
    return real_clips.RealClip(real_clips.Path(f"{name}.mp4"), true, np.empty(0), true, np.empty(0))


def test_each_face_gets_the_words_of_another_speaker(folder):
    clips = [row(name, np.zeros(3)) for name in ("a_1", "a_2", "b_1")]
    assert [real_clips.next_words(clips, k).name for k in range(3)] == ["b_1", "b_1", "a_1"]
    with pytest.raises(W2LError, match="at least two --speakers"):
        real_clips.next_words(clips[:2], 0)
    assert [path.stem for path in real_clips.find_clips(folder, ["p1", "p0"])] == ["p1_words", "p0_words"]
    with pytest.raises(W2LError, match="no clip of 's7'"):
        real_clips.find_clips(folder, ["s7"])


def test_openings_without_a_face_are_bridged_and_other_files_refused(tmp_path):
    file = tmp_path / "openings.json"
    file.write_text(json.dumps({"a.mp4": {"gap": [None, 0.1, None, 0.3], "width": [0.2] * 4}}))
    assert real_clips.read_openings(file)["a.mp4"][:, 0] == pytest.approx([0.1, 0.1, 0.2, 0.3])
    for other in ('{"a.mp4": [1]}', "no json", '{"a.mp4": {"gap": [null], "width": [null]}}'):
        file.write_text(other)
        with pytest.raises(W2LError, match="cannot be read as openings"):
            real_clips.read_openings(file)


def test_a_mouth_that_follows_is_told_from_one_that_stays(folder):
    rng = np.random.default_rng(0)
    new, old = (row(name, np.convolve(rng.normal(size=203), np.ones(4), "valid")) for name in ("n_1", "o_1"))
    early = real_people.follow(np.roll(new.true, -1, axis=0) / 2, new, old, new.true)
    assert early["lag"] == -1 and early["best_r"] > 0.99 > early["r"] and early["amplitude"] == pytest.approx(0.5, 0.01)
    stays = real_people.follow(old.true, new, old, new.true)
    assert stays["old_r"] == pytest.approx(1) and abs(stays["r"]) < 0.3 and stays["beyond_r"] == 0
    both = real_people.follow(new.true + old.true, new, old, new.true)
    assert both["beyond_r"] > 0.95 > both["r"]


def test_the_meter_is_measured_alone(folder, capsys, tmp_path):
    figures = tmp_path / "figures.json"
    given = [str(folder), "--speakers", "p0", "p1", "--only-meter", "--json", str(figures)]
    assert real_people.main(given) == 0
    found = json.loads(figures.read_text())["medians"]["originals"]
    assert found["meter_r"] > 0.9 and 0.7 < found["meter_scale"] < 1.3
    assert "openings.json, r" in capsys.readouterr().out


@pytest.mark.slow
def test_the_whole_study_on_talkers(folder, capsys, tmp_path):
    keep, figures = tmp_path / "looks", tmp_path / "figures.json"
    given = [str(folder), "--speakers", "p0", "p1", "--keep", str(keep), "--json", str(figures)]
    assert real_people.main(given) == 0
    written = json.loads(figures.read_text())
    found = written["medians"]["classroom_generator"]
    assert found["r"] > 0.85 and abs(found["lag"]) < 1 and found["old_r"] < 0.5 and found["beyond_r"] > 0.8
    assert 0.5 < found["amplitude"] < 1.3 and found["held_r"] > 0.85 and found["held_box_over_paste"] < 1
    assert [one["words"] for one in written["clips"]["classroom_generator"]] == ["p1_words", "p0_words"]
    made = keep / "classroom_generator" / "p0_words_says_p1_words.mp4"
    assert video.probe(made).n_frames == FRAMES and "| lag" not in capsys.readouterr().out


def test_what_cannot_be_measured_is_told(folder, capsys, tmp_path):
    assert real_people.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("skipped: ")
    (tmp_path / real_clips.OPENINGS).write_text("{}")
    assert real_people.main([str(tmp_path), "--speakers", "s1", "s26"]) == 1
    assert "s1 may be trained on" in capsys.readouterr().err
    with pytest.raises(W2LError, match="could not run"):
        real_people.by_mesh(str(tmp_path / "no-python"), tmp_path)


def test_a_clip_with_gaps_is_refused(folder):
    path = folder / "p0_words.mp4"
    with pytest.raises(W2LError, match=f"{FRAMES} frames of 70"):
        real_clips.load(path, np.zeros((70, 2)), models.load("classroom_meter", network="mouth_meter"))
