"""Blends measured with a face recogniser; here a plain one that knows people by the colour of their skin."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.painted import painted_people, painted_person

from tools import recogniser
from tools.recogniser import Strangers, dlib_recogniser, report
from w2l.errors import W2LError
from w2l.talker.photo.colour import skin_colour
from w2l.talker.photo.people import People, write_people


def by_colour(person):
    return skin_colour(person.photo, person.landmarks) / 255


def test_strangers_are_as_far_from_each_other_as_the_nearest_other():
    people = painted_people()
    strangers = Strangers(people, by_colour)
    known = np.stack([by_colour(people.person(k)) for k in range(6)])
    apart = [min(np.linalg.norm(known[i] - known[j]) for j in range(6) if j != i) for i in range(6)]
    np.testing.assert_allclose(strangers.nearest, apart)
    assert strangers.low == pytest.approx(np.percentile(apart, 5))
    assert strangers.usual == pytest.approx(np.percentile(apart, 25))
    distances = strangers.distances(people.person(3))
    assert strangers.names[int(distances.argmin())] == people.names[3] and distances.min() == 0


def test_composites_of_many_are_not_among_those_who_may_be_recognised():
    people = painted_people()
    named = People(
        people.names, people.jpegs, people.landmarks, people.boxes, ("", "", "train", "train", "train", "test")
    )
    assert Strangers(named, by_colour).names == list(people.names[2:])
    with pytest.raises(W2LError, match="0 photographs"):
        Strangers(People(people.names, people.jpegs, people.landmarks, people.boxes, ("",) * 6), by_colour)


def test_a_blend_that_is_too_near_to_somebody_is_named():
    people = painted_people()
    strangers = Strangers(people, by_colour)
    text, good = report(strangers, people)  # each is a person: as near as can be
    assert not good and f"nearer than {strangers.low:.3f}: {people.names[0]} 0.000, " in text
    other = painted_person((200, 90, 200), "other")
    far = People(("other",), (encoded(other),), other.landmarks[None], other.box[None], ("train",))
    text, good = report(strangers, far)
    assert good and text.endswith(": none")


def encoded(person):
    import cv2

    return cv2.imencode(".png", person.photo)[1].tobytes()


def test_a_folder_without_the_recogniser_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    before = list(sys.path)
    with pytest.raises(W2LError, match="has no dlib"):
        dlib_recogniser(str(tmp_path))
    assert sys.path == before


def test_faces_are_given_to_dlib_upright_in_rgb_with_five_landmarks(monkeypatch):
    """A stand-in for dlib that hands back what it was given."""
    given = {}

    def describe(rgb, shape):
        given.update(rgb=rgb, shape=shape)
        return [0.5] * 128

    fake = SimpleNamespace(
        face_recognition_model_v1=lambda path: SimpleNamespace(compute_face_descriptor=describe),
        point=lambda x, y: (x, y),
        points=list,
        rectangle=lambda *edges: edges,
        full_object_detection=lambda whole, corners: (whole, corners),
    )
    monkeypatch.setitem(sys.modules, "dlib", fake)
    person = painted_person()
    assert dlib_recogniser("anywhere")(person).shape == (128,)
    np.testing.assert_array_equal(given["rgb"], person.photo[..., ::-1])
    whole, corners = given["shape"]
    assert len(corners) == 5 and all(whole[0] <= x <= whole[2] and whole[1] <= y <= whole[3] for x, y in corners)
    assert corners[0][0] > corners[1][0] > corners[3][0] > corners[2][0]  # the right eye in the picture comes first


def test_the_tool_ends_with_1_where_a_blend_is_too_near(tmp_path, monkeypatch, capsys):
    write_people(tmp_path / "people.npz", painted_people())
    monkeypatch.setattr(recogniser, "dlib_recogniser", lambda folder: by_colour)
    given = ["--folder", "x", "--people", str(tmp_path / "people.npz"), "--blends"]
    assert recogniser.main([*given, str(tmp_path / "people.npz")]) == 1
    assert "people to the nearest other" in capsys.readouterr().out
    assert recogniser.main([*given, str(tmp_path / "none.npz")]) == 1
    assert "no people pack" in capsys.readouterr().err
