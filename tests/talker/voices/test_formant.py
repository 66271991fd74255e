"""The formant synthesiser: vowels have their formants, pauses are quiet."""

import numpy as np

from w2l import talker
from w2l.talker.voices.formant import make_voice, plan_speech, synthesise
from w2l.talker.voices.phones import Spoken

RATE = 16000


def test_vowels_have_their_formants():
    """The two strongest bands of a steady vowel lie where its first two formants were put."""
    from dataclasses import replace

    voice = make_voice(np.random.default_rng(4))
    voice = replace(voice, f0=100.0, tract=1.0, breath=0.0, colour=0.0, room=0.0, noise=0.0, vibrato=0.0, jitter=0.0)
    for vowel in ("EH", "IY"):  # formants far enough apart to tell
        wav = synthesise([Spoken(vowel, 0, RATE, 1.0)], 1.0, voice, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(wav[4000:12000] * np.hanning(8000))) ** 2
        hertz = np.fft.rfftfreq(8000, 1 / RATE)
        first, second, _ = talker.PHONES[vowel].formants
        for formant, low, high in ((first, 1.45, 1.6), (second, 0.55, 0.65)):  # compared with the valley between them
            near = power[(hertz > formant * 0.85) & (hertz < formant * 1.15)].max()
            valley = power[(hertz > formant * low) & (hertz < formant * high)].max()
            assert near > 4 * valley, (vowel, formant)


def test_pauses_are_quiet_and_speech_is_not():
    voice = make_voice(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    spoken = plan_speech(rng, 4.0, voice)
    wav = synthesise(spoken, 4.0, voice, rng)
    level = {kind: [] for kind in ("vowel", "silence")}
    for name, start, end, _ in spoken:
        kind = talker.PHONES[name].kind
        if kind in level and end < len(wav):
            level[kind].append(wav[(start + end) // 2 : end - 200].std())
    assert np.median(level["vowel"]) > 10 * np.median(level["silence"])
