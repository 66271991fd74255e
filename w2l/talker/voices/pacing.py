"""What all voices from outside share: random sentences, phones without gaps, stress, and pauses between phrases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from w2l.audio import SAMPLE_RATE
from w2l.talker.voices.phones import PHONES, Spoken

_HOLD = 0.08  # s: shorter pauses are closures and joints between words, through which the mouth keeps moving
_WORDS_A_SECOND = 3.5  # more than any voice of espeak-ng speaks


def sentences(rng: np.random.Generator, seconds: float, words: Sequence[str]) -> str:
    """Sentences of random words, enough for so many seconds."""
    return "".join(sentence(rng, words) for _ in range(3 + int(seconds * _WORDS_A_SECOND / 4)))


def sentence(rng: np.random.Generator, words: Sequence[str]) -> str:
    """3 to 7 random words and what ends a phrase."""
    text = " ".join(rng.choice(words, rng.integers(3, 8)))
    return text + str(rng.choice([", ", ". ", ". ", "? "]))


def rest(spoken: list[Spoken], start: int, end: int) -> None:
    """Adds a pause to the phones, in place: below 80 ms the sound before lasts longer instead."""
    if spoken and (end - start < _HOLD * SAMPLE_RATE or spoken[-1].phone == "SIL"):
        spoken[-1] = spoken[-1]._replace(end=end)
    else:
        spoken.append(Spoken("SIL", start, end, 1.0))


def sound(spoken: list[Spoken], phones: Sequence[str], start: int, end: int) -> None:
    """Adds a sound to the phones, in place: each of its `phones` has an equal share of the time."""
    edges = np.linspace(start, end, len(phones) + 1).round().astype(int).tolist()
    spoken += [Spoken(phone, first, last, 1.0) for phone, (first, last) in zip(phones, pairwise(edges), strict=True)]


def stressed(wav: np.ndarray, spoken: Sequence[Spoken]) -> list[Spoken]:
    """The phones that last, with the stress of vowels from the sound: louder ones open wider.

    0.95 at the usual level of the vowels, 0.025 more for each decibel, 0.75 to 1.15.
    """
    spoken = [s for s in spoken if s.end > s.start]
    level = [20 * np.log10(np.sqrt(np.mean(wav[s.start : s.end] ** 2)) + 1e-5) for s in spoken]
    vowels = [PHONES[s.phone].kind == "vowel" for s in spoken]
    usual = float(np.median([db for db, vowel in zip(level, vowels, strict=True) if vowel] or [0.0]))
    return [
        s._replace(stress=float(np.clip(0.95 + 0.025 * (db - usual), 0.75, 1.15))) if vowel else s
        for s, db, vowel in zip(spoken, level, vowels, strict=True)
    ]


def paced(
    rng: np.random.Generator, seconds: float, pausing: float, wav: np.ndarray, spoken: Sequence[Spoken]
) -> tuple[list[Spoken], np.ndarray]:
    """The same speech with a silent lead of 0.1 to 0.5 s and longer pauses, `seconds` long; phones likewise."""
    parts = [np.zeros(round(rng.uniform(0.1, 0.5) * SAMPLE_RATE), np.float32)]
    phones = [Spoken("SIL", 0, len(parts[0]), 1.0)]
    for phone, start, end, stress in spoken:
        parts.append(wav[start:end])
        extra = 0
        if phone == "SIL":
            extra = round(rng.uniform(0, pausing) * SAMPLE_RATE)
            parts.append(np.zeros(extra, np.float32))
        phones.append(Spoken(phone, phones[-1].end, phones[-1].end + end - start + extra, stress))
    n = round(seconds * SAMPLE_RATE)
    if phones[-1].end < n:
        parts.append(np.zeros(n - phones[-1].end, np.float32))
        phones.append(Spoken("SIL", phones[-1].end, n, 1.0))
    return phones, np.concatenate(parts)[:n]
