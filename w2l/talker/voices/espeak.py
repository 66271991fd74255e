"""Speech in many languages for the talker, made by espeak-ng, with the time of every phone.

espeak-ng is no part of the kit: to use these voices, install it; see `w2l.tts.espeak`, which runs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from w2l.audio import SAMPLE_RATE, to_model_rate
from w2l.talker.voices.pacing import paced, rest, sentences, sound, stressed
from w2l.talker.voices.phones import PHONES, Spoken, spelt
from w2l.talker.voices.words import WORDS
from w2l.tts.espeak import request

# Each variant is a different vocal tract; a variant belongs to one split only.
VARIANTS: dict[str, tuple[str, ...]] = {
    "train": ("f1", "f2", "f4", "m1", "m2", "m3", "m4", "m6", "m8", "klatt", "klatt3"),
    "validation": ("f3", "m5", "klatt2"),
    "test": ("f5", "m7", "klatt4"),
}

# What each mnemonic of espeak-ng looks like on the talker's lips. They are mostly Kirshenbaum's ASCII for IPA,
# with marks (length, nasality, palatalisation, ...) that do not change the lips; a diphthong is two vowels here.
MNEMONICS = spelt(
    {
        "AA": "a a# A 0 A@ 6",
        "AE": "&",
        "AH": "V @ @- @2 E- 3 o- V#",
        "EH": "E e E# e# e@",
        "IY": "i",
        "IH": "I I2 I# i. i[ i# 1",
        "UW": "u y u- M",
        "UH": "U Y 8 Y#",
        "OW": "o W",
        "AO": "O O2 O@",
        "ER": "3: @r R.",
        "AH L": "@L",
        "M": "m m-",
        "N": "n n- n^ n. N N^",
        "L": "l l^ l. L * ** r r. R R2 rr",
        "R": "r- r/",
        "W": "w w2 U~",
        "Y": "j ; J^ j^",
        "S": "s s; C",
        "Z": "z z;",
        "SH": "S S; s. sx Z Z; z.",
        "F": "f F",
        "V": "v v#",
        "TH": "T D",
        "HH": "h H X x h# ? ?2 X2",
        "P": "p ph",
        "B": "b B",
        "T": "t t. th t-",
        "D": "d d. t# *2",
        "K": "k kh c q k-",
        "G": "g J Q Q^",
        "CH": "tS tS; tS;h ts. ts.h dZ dZ; dz;",
        "T S": "ts ts; ts;h",
        "D Z": "dz",
        "P F": "pF",
    }
)
# Where a language means another sound by one of them: espeak-ng's own IPA says which.
MEANT = {
    language: MNEMONICS | spelt(table)
    for language, table in {
        "en": {"R": "r"},
        "en-us": {"R": "r", "ER": "3", "AE": "a"},
        "fr": {"G": "r"},
        "pl": {"IH": "y"},
        "ru": {"IH": "y"},
        "pt-br": {"IH": "y", "AH": "&"},
        "tr": {"IH": "@"},
    }.items()
}
_LONGEST = max(map(len, MNEMONICS))
_VOWEL_LETTERS = "aeiouyAEIOUVWY&@0368"
_PAUSES = "_"  # what the mnemonics of pauses begin with; a bracket begins a change of language

_LONGEST_CLOSURE = 0.13  # s
_QUIET = 10 ** (-50 / 20)  # of the loudest sample: below it there is closure, not sound


@dataclass(frozen=True)
class EspeakVoice:
    """One speaker's voice: a language and variant of espeak-ng with its parameters."""

    language: str  # espeak's name, a key of WORDS
    variant: str
    rate: int  # words a minute
    pitch: int  # 0..99
    range: int  # of the pitch, 0..99
    pausing: float  # seconds that are added to a pause, at most
    articulation: float  # how wide this speaker opens the mouth


def make_espeak_voice(rng: np.random.Generator, split: str) -> EspeakVoice:
    """Draws a voice of a split of the corpus, one of `VARIANTS[split]`."""
    return EspeakVoice(
        language=str(rng.choice(list(WORDS))),
        variant=str(rng.choice(VARIANTS[split])),
        rate=int(rng.integers(115, 186)),
        pitch=int(rng.integers(25, 76)),
        range=int(rng.integers(25, 86)),
        pausing=float(rng.uniform(0.1, 0.8)),
        articulation=float(rng.uniform(0.9, 1.1)),
    )


def say(voice: EspeakVoice, text: str) -> tuple[np.ndarray, list[tuple[str, int]], str]:
    """Has espeak-ng speak: (float32 (N,) at 16 kHz, [(its mnemonic, first sample)], its version).

    Raises W2LError when espeak-ng is not installed or fails.
    """
    asked = {name: getattr(voice, name) for name in ("rate", "pitch", "range")}
    facts, wav = request(voice=f"{voice.language}+{voice.variant}", text=text, **asked)
    wav = to_model_rate(wav, facts["rate"])
    scale = SAMPLE_RATE / facts["rate"]
    return wav, [(name, round(at * scale)) for name, at in facts["phones"]], facts["version"]


@lru_cache(maxsize=1)
def version() -> str:
    """The version of the espeak-ng that is installed; W2LError when there is none."""
    return say(EspeakVoice("en", "m1", 160, 50, 50, 0.0, 1.0), "a")[2]


def lips(mnemonic: str, language: str = "") -> tuple[tuple[str, ...], bool]:
    """The talker's phones for a mnemonic of espeak-ng in a language, and whether all of it is known.

    An unknown mnemonic becomes the neutral vowel or, if it does not begin like a vowel, the neutral consonant (T).
    """
    meant = MEANT.get(language, MNEMONICS)
    name = mnemonic.lstrip("',=%")  # stress
    found: list[str] = []
    known, at = True, 0
    while at < len(name):
        length = next((n for n in range(_LONGEST, 0, -1) if name[at : at + n] in meant), 0)
        if length:
            found += meant[name[at : at + length]]
        elif name[at].isalnum():
            known = False
        at += max(1, length)
    return tuple(found) or (("AH",) if name[:1] in _VOWEL_LETTERS else ("T",)), known and bool(found)


def speak(rng: np.random.Generator, seconds: float, voice: EspeakVoice) -> tuple[list[Spoken], np.ndarray]:
    """Says sentences of random words: (phones, float32 (seconds * 16000,) in [-1, 1]) with pauses, without noise.

    Phones begin with silence, have no gaps, and may extend beyond the sound. Raises W2LError as `say`.
    """
    wav, events, _ = say(voice, sentences(rng, seconds, WORDS[voice.language]))
    return paced(rng, seconds, voice.pausing, wav, timed(wav, events, voice.language))


def timed(wav: np.ndarray, events: Sequence[tuple[str, int]], language: str = "") -> list[Spoken]:
    """espeak-ng's events as the talker's phones, without gaps, from 0 to the end of the sound.

    espeak-ng counts the silent closure of a stop as part of the sound before; here it belongs to the stop, since the
    lips close with it. Pauses of 80 ms and more are rests. A vowel's stress is how loud it is.
    """
    events = [event for event in events if not event[0].startswith("(")]
    edges = np.array([at for _, at in events] + [len(wav)])
    edges[0] = 0
    quiet = np.abs(wav) < _QUIET * np.abs(wav).max()
    spoken: list[Spoken] = []
    for (name, _), start, end in zip(events, edges[:-1], edges[1:], strict=True):
        if name.startswith(_PAUSES):
            rest(spoken, int(start), int(end))
            continue
        phones, _ = lips(name, language)
        if PHONES[phones[0]].kind == "stop" and spoken and spoken[-1].phone != "SIL":
            start = _closure(quiet, spoken[-1].start, int(start))
            spoken[-1] = spoken[-1]._replace(end=int(start))
        sound(spoken, phones, int(start), int(end))
    return stressed(wav, spoken)


def _closure(quiet: np.ndarray, earliest: int, start: int) -> int:
    """Where the silence before a stop's burst begins: at most 130 ms before, and after some of the sound before it."""
    at = start
    while at > max(earliest + 1, start - round(_LONGEST_CLOSURE * SAMPLE_RATE)) and quiet[at - 1]:
        at -= 1
    return at
