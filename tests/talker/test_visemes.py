"""From phones to mouth movement: lips meet, open and round when they should."""

import numpy as np
import pytest

from w2l import talker
from w2l.audio import SAMPLE_RATE
from w2l.evaluate.metrics.lead import lead
from w2l.talker.drawn.render import crop_view, make_motion, render
from w2l.talker.mouth import Mouth
from w2l.talker.visemes import mouth_track
from w2l.talker.voices.phones import Spoken


def test_lips_meet_on_silence_and_bilabials_and_open_on_a():
    def opening(phone: str) -> float:
        spoken = [Spoken("EH", 0, 4800, 1.0), Spoken(phone, 4800, 4800 + 1600, 1.0), Spoken("EH", 6400, 12000, 1.0)]
        return float(mouth_track(spoken, 16)[8 if phone in talker.BILABIALS else 9, 0])

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


@pytest.mark.parametrize("fps", [40, 100])
def test_lips_meet_just_before_the_sound_whatever_the_frame_rate(fps):
    middle = 0.5
    ends = [round(SAMPLE_RATE * edge) for edge in (middle - 0.04, middle + 0.04, 2.0)]
    spoken = [Spoken("EH", 0, ends[0], 1.0), Spoken("M", ends[0], ends[1], 1.0), Spoken("EH", ends[1], ends[2], 1.0)]
    pressed = mouth_track(spoken, fps, fps=fps)[:, Mouth._fields.index("closure")]
    centre = (pressed * np.arange(len(pressed))).sum() / pressed.sum() / fps
    assert centre == pytest.approx(middle - 0.01, abs=0.004)


def test_lips_lead_their_sound_as_peoples_do():
    def clips():
        for number in range(12):
            speaker = talker.make_speaker("train", number)
            phones, wav = talker.speech(speaker)
            yield mouth_track(phones, 100, speaker.voice.articulation)[:, 0], wav

    assert 0 < lead(clips()).seconds < 0.02  # people: 0.006, measured likewise
