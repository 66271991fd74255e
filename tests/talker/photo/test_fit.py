"""The head is fitted to landmarks."""

import numpy as np
import pytest
from helpers.painted import painted_person
from helpers.places import SHARED

from w2l.talker.photo import landmarks as marks
from w2l.talker.photo.fit import fit
from w2l.talker.photo.pack import head_pack
from w2l.talker.photo.people import read_people

PACK = SHARED / "talker" / "people.npz"


def test_the_mesh_comes_to_lie_where_the_landmarks_are():
    person = painted_person()
    fitted = fit(person.landmarks)
    assert fitted.after < 0.2 < fitted.before
    assert fitted.scale == pytest.approx(14.5, rel=0.02)  # as it was painted
    for number in (18, 27, 55, 87, 93):
        vertex = head_pack().landmarks[marks.MULTI_PIE[number]]
        np.testing.assert_allclose(fitted.vertices[vertex, :2], person.landmarks[number], atol=0.6)
    np.testing.assert_array_equal(fitted.vertices, fit(person.landmarks).vertices)


@pytest.mark.skipif(not PACK.exists(), reason="photographs of people stay outside the repository")
def test_real_people_are_fitted_to_a_fraction_of_a_pixel():
    people = read_people(PACK)
    for number in (0, 40, 101, 140):
        assert fit(people.landmarks[number]).after < 0.25
