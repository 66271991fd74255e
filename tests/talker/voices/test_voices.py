"""Voices from outside, and what recordings do to them: phones and their times, known to the talker's lips."""

import ctypes.util
import importlib.util
import shutil
from itertools import pairwise

import numpy as np
import pytest

from w2l import talker
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.metrics.lead import lead
from w2l.talker.visemes import mouth_track
from w2l.talker.voices import espeak, flite, pacing, recording
from w2l.talker.voices.phones import PHONES
from w2l.tts.espeak import library

RATE = 16000
HERE = importlib.util.find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng")
needs_espeak = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")
needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="Flite is not installed")

# what `flite -voice slt -psdur` prints of "Bin blue at B." and "My boy paid now."
PRINTED = """pau:0.216 b:0.250 ih:0.326 n:0.401 b:0.433 l:0.551 uw:0.637 ae:0.756 t:0.788 b:0.857 iy:1.014 pau:1.200
m:1.255 ay:1.402 b:1.475 oy:1.697 p:1.804 ey:1.960 d:1.984 n:2.069 aw:2.371 pau:2.553 """


def tone(*parts):
    """Sound and silence in turns: (seconds, loudness) each."""
    rng = np.random.default_rng(0)
    return np.concatenate([level * rng.uniform(-1, 1, round(s * RATE)) for s, level in parts]).astype(np.float32)


def test_every_mnemonic_is_spelt_with_the_talkers_phones():
    assert {phone for phones in espeak.MNEMONICS.values() for phone in phones} <= set(PHONES)
    assert espeak.lips("aI") == (("AA", "IH"), True)
    assert espeak.lips("'i:") == (("IY",), True)
    assert espeak.lips("ts.h") == (("CH",), True)
    assert espeak.lips("§") == (("T",), False)


def test_a_mnemonic_means_the_sound_that_it_has_in_its_language():
    assert espeak.lips("r", "en") == (("R",), True)  # the lips are round
    assert espeak.lips("r", "ru") == espeak.lips("R", "pl") == (("L",), True)  # rolled by the tongue
    assert espeak.lips("r", "fr") == (("G",), True)  # in the throat
    assert espeak.lips("y", "fr") == (("UW",), True) and espeak.lips("'y", "pl") == (("IH",), True)
    assert set(espeak.MEANT) <= set(espeak.WORDS)


def test_a_stop_closes_before_its_burst_and_a_short_pause_is_none():
    wav = tone((0.2, 0.5), (0.1, 0.0), (0.1, 0.4), (0.05, 0.0), (0.2, 0.5), (0.3, 0.0))
    at = [round(s * RATE) for s in (0, 0.3, 0.35, 0.4, 0.45, 0.65)]
    names = ["a", "p", "i", "_:", "m", "_:"]
    spoken = espeak.timed(wav, list(zip(names, at, strict=True)))
    assert [s.phone for s in spoken] == ["AA", "P", "IY", "M", "SIL"]
    assert spoken[1].start == pytest.approx(0.2 * RATE, abs=2)  # the lips close when the vowel ends
    assert spoken[2].end == spoken[3].start == round(0.45 * RATE)  # the joint of 50 ms is no rest
    assert spoken[-1].end == len(wav)


def test_pauses_grow_and_nothing_is_lost():
    wav = tone((0.3, 0.5), (0.2, 0.0), (0.3, 0.5))
    spoken = espeak.timed(wav, [("a", 0), ("_:", 4800), ("m", 8000)])
    phones, said = pacing.paced(np.random.default_rng(0), 3.0, 0.5, wav, spoken)
    assert len(said) == 3 * RATE and phones[0].phone == phones[-1].phone == "SIL"
    for before, after in pairwise(phones):
        assert before.end == after.start
    vowel = next(p for p in phones if p.phone == "AA")
    np.testing.assert_array_equal(said[vowel.start : vowel.end], wav[:4800])
    assert phones[2].end - phones[2].start > 0.2 * RATE
    assert phones[-1].end == 3 * RATE


def test_a_recording_is_the_same_speech_at_the_same_time():
    clip = talker.make_clip("train", 0, seconds=2.0)
    for seed in range(6):
        heard = recording.record(clip.wav, np.random.default_rng(seed))
        assert heard.dtype == np.float32 and heard.shape == clip.wav.shape and np.abs(heard).max() <= 1
        np.testing.assert_array_equal(heard, recording.record(clip.wav, np.random.default_rng(seed)))
        loudness = [np.convolve(w**2, np.ones(400), "same") for w in (clip.wav, heard)]
        lags = range(-800, 801, 80)
        fit = [np.corrcoef(loudness[0][1000:-1000], np.roll(loudness[1], -lag)[1000:-1000])[0, 1] for lag in lags]
        assert abs(list(lags)[int(np.argmax(fit))]) <= 160, seed  # 10 ms, a quarter of a frame
        assert max(fit) > 0.7 and not np.allclose(heard, clip.wav)


def test_without_espeak_one_sentence_says_how_to_get_it(monkeypatch):
    library.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    try:
        with pytest.raises(W2LError, match="pip install espeakng-loader"):
            corpus("train", 2, cast=talker.Cast(voices="mixed"), cache="/nonexistent", progress=False)
    finally:
        library.cache_clear()


def test_other_voices_do_not_exist():
    with pytest.raises(W2LError, match="choose one of formant, mixed"):
        talker.Cast(voices="loud")


def test_faces_and_clean_formant_voices_do_not_depend_on_the_mix():
    for number in range(4):
        plain, mixed = (
            talker.make_speaker("train", number, cast=talker.Cast(voices)) for voices in ("formant", "mixed")
        )
        assert plain.face == mixed.face
        assert (plain.voice == mixed.voice) == (number % 2 == 0)
        assert mixed.recorded == (number % 4 != 0)


def test_what_flite_prints_becomes_the_talkers_phones():
    segments = [(phone, round(end * RATE)) for phone, end in flite.parsed(PRINTED)]
    wav = tone((0.216, 0.0), (2.0, 0.5), (0.3, 0.0))
    spoken = flite.timed(wav, segments)
    said = "SIL B IH N B L UW AE T B IY SIL M AA IH B AO IH P EH IH D N AA UH SIL"
    assert [s.phone for s in spoken] == said.split()
    assert (spoken[0].start, spoken[0].end) == (round(0.186 * RATE), round(0.216 * RATE))  # the lead-in is cut short
    assert all(before.end == after.start for before, after in pairwise(spoken))
    boy = spoken[16:18]
    assert (boy[0].start, boy[1].start, boy[1].end) == tuple(round(s * RATE) for s in (1.475, 1.586, 1.697))
    assert spoken[-1].end == len(wav)  # not where the last pause was said to end
    joined = flite.timed(wav, [("pau", 3456), ("aa", 8000), ("pau", 9000), ("m", 12000)])
    assert [(s.phone, s.end) for s in joined] == [("SIL", 3456), ("AA", 9000), ("M", 12000)]  # 62 ms are no rest
    with pytest.raises(W2LError, match="a phone 'qq'"):
        flite.timed(wav, [("pau", 3456), ("qq", 8000)])


def test_every_phone_of_flite_is_spelt_with_the_talkers_phones_and_no_person_is_in_two_splits():
    assert {phone for phones in flite.SEGMENTS.values() for phone in phones} <= set(PHONES)
    assert len(flite.SEGMENTS) == 41
    people = [name for split in talker.SPLITS for name in flite.SPEAKERS[split]]
    assert sorted(people) == ["awb", "kal16", "rms", "slt"]


def test_without_flite_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    flite.voices.cache_clear()
    with pytest.raises(W2LError, match=r"not installed; install it .*apt-get install flite"):
        talker.make_clip("train", 2, cast=talker.Cast("natural"))


def test_natural_speakers_have_all_kinds_of_voice_in_turn():
    speakers = [talker.make_speaker("train", number, cast=talker.Cast("natural")) for number in range(6)]
    kinds = [type(speaker.voice).__name__ for speaker in speakers]
    assert kinds == ["Voice", "EspeakVoice", "FliteVoice"] * 2
    recorded = [speaker.recorded for speaker in speakers]
    assert recorded == [False, True, True, True, True, True]
    for number in range(3):
        plain, natural = (
            talker.make_speaker("train", number, cast=talker.Cast(voices)) for voices in ("formant", "natural")
        )
        assert plain.face == natural.face and (plain.voice == natural.voice) == (number == 0)


@needs_flite
@pytest.mark.parametrize("name", ["slt", "rms", "kal16", "awb"])
def test_flites_lips_close_and_open_with_its_sound(name):
    split = next(split for split in talker.SPLITS if name in flite.SPEAKERS[split])
    pitch, deviation = flite.SPEAKERS[split][name]
    levels, clips = {"vowel": [], "closed": []}, []
    for seed, tract in enumerate((0.87, 0.95, 1.05, 1.16)):
        voice = flite.FliteVoice(name, 1.1, pitch, deviation, tract, 0.3, 1.0)
        phones, wav = flite.speak(np.random.default_rng(seed), 6.0, voice)
        if seed == 0:
            again = flite.speak(np.random.default_rng(seed), 6.0, voice)
            assert phones == again[0] and np.array_equal(wav, again[1])  # to the byte
        assert wav.dtype == np.float32 and wav.shape == (6 * RATE,) and 0.1 < np.abs(wav).max() <= 1
        assert phones[0].phone == "SIL" and all(a.end == b.start for a, b in pairwise(phones))
        clips.append((mouth_track(phones, 150)[:, 0], wav))
        for p in phones:
            kind = "vowel" if PHONES[p.phone].kind == "vowel" else "closed" if p.phone in ("B", "P") else None
            if kind and p.end <= len(wav):
                levels[kind].append(10 * np.log10(np.mean(wav[p.start : (p.start + p.end) // 2] ** 2) + 1e-9))
    assert np.median(levels["vowel"]) > np.median(levels["closed"]) + 8
    assert lead(clips).seconds == pytest.approx(0.006, abs=0.012)  # people's: 6 ms


@needs_flite
def test_a_voice_that_flite_lacks_fails_in_one_sentence():
    with pytest.raises(W2LError, match=r"no voice 'xx', only .*slt"):
        flite.say(flite.FliteVoice("xx", 1.0, 100.0, 10.0, 1.0, 0.2, 1.0), "hello there")


@needs_espeak
def test_espeak_says_the_same_bytes_again_and_the_lips_know_its_phones():
    rng = np.random.default_rng(1)
    unknown, total = [], 0
    for language in espeak.WORDS:
        voice = espeak.EspeakVoice(language, "f3", 160, 50, 50, 0.2, 1.0)
        text = " ".join(rng.choice(espeak.WORDS[language], 12))
        wav, events, _ = espeak.say(voice, text)
        assert len(wav) > RATE and np.abs(wav).max() > 0.1
        names = [name for name, _ in events if name[:1] not in "(_"]
        total += len(names)
        unknown += [(language, name) for name in names if not espeak.lips(name, language)[1]]
    assert total > 400 and len(unknown) < 0.01 * total, unknown
    np.testing.assert_array_equal(wav, espeak.say(voice, text)[0])


@needs_espeak
def test_a_mixed_talker_opens_on_its_vowels():
    clip = talker.make_clip("test", 1, seconds=4.0, cast=talker.Cast("mixed"))
    middle = [(p.phone, round((p.start + p.end) / 2 / 640)) for p in clip.phones]
    gaps = {kind: [clip.truth[f, 0] for phone, f in middle if f < 100 and phone in which] for kind, which in
            {"open": ("AA", "AE", "AO"), "closed": ("SIL", *talker.BILABIALS)}.items()}  # fmt: skip
    assert np.mean(gaps["open"]) > 3 * np.mean(gaps["closed"])
    loud = (clip.wav[: 100 * 640].reshape(100, 640) ** 2).mean(1)
    assert np.corrcoef(np.log(loud + 1e-6), clip.truth[:, 0])[0, 1] > 0.3


@needs_espeak
def test_an_unknown_voice_fails_in_one_sentence():
    with pytest.raises(W2LError, match="no voice 'xx"):
        espeak.say(espeak.EspeakVoice("xx-none", "f3", 160, 50, 50, 0.2, 1.0), "a")
