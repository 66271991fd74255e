"""Voices of real speakers for the talker, made by Flite, with the time of every phone.

Flite (http://cmuflite.org) is a free speech synthesiser, not part of the kit: to use these voices, install it. slt, rms
and awb are statistical voices, learned from recordings of a woman and two men; kal16 joins pieces of a man's speech.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from w2l.audio import SAMPLE_RATE, to_model_rate
from w2l.errors import W2LError
from w2l.talker.voices.pacing import paced, rest, sentence, sound, stressed
from w2l.talker.voices.phones import Spoken, spelt
from w2l.talker.voices.words import COMMAND, ENGLISH

# Each name is a different speaker, who belongs to one split only (awb_time is awb, and unused); with the mean and the
# standard deviation of the pitch in Hz. rms keeps his own pitch, whatever is asked of Flite.
SPEAKERS: dict[str, dict[str, tuple[float, float]]] = {
    "train": {"slt": (168.0, 14.0), "rms": (101.0, 12.0)},
    "validation": {"kal16": (100.0, 12.0)},
    "test": {"awb": (125.0, 22.0)},
}

# What each phone of Flite's US English looks like on the talker's lips; a diphthong is two vowels here.
SEGMENTS = spelt(
    {
        "AA": "aa",
        "AE": "ae",
        "AH": "ah ax",
        "AO": "ao",
        "EH": "eh",
        "ER": "er axr",
        "IH": "ih",
        "IY": "iy",
        "UH": "uh",
        "UW": "uw",
        "AA IH": "ay",
        "AA UH": "aw",
        "EH IH": "ey",
        "AO IH": "oy",
        "OW UH": "ow",
        "M": "m",
        "N": "n ng",
        "L": "l",
        "R": "r",
        "W": "w",
        "Y": "y",
        "S": "s",
        "Z": "z",
        "SH": "sh zh",
        "F": "f",
        "V": "v",
        "TH": "th dh",
        "HH": "hh",
        "P": "p",
        "B": "b",
        "T": "t",
        "D": "d",
        "K": "k",
        "G": "g",
        "CH": "ch jh",
    }
)
_PAUSE = "pau"

_WORDS_A_SECOND = 3.0  # with pauses, more than the fastest voice speaks
_COMMANDS = 0.4  # of the phrases are commands; the others are random words
_ONSET = 0.03  # s of Flite's own silence that stay before its first sound
_INSTALL = "install it (on Debian with `apt-get install flite`)"


@dataclass(frozen=True)
class FliteVoice:
    """One speaker's voice: a voice of Flite with its parameters.

    A shorter vocal tract is the voice played faster, which also raises its pitch; the speaking rate is made up for.
    """

    name: str  # of the voice, a key of SPEAKERS of a split
    stretch: float  # of the time that everything takes
    pitch: float  # Hz, before the change of the vocal tract
    range: float  # standard deviation of the pitch in Hz
    tract: float  # how many times faster the voice is played
    pausing: float  # seconds that are added to a pause, at most
    articulation: float  # how wide this speaker opens the mouth


def make_flite_voice(rng: np.random.Generator, split: str) -> FliteVoice:
    """Draws a voice of a split of the corpus, made of one of `SPEAKERS[split]`."""
    name = str(rng.choice(list(SPEAKERS[split])))
    pitch, deviation = SPEAKERS[split][name]
    return FliteVoice(
        name=name,
        stretch=float(rng.uniform(0.9, 1.35)),
        pitch=pitch * float(rng.uniform(0.9, 1.12)),
        range=deviation * float(rng.uniform(0.7, 1.6)),
        tract=float(rng.uniform(0.87, 1.16)),
        pausing=float(rng.uniform(0.1, 0.8)),
        articulation=float(rng.uniform(0.9, 1.1)),
    )


def say(voice: FliteVoice, text: str) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Has Flite speak: (float32 (N,) at 16 kHz in [-1, 1], [(its phone, sample at which it ends)]).

    Raises W2LError when Flite or the voice is not installed, or when it fails.
    """
    if voice.name not in voices():
        has = ", ".join(voices())
        raise W2LError(f"Flite has no voice {voice.name!r}, only {has}; {_INSTALL} with all of its voices.")
    features = {
        "duration_stretch": voice.stretch * voice.tract,
        "int_f0_target_mean": voice.pitch,
        "int_f0_target_stddev": voice.range,
    }
    options = [part for name, value in features.items() for part in ("--setf", f"{name}={value:.4f}")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        printed = _flite("-voice", voice.name, *options, "-psdur", "-t", text, "-o", str(path))
        try:
            with wave.open(str(path)) as file:
                rate, samples = file.getframerate(), file.readframes(file.getnframes())
        except (OSError, EOFError, wave.Error) as error:
            raise W2LError(f"Flite made no sound of {text[:40]!r} ({error}); {_INSTALL} anew.") from error
    played = round(rate * voice.tract)
    wav = np.clip(to_model_rate(np.frombuffer(samples, "<i2").astype(np.float32) / 32768, played), -1, 1)
    return wav, [(phone, round(end * rate / played * SAMPLE_RATE)) for phone, end in parsed(printed)]


@lru_cache(maxsize=1)
def voices() -> tuple[str, ...]:
    """The names of Flite's voices here; W2LError when Flite is not installed."""
    return tuple(_flite("-lv").partition(":")[2].split())


def parsed(printed: str) -> list[tuple[str, float]]:
    """What `flite -psdur` prints, as [(phone, second at which it ends)]."""
    return [(phone, float(end)) for phone, end in re.findall(r"([a-z]+):(\d+(?:\.\d+)?)", printed)]


def speak(rng: np.random.Generator, seconds: float, voice: FliteVoice) -> tuple[list[Spoken], np.ndarray]:
    """Says commands and random words: (phones, float32 (seconds * 16000,) in [-1, 1]) with pauses, without noise.

    Phones begin with silence, have no gaps, and may extend beyond the sound. Raises W2LError as `say`.
    """
    wav, segments = say(voice, _text(rng, seconds))
    return paced(rng, seconds, voice.pausing, wav, timed(wav, segments))


def timed(wav: np.ndarray, segments: Sequence[tuple[str, int]]) -> list[Spoken]:
    """Flite's phones, each with the sample at which it ends, as the talker's, without gaps, to the end of the sound.

    The silence before the first sound is left out but for 30 ms. A stop contains its closure. Pauses of 80 ms and more
    are rests. A vowel's stress is how loud it is. Raises W2LError for a phone that is none of `SEGMENTS`.
    """
    spoken: list[Spoken] = []
    start = 0
    for name, until in segments:
        end = min(until, len(wav))  # kal16's last pause is shorter than it says
        if name == _PAUSE and not start:
            rest(spoken, max(0, end - round(_ONSET * SAMPLE_RATE)), end)
        elif name == _PAUSE:
            rest(spoken, start, end)
        elif name in SEGMENTS:
            sound(spoken, SEGMENTS[name], start, end)
        else:
            raise W2LError(f"Flite spoke a phone {name!r}, which the talker's lips do not know; {_INSTALL} anew.")
        start = end
    return stressed(wav, spoken)


def _text(rng: np.random.Generator, seconds: float) -> str:
    """Phrases enough for so many seconds: commands, and random words."""
    text = ""
    while text.count(" ") < 3 + seconds * _WORDS_A_SECOND:
        if rng.random() < _COMMANDS:
            text += " ".join(str(rng.choice(words)) for words in COMMAND) + ". "
        else:
            text += sentence(rng, ENGLISH)
    return text


def _flite(*options: str) -> str:
    """Runs Flite; returns what it prints. Raises W2LError when it is not installed or fails."""
    try:
        done = subprocess.run(["flite", *options], capture_output=True, timeout=300, check=True)
    except FileNotFoundError as error:
        raise W2LError(f"these voices need Flite, which is not installed; {_INSTALL}.") from error
    except (OSError, subprocess.SubprocessError) as error:
        why = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().split("\n")[-1]
        raise W2LError(f"Flite failed: {why or type(error).__name__}; {_INSTALL} anew.") from error
    return done.stdout.decode(errors="replace")
