"""Lipstick and beards on a photograph."""

import numpy as np
import pytest
from helpers.painted import painted_person

from w2l.talker.photo import landmarks as marks
from w2l.talker.photo.makeup import beard_shadow, make_up


@pytest.fixture
def bearded():
    """The painted person with a dark shadow around the mouth."""
    person = painted_person()
    photo = person.photo.copy()
    nose, lip = person.landmarks[55, 1], person.landmarks[marks.UPPER_OUTER[3], 1]
    photo[int(nose) + 2 : int(lip), 215:300] //= 2
    return photo


def test_only_who_has_the_shadow_of_a_beard_gets_one(bearded):
    person = painted_person()
    assert beard_shadow(person.photo, person.landmarks) > 0.95 > 0.75 > beard_shadow(bearded, person.landmarks)
    lips = person.landmarks[list(marks.UPPER_OUTER + marks.LOWER_OUTER)]
    (left, top), (right, bottom) = np.floor(lips.min(0)).astype(int), np.ceil(lips.max(0)).astype(int)
    outside = np.ones(person.photo.shape[:2], bool)
    outside[top - 6 : bottom + 6, left - 6 : right + 6] = False
    painted = beards = 0
    for seed in range(25):
        made_up = make_up(person.photo, person.landmarks, np.random.default_rng(seed)).astype(int)
        assert np.abs(made_up - person.photo)[outside].max() <= 1
        painted += np.abs(made_up - person.photo).max() > 20
        grown = make_up(bearded, person.landmarks, np.random.default_rng(seed)).astype(int)
        beards += np.abs(grown - bearded)[outside].max() > 20
    assert 1 <= painted <= 12 and 8 <= beards <= 22


def test_the_same_seed_makes_up_the_same(bearded):
    points = painted_person().landmarks
    one, two = (make_up(bearded, points, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
