"""The clinic: stores of talkers spoiled in one way, and what is found in them."""

from dataclasses import replace

import numpy as np
import pytest

from w2l.doctor import curves, limits, trials
from w2l.doctor.cases import Case
from w2l.doctor.causes import diagnose
from w2l.doctor.clinic import FRAMES, SPOILS, Pool, make_case
from w2l.doctor.settings import CurveBudget
from w2l.doctor.signs import Tools, examine
from w2l.errors import W2LError
from w2l.evaluate.report.figures import loss_figure
from w2l.talker.cast import Cast

POOL = Pool("train", 0, 10, Cast("formant", "drawn"))
BY_NAME = {spoil.name: spoil for spoil in SPOILS}


@pytest.fixture(scope="module")
def tools():
    return Tools(device="cpu", remember=True)


def named(name, seed=0):
    """The store of drawn talkers that is spoiled so."""
    return make_case(BY_NAME[name], POOL, seed)


def found(case, tools):
    """The causes that are found, but that ten clips are by few speakers."""
    causes = [one.cause for one in diagnose(examine(case, tools, learning=False, progress=False)).findings]
    return [one for one in causes if one != "few speakers"]


def test_a_store_is_the_same_each_time():
    first, again, other = named("delay"), named("delay"), named("delay", 1)
    assert [one.name for one in first.clips] == [one.name for one in again.clips]
    assert all(np.array_equal(a.clip.mel, b.clip.mel) for a, b in zip(first.clips, again.clips, strict=True))
    assert [one.name for one in first.clips] != [one.name for one in other.clips]
    assert {len(one.clip) for one in first.clips} == {FRAMES}
    assert len(first.speakers("validation")) == 2 and not first.speakers("train") & first.speakers("validation")


@pytest.mark.parametrize(
    "name", ["healthy", "delay", "jitter3", "wrong50", "repeats", "shifted", "shaken", "still", "clipped", "silent"]
)
def test_each_spoil_is_named(name, tools):
    assert found(named(name), tools)[:1] == ([BY_NAME[name].cause] if BY_NAME[name].cause else [])


def test_copies_in_validation_are_found(tools):
    case = named("healthy")
    copy = replace(case.clips[-1], split="validation", name="copy")
    assert found(Case.of("copied", [*case.clips, copy]), tools) == ["leak"]


def test_the_stored_trials_are_those_that_are_made_and_as_good_as_said():
    stored = trials.read()
    planned = {(which, spoil.name, seed) for which, spoil, _, seed in trials.planned(("test",))}
    assert {one.key for one in stored if one.which == "test"} == planned
    rows = trials.scores(stored)
    spoiled, healthy = [one for one in rows if one.spoil.cause], [one for one in rows if not one.spoil.cause]
    count = sum(one.stores for one in spoiled)
    assert count >= 60 and sum(one.first for one in spoiled) >= 0.9 * count
    assert sum(one.stores for one in healthy) >= 20
    assert sum(one.first for one in healthy) >= 0.95 * sum(one.stores for one in healthy)


def test_trials_are_written_and_read(tmp_path):
    stored = trials.read()[:3]
    assert trials.read(trials.write(stored, tmp_path / "clinic.json")) == stored
    (tmp_path / "clinic.json").write_text("{}")
    with pytest.raises(W2LError, match="holds no trials of the clinic"):
        trials.read(tmp_path / "clinic.json")


def test_a_curve_is_trained_kept_and_drawn(tmp_path, monkeypatch):
    budget, path = CurveBudget(steps=4, clips=10, held_out=2, every=2), tmp_path / "curves.json"
    spoils = [BY_NAME["batch"]]
    made = curves.remake([], tmp_path, budget, lambda so_far: curves.write(so_far, path), spoils, progress=False)
    assert [(one.spoil, one.steps) for one in made] == [("batch", [2, 4])] and curves.read(path) == made
    assert all(0.3 < loss < 2 for loss in made[0].loss) and len(made[0].accuracy) == 2
    monkeypatch.setattr(curves, "train", None)
    assert curves.remake(made, tmp_path, budget, print, spoils, progress=False) == made
    lines = curves.lines([*made, replace(made[0], spoil="healthy", loss=[0.6, 0.5])])
    assert lines == {"batch too small": [([2, 4], [0.6, 0.5]), ([2, 4], made[0].loss)]}
    (panel,) = loss_figure(lines).axes
    assert panel.get_title() == "batch too small" and len(panel.lines) == 3


@pytest.mark.parametrize(
    ("number", "spoil", "limit"),
    [
        ("same_offset", "jitter1", limits.SAME_OFFSET),
        ("foreign", "wrong10", limits.FOREIGN),
        ("rate_gain", "rate", limits.RATE_GAIN),
        ("repeated", "repeats", limits.REPEATED),
        ("shake", "shaken", limits.SHAKE),
        ("opening", "still", limits.STILL),
        ("level", "clipped", limits.LOUD),
        ("doubles", "leak", limits.DOUBLES),
    ],
)
def test_limits_lie_between_what_was_measured(number, spoil, limit):
    found = trials.ranges(trials.read(), number)
    (low, high), (least, most) = found["healthy"], found[spoil]
    assert high < limit < least or most < limit < low
