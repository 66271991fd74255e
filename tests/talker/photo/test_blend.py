"""Nobody's face: blends of several people."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.painted import painted_person

from tools import blends
from w2l.errors import W2LError
from w2l.talker.photo import people as people_module
from w2l.talker.photo.blend import blend, warp
from w2l.talker.photo.colour import skin_colour, skin_mask
from w2l.talker.photo.fit import fit
from w2l.talker.photo.makeup import beard_shadow
from w2l.talker.photo.people import People, bundled_people, read_people

TONES = [(150, 175, 215), (120, 150, 200), (90, 120, 175), (140, 160, 200)]


@pytest.fixture(scope="module")
def sources():
    return [painted_person(tone, f"p{k:03d}", k + 1) for k, tone in enumerate(TONES)]


def test_a_warp_brings_landmarks_where_they_are_wanted(sources):
    one, other = sources[0], sources[1]
    moved = warp(one.photo, one.landmarks, other.landmarks)
    x, y = other.landmarks[0].astype(int)  # a pupil, painted dark
    assert moved[y - 2 : y + 3, x - 2 : x + 3].mean() < 110
    np.testing.assert_allclose(warp(one.photo, one.landmarks, one.landmarks), one.photo, atol=6)


def test_a_blend_has_mean_landmarks_the_first_ones_skin_and_nobodys_face(sources):
    photo, points = blend(sources)
    low, high = (f([s.landmarks for s in sources], axis=0) for f in (np.min, np.max))
    assert (points >= low - 1e-3).all() and (points <= high + 1e-3).all()
    np.testing.assert_allclose(skin_colour(photo, points), skin_colour(sources[0].photo, sources[0].landmarks), atol=12)
    assert fit(points).after < 0.3  # it is a face that can speak
    mask = skin_mask(photo.shape, points) > 0
    for source in sources[1:]:
        there = warp(source.photo, source.landmarks, points)
        assert np.abs(there - photo)[mask].mean() > 5
    again = blend(sources)
    np.testing.assert_array_equal(photo, again[0])


def test_fewer_than_three_people_are_refused(sources):
    for few in (sources[:2], [sources[0], sources[1], sources[0]]):
        with pytest.raises(W2LError, match="3 or more"):
            blend(few)


def test_the_tool_blends_people_of_a_split_and_sex(tmp_path, monkeypatch, sources):
    """Eight painted people with names of men and women of the training split become two blends."""
    names = ("n002", "n003", "n007", "n009", "n004", "n008", "n012", "n017")
    painted = [painted_person(TONES[k % 4], name, k + 1) for k, name in enumerate(names)]
    jpegs = tuple(people_module.cv2.imencode(".jpg", p.photo)[1].tobytes() for p in painted)
    landmarks, boxes = (np.stack([getattr(p, name) for p in painted]) for name in ("landmarks", "box"))
    people = People(names, jpegs, landmarks, boxes, tuple(map(people_module.split_of, names)))
    people_module.write_people(tmp_path / "in.npz", people)
    monkeypatch.setattr(blends, "COUNTS", {"train": 2})
    recipes = blends.choose(people)
    assert [recipe.split for recipe in recipes] == ["train", "train"]
    assert [sorted(recipe.draw((k, 0))) for k, recipe in enumerate(recipes)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    out, sheet = str(tmp_path / "out.npz"), str(tmp_path / "sheet.png")
    assert blends.main(["--people", str(tmp_path / "in.npz"), "--out", out, "--sheet", sheet]) == 0
    made = read_people(out)
    assert made.names == ("blend00f", "blend01m") and made.splits == ("train", "train")
    assert people_module.cv2.imread(sheet).shape == (512, 7 * 256, 3)
    assert blends.main(["--people", str(tmp_path), "--out", out]) == 1


def test_a_blend_that_is_too_near_to_somebody_is_drawn_again(tmp_path, monkeypatch, capsys, sources):
    """The recogniser here counts how often it is asked: the first two draws are near somebody, the third is not."""
    asked = []

    class Near:
        low, usual = 0.4, 0.5

        def __init__(self, people, describe):
            pass

        def distances(self, person):
            asked.append(person)
            return np.array([0.9, {1: 0.3, 2: 0.45}.get(len(asked), 0.6)])

    painted = [painted_person(TONES[k % 4], f"n{k:03d}", k + 1) for k in range(5)]
    jpegs = tuple(people_module.cv2.imencode(".jpg", p.photo)[1].tobytes() for p in painted)
    points, boxes = (np.stack([getattr(p, name) for p in painted]) for name in ("landmarks", "box"))
    people = People(tuple(p.name for p in painted), jpegs, points, boxes, ("train",) * 5)
    recipe = blends.Recipe("train", 0, (1, 2, 3, 4))
    made, _ = blends.make(people, [recipe], 88, Near(people, None))
    assert len(asked) == 3  # and the third is taken
    np.testing.assert_array_equal(made.person(0).photo, asked[2].photo)
    people_module.write_people(tmp_path / "in.npz", people)
    for name, value in (("Strangers", Near), ("dlib_recogniser", lambda folder: None), ("_DRAWS", 1)):
        monkeypatch.setattr(blends, name, value)
    monkeypatch.setattr(blends, "choose", lambda people: [recipe])
    monkeypatch.setattr(blends, "report", lambda strangers, made: ("measured", False))
    out = tmp_path / "out.npz"
    assert blends.main(["--people", str(tmp_path / "in.npz"), "--check", "x", "--out", str(out)]) == 1
    assert "too near to somebody" in capsys.readouterr().err and not out.exists()


def test_recipes_go_through_tones_and_beards_and_leave_out_who_is_under_age(monkeypatch):
    """Twelve men, one with a fringe, one of 17: of six blends two have beards, and the darkest man comes twice."""
    numbers = (4, 8, 12, 17, 18, 22, 24, 28, 29, 33, 37)
    names = (*(f"n{number:03d}" for number in numbers), "c100m", "c095m")
    women = tuple(f"n{number:03d}" for number in (2, 3, 7, 9))
    people = People((*names, *women), (b"",) * 17, np.zeros((17, 189, 2)), np.zeros((17, 4)), ("train",) * 17)
    tone = [150.0, 90.0, 120.0, 80.0, *np.linspace(100, 170, 13).tolist()]
    fringe = [k == 10 for k in range(17)]
    monkeypatch.setattr(blends, "_measured", lambda people: (tone, [0.7, 0.8, 0.9] + [1.0] * 14, fringe))
    monkeypatch.setattr(blends, "COUNTS", {"train": 12})
    men = blends.choose(people)[6:]
    firsts = [recipe.first for recipe in men]
    assert firsts[:2] == [3, 3] and firsts[2:4] != firsts[:2] and set(firsts[4:]) <= {0, 1, 2}
    assert [bool(recipe.beards) for recipe in men] == [False] * 4 + [True] * 2
    assert all(not {10, 11} & set(recipe.others) and 12 in recipe.others for recipe in men)
    assert set(men[0].draw((6, 0))[1:]) != set(men[1].draw((6, 0))[1:])
    drawn = men[4].draw((10, 0))
    assert len(set(drawn)) == 6 and drawn[4] == min(drawn[1:], key=lambda k: men[4].beards[k])


def test_a_fringe_is_seen():
    plain = painted_person()
    photo = plain.photo.copy()
    brows = int(plain.landmarks[71:83, 1].min())
    photo[brows - 60 : brows - 4] = 30
    cut = replace(plain, photo=photo)
    jpegs = tuple(people_module.cv2.imencode(".png", p.photo)[1].tobytes() for p in (plain, cut))
    points, boxes = np.stack([plain.landmarks] * 2), np.stack([plain.box] * 2)
    _, _, fringe = blends._measured(People(("n002", "n003"), jpegs, points, boxes, ("train",) * 2))
    assert fringe == [False, True]


def test_sexes_are_read_from_names_as_the_sets_have_them():
    names = ("c003f", "003f", "008f", "100m", "n003", "003_03", "n004", "004_03")
    assert [blends.is_woman(name) for name in names] == [True, True, True, False, True, True, False, False]


def test_the_bundled_people_are_of_every_split_sex_and_tone():
    people = bundled_people()
    assert len(people.names) >= 48 and np.isfinite(people.boxes).all()
    tones = []
    for split in ("train", "validation", "test"):
        kinds = [people.names[k][-1] for k in people.of(split)]
        assert kinds.count("f") >= 5 and kinds.count("m") >= 5
        tones.append([skin_colour(p.photo, p.landmarks).mean() for p in map(people.person, people.of(split))])
        assert min(tones[-1]) < 100 and max(tones[-1]) > 150
    assert sum(map(len, people.jpegs)) < 3e6


def test_one_bundled_man_in_three_has_a_beard_and_two_women_of_the_test_split_are_dark():
    people = bundled_people()
    for split, count in (("train", 5), ("validation", 2), ("test", 2)):
        men = [people.person(k) for k in people.of(split) if people.names[k].endswith("m")]
        assert sum(beard_shadow(man.photo, man.landmarks) < 0.93 for man in men) >= count
    women = [people.person(k) for k in people.of("test") if people.names[k].endswith("f")]
    assert sum(skin_colour(woman.photo, woman.landmarks).mean() < 100 for woman in women) == 2
