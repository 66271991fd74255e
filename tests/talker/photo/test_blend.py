"""Nobody's face: blends of several people."""

import numpy as np
import pytest
from helpers.painted import painted_person

from tools import blends
from w2l.errors import W2LError
from w2l.talker.photo import people as people_module
from w2l.talker.photo.blend import blend, warp
from w2l.talker.photo.colour import skin_colour, skin_mask
from w2l.talker.photo.fit import fit
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
    assert [split for split, _ in recipes] == ["train", "train"]
    assert sorted(recipes[0][1]) == [0, 1, 2, 3] and sorted(recipes[1][1]) == [4, 5, 6, 7]
    out, sheet = str(tmp_path / "out.npz"), str(tmp_path / "sheet.png")
    assert blends.main(["--people", str(tmp_path / "in.npz"), "--out", out, "--sheet", sheet]) == 0
    made = read_people(out)
    assert made.names == ("blend00f", "blend01m") and made.splits == ("train", "train")
    assert people_module.cv2.imread(sheet).shape == (512, 5 * 256, 3)
    assert blends.main(["--people", str(tmp_path), "--out", out]) == 1


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
