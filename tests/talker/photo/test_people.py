"""People packs and folders of photographs."""

import cv2
import numpy as np
import pytest
from helpers.painted import painted_people, painted_person
from helpers.places import SHARED

from w2l.errors import W2LError
from w2l.talker.photo.colour import balance, skin_colour
from w2l.talker.photo.landmarks import read_template
from w2l.talker.photo.people import credit, read_people, split_of, write_people

PACK = SHARED / "talker" / "people.npz"


def test_a_pack_gives_back_what_was_written(tmp_path):
    people = painted_people()
    write_people(tmp_path / "people.npz", people)
    again = read_people(tmp_path / "people.npz")
    assert again.names == people.names and again.splits == people.splits and again.jpegs == people.jpegs
    np.testing.assert_allclose(again.landmarks, people.landmarks, atol=0.25)  # kept as float16
    person = again.person(2)
    assert person.photo.shape == (512, 512, 3) and person.photo.dtype == np.uint8 and person.landmarks.shape == (189, 2)


def test_a_folder_of_photographs_with_templates_is_people(tmp_path):
    painted = painted_person()
    for name in ("003_03", "005_03", "007_03"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), painted.photo)
        rows = "\n".join(f"{x:.3f}\t{y:.3f}" for x, y in painted.landmarks)
        (tmp_path / f"{name}.tem").write_text(f"189\n{rows}\n0\n")
    (tmp_path / "alone.png").write_bytes((tmp_path / "003_03.png").read_bytes())  # without landmarks: not a talker
    people = read_people(tmp_path)
    assert people.names == ("003_03", "005_03", "007_03") and people.splits == ("train", "test", "train")
    assert people.of("test") == [1]
    person = people.person(0)
    eyes, chin = person.landmarks[:2].mean(0), person.landmarks[129]
    assert np.linalg.norm(chin - eyes) == pytest.approx(512 / 3.5, rel=0.01)  # head and shoulders fill the square
    assert person.box[0] < person.landmarks[87, 0] < person.box[2] and person.box[3] > person.landmarks[101, 1]
    with pytest.raises(W2LError, match="validation"):
        people.of("validation")


def published(folder, name, picture, landmarks, side=1350):
    """A photograph as the London Set has it: a JPEG of 1350 pixels, and a template with landmarks and lines."""
    folder.mkdir(parents=True, exist_ok=True)
    place = np.array([[side / 512, 0, 0], [0, side / 512, 0]], np.float32)
    large = cv2.warpAffine(picture, place, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cv2.imwrite(str(folder / f"{name}.jpg"), large, [cv2.IMWRITE_JPEG_QUALITY, 95])
    rows = "\r\n".join(f"{x:.3f}\t{y:.3f}" for x, y in landmarks * (side / 512))
    (folder / f"{name}.tem").write_text(f"189\r\n{rows}\r\n1\r\n0\r\n3\r\n0 1 2\r\n")


def test_of_the_london_set_as_it_is_published_each_person_is_taken_once(tmp_path):
    """Its archives hold several views of each person, and on other systems than macOS a second, empty folder."""
    painted = painted_person()
    for number in ("001", "005", "173"):
        for view, name in (("neutral_front", "03"), ("smiling_front", "08"), ("neutral_left", "01")):
            published(tmp_path / view, f"{number}_{name}", painted.photo, painted.landmarks)
    beside = tmp_path / "__MACOSX" / "neutral_front"
    beside.mkdir(parents=True)
    for name in ("._001_03.tem", "._001_03.jpg"):
        (beside / name).write_bytes(b"\x00\x05\x16\x07\x00")
    people = read_people(tmp_path)
    assert people.names == ("001_03", "005_03", "173_03") and people.splits == ("validation", "test", "train")
    assert np.isfinite(people.boxes).all()
    eyes, chin = people.landmarks[0, :2].mean(0), people.landmarks[0, 129]
    assert np.linalg.norm(chin - eyes) == pytest.approx(512 / 3.5, rel=0.01)
    with pytest.raises(W2LError, match="neutral_front is used"):
        read_people(tmp_path / "smiling_front")
    published(tmp_path / "again", "001_03", painted.photo, painted.landmarks)
    with pytest.raises(W2LError, match="twice"):
        read_people(tmp_path)


@pytest.mark.skipif(not PACK.exists(), reason="photographs of people stay outside the repository")
def test_real_people_from_a_folder_are_those_of_the_pack(tmp_path):
    pack = read_people(PACK)
    known = [k for k, name in enumerate(pack.names) if name in ("n001", "n025", "n173")]
    for k in known:
        person = pack.person(k)
        published(tmp_path / "neutral_front", f"{person.name[1:]}_03", person.photo, person.landmarks)
    people = read_people(tmp_path)
    assert people.names == ("001_03", "025_03", "173_03")
    assert people.splits == tuple(pack.splits[k] for k in known)
    np.testing.assert_allclose(people.landmarks, pack.landmarks[known], atol=3)
    np.testing.assert_allclose(people.boxes, pack.boxes[known], atol=8)
    for number, k in enumerate(known):
        one, other = people.person(number), pack.person(k)
        colours = [skin_colour(p.photo, p.landmarks) for p in (one, other)]
        np.testing.assert_allclose(colours[0], colours[1], atol=4)


def test_the_sets_are_credited_for_their_own_people_only():
    theirs = ("001_03", "n173", "003f", "c003f", "blend07m")
    assert all("10.6084/m9.figshare.5047666" in credit(name) and "CC BY 4.0" in credit(name) for name in theirs)
    assert all("figshare" not in credit(name) and name in credit(name) for name in ("anna_1", "me", "p002"))


def test_splits_go_by_the_number_in_the_name():
    names = ("n005", "c006f", "n012", "013_03", "n104", "mf_white")
    assert [split_of(name) for name in names] == ["test", "validation", "train", "train", "train", ""]


def test_what_is_no_people_is_one_sentence(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.npz").write_bytes(b"PK")
    (tmp_path / "bad.tem").write_text("two\n1 2")
    for place, reason in ((tmp_path / "folder", "no photograph"), (tmp_path / "bad.npz", "no people pack")):
        with pytest.raises(W2LError, match=reason):
            read_people(place)
    with pytest.raises(W2LError, match="no list of landmarks"):
        read_template(tmp_path / "bad.tem")
    (tmp_path / "short.tem").write_text("2\n1 2\n3 4\n")
    with pytest.raises(W2LError, match="2 landmarks"):
        read_template(tmp_path / "short.tem")


def test_colours_that_are_off_are_balanced_and_others_left_alone():
    painted = painted_person()
    assert balance(painted.photo, painted.landmarks) is painted.photo
    red = np.clip(painted.photo * np.array([1.0, 0.85, 1.15]), 0, 255).astype(np.uint8)
    before, after = (skin_colour(p, painted.landmarks) for p in (red, balance(red, painted.landmarks)))
    assert before[2] - before[1] > 1.5 * (after[2] - after[1])


@pytest.mark.skipif(not PACK.exists(), reason="photographs of people stay outside the repository")
def test_the_pack_of_real_people_is_read():
    people = read_people(PACK)
    assert [len(people.of(split)) for split in ("train", "validation", "test")] == [89, 27, 26]
    lab = [
        cv2.cvtColor(np.uint8([[skin_colour(p.photo, p.landmarks)]]), cv2.COLOR_BGR2LAB)[0, 0, 1]
        for p in map(people.person, (0, 105, 120))
    ]
    assert max(lab) - 128 < 16  # none is red any more
