"""The openings of real mouths: what a clip's name says, phones found in another recording, openings found again."""

from __future__ import annotations

import numpy as np
import pytest

from tools import real_visemes
from tools.real_visemes import Aligned
from w2l.audio import SAMPLE_RATE
from w2l.errors import W2LError
from w2l.talker.voices.formant import make_voice, plan_speech, synthesise
from w2l.talker.voices.phones import PHONES


def test_the_name_of_a_clip_tells_its_words():
    assert real_visemes.words("s1_bbaf2n") == "bin blue at F two now"
    with pytest.raises(W2LError, match="'s1_holiday' does not tell"):
        real_visemes.words("s1_holiday")


def test_phones_are_found_in_a_slower_recording_that_begins_later():
    rng = np.random.default_rng(3)
    voice = make_voice(rng)
    spoken = [one for one in plan_speech(rng, 2.0, voice) if one.end <= 2 * SAMPLE_RATE]
    said = synthesise(spoken, 2.0, voice, rng)
    late = round(0.3 * SAMPLE_RATE)
    slower = np.interp(np.arange(0, len(said), 0.8), np.arange(len(said)), said)
    wav = np.concatenate([np.zeros(late), slower]).astype(np.float32)
    found = real_visemes._laid_over(spoken, said, wav)[1:-1]
    assert [one.phone for one in found] == [one.phone for one in spoken]
    off = [one.start - (late + was.start / 0.8) for one, was in zip(found[1:], spoken[1:], strict=True)]
    assert np.abs(off).max() < 0.04 * SAMPLE_RATE


def test_openings_are_found_again_whatever_the_speaker_s_scale():
    rng = np.random.default_rng(0)
    known = {name: phone.mouth.opening for name, phone in PHONES.items()} | {"EH": 0.2, "S": 0.6}
    clips = []
    for number in range(20):
        spoken = plan_speech(rng, 4.0, make_voice(rng))
        blank = Aligned(f"s{number}_x", [spoken], np.zeros(100))
        clips.append(Aligned(blank.name, [spoken], 0.02 + 0.01 * (1 + number % 3) * blank.track(known)))
    found = real_visemes.fit(clips)
    assert found["EH"] / found["AA"] == pytest.approx(0.2 / 0.9, abs=0.12)
    assert found["S"] / found["AA"] == pytest.approx(0.6 / 0.9, abs=0.12)
    assert min(real_visemes.agreement(clips, found).values()) > 0.97 > min(real_visemes.agreement(clips).values())


def test_speakers_who_are_not_there_are_told(tmp_path, capsys):
    (tmp_path / "openings.json").write_text("{}")
    assert real_visemes.main([str(tmp_path), "--speakers", "s77"]) == 1
    assert "has no clip of s77" in capsys.readouterr().err
