"""Voices from outside, and what recordings do to them: phones and their times, known to the talker's lips."""

import ctypes.util
import importlib.util
from itertools import pairwise

import numpy as np
import pytest

from w2l import talker
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.talker.speech import espeak, recording
from w2l.talker.speech.phones import PHONES

RATE = 16000
HERE = importlib.util.find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng")
needs_espeak = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")


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
    phones, said = espeak.paced(np.random.default_rng(0), 3.0, 0.5, wav, spoken)
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
    espeak._library.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    try:
        with pytest.raises(W2LError, match="pip install espeakng-loader"):
            corpus("train", 2, voices="mixed", cache="/nonexistent", progress=False)
    finally:
        espeak._library.cache_clear()


def test_other_voices_do_not_exist():
    with pytest.raises(W2LError, match="choose one of formant, mixed"):
        talker.make_speaker("train", 0, voices="loud")


def test_faces_and_clean_formant_voices_do_not_depend_on_the_mix():
    for number in range(4):
        plain, mixed = (talker.make_speaker("train", number, voices=voices) for voices in talker.VOICES)
        assert plain.face == mixed.face
        assert (plain.voice == mixed.voice) == (number % 2 == 0)
        assert mixed.recorded == (number % 4 != 0)


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
        unknown += [(language, name) for name in names if not espeak.lips(name)[1]]
    assert total > 400 and len(unknown) < 0.01 * total, unknown
    np.testing.assert_array_equal(wav, espeak.say(voice, text)[0])


@needs_espeak
def test_a_mixed_talker_opens_on_its_vowels():
    clip = talker.make_clip("test", 1, seconds=4.0, voices="mixed")
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
