"""From phones to mouth movement: lips meet, open and round when they should."""

import numpy as np

from w2l import talker
from w2l.talker.drawn.render import crop_view, make_motion, render
from w2l.talker.speech.phones import Spoken
from w2l.talker.visemes import mouth_track


def test_lips_meet_on_silence_and_bilabials_and_open_on_a():
    def opening(phone: str) -> float:
        spoken = [Spoken("EH", 0, 4800, 1.0), Spoken(phone, 4800, 4800 + 1600, 1.0), Spoken("EH", 6400, 12000, 1.0)]
        return float(mouth_track(spoken, 16)[7 if phone in talker.BILABIALS else 8, 0])

    for phone in ("SIL", *talker.BILABIALS):
        assert opening(phone) < 0.06, phone
    assert opening("AA") > 0.7 > opening("IY")
    assert opening("AA") > opening("OW") > opening("UW")


def test_rounded_vowels_are_narrower_than_spread_ones():
    track = {v: mouth_track([Spoken(v, 0, 16000, 1.0)], 20)[10] for v in ("IY", "UW", "OW")}
    face = talker.make_speaker("train", 0).face
    pose = make_motion(np.random.default_rng(0), 1)
    widths = {
        v: next(render(face, m[None], pose, np.random.default_rng(0), crop_view(face)))[1][1] for v, m in track.items()
    }
    assert widths["IY"] > widths["OW"] + 8 > widths["UW"]
