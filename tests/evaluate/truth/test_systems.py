"""What the benchmark is worth: each kind of damage moves its own column, and hardly any other."""

import math

import pytest

from w2l.errors import W2LError
from w2l.evaluate.truth import systems
from w2l.evaluate.truth.scoring import score

# how far a column may move without its damage; a damage must move its own column further
_MUCH = {
    "opening_r": 0.06,
    "width_r": 0.08,
    "leak": 0.08,
    "lag": 0.5,
    "amplitude": 0.12,
    "closures": 0.1,
    "rest": 0.3,
    "rest_jitter": 0.5,
    "sharpness": 0.15,
    "outside": 0.01,
    "offset": 0.5,
    "confidence": 0.12,
}
# damage -> columns that have to move, and to what
_MOVED = {
    "delayed": {"lag": (3, 3), "offset": (-3, -3)},
    "leaking": {"leak": (0.15, 0.4)},
    "timid": {"amplitude": (0.5, 0.8)},
    "blurred": {"sharpness": (0.4, 0.84)},
    "trembling": {"rest_jitter": (1.5, 9)},
    "frozen": {"opening_r": (0, 0), "amplitude": (0, 0.1), "confidence": (0, 0.15)},
}


@pytest.fixture(scope="module")
def figures(made, judges):
    def measured(name, kind="crops"):
        (own,) = systems.own_systems([name], made, kind)
        report = score(own, made, judges)
        return {key: report.mean(key).mean for key in _MUCH}

    return measured


@pytest.fixture(scope="module")
def truth(figures):
    return figures("truth")


@pytest.mark.parametrize("damage", systems.DAMAGES)
def test_damage_moves_its_own_column_and_no_other_much(damage, figures, truth):
    found = figures(damage)
    for key, (low, high) in _MOVED[damage].items():
        assert low <= found[key] <= high, key
        assert abs(found[key] - truth[key]) > _MUCH[key], key
    others = set(_MUCH) - set(_MOVED[damage]) - ({"width_r", "lag", "offset"} if damage == "frozen" else set())
    moved = {key: (truth[key], found[key]) for key in others if not abs(found[key] - truth[key]) <= _MUCH[key]}
    assert not moved


def test_the_truth_is_as_good_as_it_gets(truth):
    assert truth["opening_r"] > 0.97 and truth["width_r"] > 0.95
    assert (truth["lag"], truth["offset"], truth["sharpness"], truth["rest_jitter"]) == (0, 0, 1, 1)
    assert truth["closures"] > 0.95 and truth["rest"] < 0.3 and truth["outside"] < 0.005


def test_what_does_nothing_is_told_from_what_speaks(figures):
    pasted, still, loud = (figures(name) for name in ("pasted", "still", "loudness"))
    assert pasted["leak"] > 0.9 and pasted["outside"] == 0 and pasted["opening_r"] < 0.5 and math.isnan(pasted["lag"])
    assert (still["opening_r"], still["amplitude"]) == (0, pytest.approx(0, abs=0.01)) and math.isnan(still["lag"])
    assert 0.3 < loud["opening_r"] < 0.9 and abs(loud["leak"]) < 0.2


def test_a_generator_in_whole_frames(figures):
    made = figures("classroom", "frames")
    assert made["opening_r"] > 0.8 and abs(made["leak"]) < 0.15 and made["lag"] == 0 and made["outside"] < 0.005


def test_names_are_checked_before_anything_is_made(made):
    with pytest.raises(W2LError, match="there are no weights 'nobody'"):
        next(systems.own_systems(["truth", "nobody"], made, "crops"))
    names = [own.name for own in systems.own_systems(["truth", "all"], made, "crops")]
    assert names[:4] == list(systems.BASELINES) and set(names[4:]) == set(systems.GENERATORS)
