"""The photographed head: lips that meet, and truth that is what is seen."""

import numpy as np
import pytest
from helpers.painted import painted_person
from helpers.places import SHARED

from w2l.talker.photo.anatomy import anatomy
from w2l.talker.photo.film import prepare
from w2l.talker.photo.head import Build, Head
from w2l.talker.photo.pack import head_pack
from w2l.talker.photo.people import read_people
from w2l.talker.photo.raster import rasterise
from w2l.talker.photo.rig import Expression, Habits
from w2l.talker.voices.phones import PHONES

PACK = SHARED / "talker" / "people.npz"
FINE = 8  # pixels drawn for each pixel of the crop


def _head(person, seed=0, **build):
    ready = prepare(person)
    return Head((ready.skin, person.photo), ready.fit, np.random.default_rng(seed), Build(**build))


def _view(head):
    """The crop of a face: 96 pixels from the brows to below the chin."""
    marks = head_pack().landmarks
    (x, top), bottom = head.rest[marks[27], :2], head.rest[marks[8], 1]
    side = 1.9 * (bottom - top)
    return x - side / 2, top - 0.4 * side, 96 / side, 96 / side


def _seen(head, frame, view):
    """The gap, pixels of the crop, and the open area as they are drawn, `FINE` times as large: where teeth, tongue or
    socket are nearest, in the middle seventh of the mouth."""
    x0, y0, across, down = view
    corners = frame.vertices[head.triangles].reshape(-1, 3)
    xy = ((corners[:, :2] - np.float32((x0, y0))) * np.float32((across * FINE, down * FINE))).astype(np.float32)
    inner = head_pack().part[anatomy().drawn] > 0
    part = np.concatenate([inner, np.zeros(len(head.triangles) - len(inner))]).astype(np.float32)
    nearest, inside = np.full((96 * FINE, 96 * FINE), np.float32(-1e9)), np.zeros((96 * FINE, 96 * FINE, 1), np.float32)
    own = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    rasterise(xy, np.ascontiguousarray(corners[:, 2]), own, np.repeat(part, 3)[:, None], nearest, inside)
    open_ = inside[..., 0] > 0.5
    there = (frame.vertices[: head.size, :2] - np.float32((x0, y0))) * np.float32((across, down))
    left, right = there[head_pack().landmarks[[48, 54]], 0]
    middle, reach = (left + right) / 2, 1.5 / 21 * (right - left)
    columns = open_[:, int((middle - reach) * FINE) : int((middle + reach) * FINE) + 1]
    return columns.sum(0).mean() / FINE, open_.sum() / FINE**2


def _compare(people):
    """(seen gap, true gap, seen area, true area) over many mouths, turns and expressions."""
    rows = []
    rng = np.random.default_rng(1)
    for number, person in enumerate(people):
        head = _head(person, number, jaw=rng.uniform(-0.08, 0.08))
        names = list(PHONES)
        for one, other in zip(names[::2], names[1::2], strict=False):
            share = rng.uniform(0, 1)
            mouth = (share * np.array(PHONES[one].mouth) + (1 - share) * np.array(PHONES[other].mouth)).astype(
                np.float32
            )
            closed = mouth[5] > 0.6
            mouth[0] *= 0 if closed else 1
            expression = Expression(smile=rng.uniform(0, 0.2), lop=rng.uniform(-1, 1), lips=rng.uniform(-1, 1))
            turn = rng.uniform(-25, 25), rng.uniform(-14, 14), rng.uniform(-6, 6)
            frame, view = head.pose(mouth, expression, Habits(), turn), _view(head)
            gap, _, area = head.measure(frame, view)
            seen, seen_area = _seen(head, frame, view)
            rows.append((seen, gap, seen_area, area))
    return np.array(rows).T


def _hold(seen, true, seen_area, true_area):
    assert np.corrcoef(seen, true)[0, 1] >= 0.999
    assert np.abs(seen - true).mean() <= 0.15
    assert np.corrcoef(seen_area, true_area)[0, 1] >= 0.998
    closed = true < 0.1
    assert closed.sum() >= 2 and seen[closed].max() <= 0.25


def test_the_truth_is_what_is_seen():
    _hold(*_compare([painted_person()]))


@pytest.mark.skipif(not PACK.exists(), reason="photographs of people stay outside the repository")
def test_the_truth_is_what_is_seen_on_photographs():
    people = read_people(PACK)
    _hold(*_compare([people.person(number) for number in people.of("validation")[:24:12]]))


def test_lips_meet_on_m_b_p_and_at_rest_and_open_on_a():
    head = _head(painted_person())
    view = _view(head)

    def truth(phone, **expression):
        return head.measure(head.pose(np.array(PHONES[phone].mouth), Expression(**expression)), view)

    for phone in ("M", "B", "P"):
        assert truth(phone)[0] < 0.1 and truth(phone, lop=1.0, smile=0.2)[0] < 0.1, phone
    assert truth("SIL")[0] < 0.25
    assert truth("AA")[0] > 1.3 * truth("IY")[0] > 2
    assert truth("IY")[1] > truth("AA")[1] > truth("OW")[1] > truth("UW")[1]
    assert min(truth("AA")[2], truth("EH")[2]) > truth("OW")[2] > truth("UW")[2]


def test_a_lopsided_mouth_moves_more_on_one_side():
    head = _head(painted_person())
    corners = head_pack().landmarks[[48, 54]]
    rest = head.rest[corners]
    for lop in (-1.0, 1.0):
        moved = head.rig.pose(np.array(PHONES["IY"].mouth), Expression(lop=lop), Habits())[corners] - rest
        left, right = np.abs(moved[:, 0] - moved[:, 0].mean())
        assert np.linalg.norm(moved[int(lop > 0)]) > np.linalg.norm(moved[int(lop < 0)])
        assert left > 0 and right > 0


def test_the_tongue_comes_between_the_teeth_for_th_alone():
    head = _head(painted_person())
    tongue = head.rig._tongue

    def tip(phone):
        return head.rig.pose(np.array(PHONES[phone].mouth), Expression(), Habits())[tongue, 2].max()

    teeth = head.rest[head_pack().vertex_part == 3, 2].max()
    assert tip("TH") > teeth > tip("L") > tip("AA") - 1e-3


def test_what_is_beside_the_jaw_goes_along_and_the_wall_stays():
    head = _head(painted_person())
    shut, wide = (head.pose(np.array(PHONES[p].mouth)).vertices[head.size :] for p in ("SIL", "AA"))
    fall = (wide - shut)[:, 1]
    assert 1 < fall.max() < 30 and np.median(np.abs(fall)) < 0.01
    turned = head.pose(np.array(PHONES["SIL"].mouth), turn=(20.0, 0.0, 0.0)).vertices[head.size :]
    assert np.abs(turned - shut)[:41].max() == 0  # the picture's upper border


def test_two_people_with_one_face_have_other_teeth():
    person = painted_person()
    rest = [_head(person, seed, crooked=0.02).rest for seed in (0, 0, 1)]
    np.testing.assert_array_equal(rest[0], rest[1])
    assert np.abs(rest[0] - rest[2]).max() > 0.1


def test_glasses_are_in_front_of_the_eyes_and_turn_along():
    head = _head(painted_person(), glasses=True)
    plain = _head(painted_person())
    mouth = np.array(PHONES["SIL"].mouth)
    view = _view(head)
    with_, without = (h.draw(h.pose(mouth), view, 96, 96).astype(int) for h in (head, plain))
    changed = np.abs(with_ - without).max(axis=2) > 40
    assert changed[10:55].sum() > 40 and not changed[60:].any()
    assert len(head.pose(mouth, turn=(15.0, 0.0, 0.0)).vertices) == len(head.pose(mouth).vertices)


def test_a_blink_hides_the_eye():
    head = _head(painted_person())
    mouth, view = np.array(PHONES["SIL"].mouth), _view(head)
    eye = (head.rest[head_pack().landmarks[36:42], :2].mean(0) - view[:2]) * view[2:]
    x, y = eye.astype(int)
    open_, shut = (
        head.draw(head.pose(mouth, Expression(blink=blink)), view, 96, 96)[y - 1 : y + 2, x - 4 : x + 5]
        for blink in (0.0, 1.0)
    )
    assert open_.std() > 2 * shut.std()


def test_jaws_are_wide_and_narrow():
    person = painted_person()
    corner = head_pack().jaw[10]
    widths = [abs(_head(person, jaw=jaw).rest[corner, 0] - 256) for jaw in (-0.06, 0.0, 0.06)]
    assert widths[0] < widths[1] < widths[2]
