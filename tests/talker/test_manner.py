"""What the sound does not tell: the mouth in a manner."""

from itertools import pairwise

import numpy as np

from w2l import talker
from w2l.audio import SAMPLE_RATE
from w2l.talker.manner import jittered, make_manner
from w2l.talker.mouth import Mouth
from w2l.talker.visemes import mouth_track

OPENING, CLOSURE = Mouth._fields.index("opening"), Mouth._fields.index("closure")


def _spoken(number=0, seconds=4.0):
    return talker.speech(talker.make_speaker("train", number), seconds=seconds)[0]


def test_borders_move_by_some_twenty_milliseconds_and_phones_stay_in_order():
    shifts = []
    for number in range(8):
        spoken = _spoken(number)
        moved = jittered(np.random.default_rng(number), spoken)
        assert [p.phone for p in moved] == [p.phone for p in spoken] and moved[0].start == 0
        for before, after in pairwise(moved):
            assert before.end == after.start and before.end > before.start
        for one, other in zip(spoken, moved, strict=True):
            assert other.end - other.start >= 0.19 * (one.end - one.start)
        shifts += [(b.end - a.end) / SAMPLE_RATE for a, b in zip(spoken, moved, strict=True)]
    assert 0.012 < np.std(shifts) < 0.025 and abs(np.mean(shifts)) < 0.006


def test_a_manner_changes_the_mouth_but_lips_still_meet_on_m_b_p():
    spread = []
    for number in range(12):
        spoken = _spoken(number)
        plain = mouth_track(spoken, 100)
        manner = make_manner(np.random.default_rng(number), spoken, 100)
        own = manner.applied(plain)
        spread.append(own[:, OPENING].sum() / plain[:, OPENING].sum())
        bilabial = np.zeros(100, bool)
        for phone in spoken:
            if phone.phone in talker.BILABIALS:
                middle = int((phone.start + phone.end) / 2 / SAMPLE_RATE * 25)
                bilabial[middle : middle + 1] = True
        # pressed as firmly as before, wherever they were
        firm = bilabial & (plain[:, CLOSURE] > 0.8)
        assert (own[firm, CLOSURE] >= plain[firm, CLOSURE] - 0.05).all()
        assert own.shape == plain.shape and own.dtype == np.float32
        assert np.abs(manner.lop).max() <= 1 and np.abs(manner.lips).max() <= 1
    assert 0.08 < np.std(spread) < 0.4 and 0.8 < np.mean(spread) < 1.25


def test_rests_are_in_pauses_and_differ():
    seen = set()
    for number in range(12):
        spoken = _spoken(number)
        manner = make_manner(np.random.default_rng(number), spoken, 100)
        silent = np.zeros(100, bool)
        for phone in spoken:
            if phone.phone == "SIL":
                silent[int(phone.start / SAMPLE_RATE * 25) : int(np.ceil(phone.end / SAMPLE_RATE * 25))] = True
        for name in ("smile", "press", "parted"):
            track = getattr(manner, name)
            if track.max() > 0.1:
                seen.add(name)
                assert silent[track.argmax()]
        assert not manner.parted[~silent].any()
    assert seen == {"smile", "press", "parted"}
