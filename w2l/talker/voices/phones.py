"""The talker's alphabet: what each phone sounds like (formants, noise) and looks like (viseme)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from w2l.talker.mouth import Mouth


@dataclass(frozen=True)
class Phone:
    """One speech sound.

    kind: "vowel", "nasal", "glide", "fricative", "breath", "stop" or "silence". formants: F1..F3 in Hz of a male voice.
    voicing, frication: source levels 0..1. noise: centre and bandwidth in Hz of the frication. ms: usual duration.
    Formants are rounded textbook averages (Peterson and Barney's vowels; Klatt's consonant loci). Openings are rounded
    from those of a real speaker (`tools/real_visemes.py`); the rest of a mouth is set by eye.
    """

    kind: str
    formants: tuple[float, float, float]
    voicing: float
    frication: float
    noise: tuple[float, float]
    ms: float
    mouth: Mouth


def spelt(table: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Another program's phone -> the talker's phones that look like it. table: these -> the names that it has there."""
    return {name: tuple(phones.split()) for phones, names in table.items() for name in names.split()}


class Spoken(NamedTuple):
    """A phone and where it sounds: [start, end) in samples at 16 kHz, and its stress (about 0.75 to 1.15)."""

    phone: str
    start: int
    end: int
    stress: float


def _phone(
    kind: str,
    formants: tuple[float, float, float],
    voicing: float,
    frication: float,
    noise: tuple[float, float],
    ms: float,
    mouth: tuple[float, ...],
) -> Phone:
    return Phone(kind, formants, voicing, frication, noise, ms, Mouth(*mouth))


_NO = (4000.0, 2000.0)  # an idle noise filter

PHONES: dict[str, Phone] = {
    "AA": _phone("vowel", (730, 1090, 2440), 1.0, 0, _NO, 150, (0.90, 0.10, 0.00, 0.5, 0.2, 0, 0)),
    "AE": _phone("vowel", (660, 1720, 2410), 1.0, 0, _NO, 145, (0.85, 0.50, 0.00, 0.8, 0.2, 0, 0)),
    "AH": _phone("vowel", (640, 1190, 2390), 1.0, 0, _NO, 110, (0.72, 0.05, 0.05, 0.5, 0.2, 0, 0)),
    "EH": _phone("vowel", (530, 1840, 2480), 1.0, 0, _NO, 125, (0.80, 0.50, 0.00, 0.8, 0.2, 0, 0)),
    "IY": _phone("vowel", (270, 2290, 3010), 0.85, 0, _NO, 130, (0.50, 1.00, 0.00, 1.0, 0.3, 0, 0)),
    "IH": _phone("vowel", (390, 1990, 2550), 0.9, 0, _NO, 100, (0.66, 0.60, 0.00, 0.9, 0.3, 0, 0)),
    "UW": _phone("vowel", (300, 870, 2240), 0.8, 0, _NO, 130, (0.18, -0.60, 1.00, 0.0, 0.1, 0, 0)),
    "UH": _phone("vowel", (440, 1020, 2240), 0.9, 0, _NO, 105, (0.22, -0.35, 0.65, 0.2, 0.1, 0, 0)),
    "OW": _phone("vowel", (490, 900, 2400), 1.0, 0, _NO, 145, (0.60, -0.45, 0.90, 0.0, 0.1, 0, 0)),
    "AO": _phone("vowel", (570, 840, 2410), 1.0, 0, _NO, 140, (0.78, -0.25, 0.55, 0.2, 0.1, 0, 0)),
    "ER": _phone("vowel", (490, 1350, 1690), 0.9, 0, _NO, 125, (0.40, -0.15, 0.40, 0.6, 0.2, 0, 0)),
    "M": _phone("nasal", (250, 1000, 2200), 0.45, 0, _NO, 85, (0.00, 0.00, 0.00, 0.0, 0.0, 1, 0)),
    "N": _phone("nasal", (250, 1700, 2600), 0.45, 0, _NO, 75, (0.18, 0.15, 0.00, 0.8, 0.8, 0, 0)),
    "L": _phone("glide", (360, 1300, 2700), 0.6, 0, _NO, 75, (0.42, 0.15, 0.00, 0.6, 1.0, 0, 0)),
    "R": _phone("glide", (310, 1060, 1400), 0.6, 0, _NO, 80, (0.12, -0.35, 0.60, 0.4, 0.1, 0, 0)),
    "W": _phone("glide", (290, 610, 2150), 0.6, 0, _NO, 80, (0.06, -0.70, 1.00, 0.0, 0.0, 0, 0)),
    "Y": _phone("glide", (260, 2070, 3020), 0.6, 0, _NO, 70, (0.32, 0.70, 0.00, 0.9, 0.4, 0, 0)),
    "S": _phone("fricative", (320, 1390, 2530), 0, 0.55, (6200, 1400), 100, (0.30, 0.45, 0.00, 1.0, 0.0, 0, 0)),
    "Z": _phone("fricative", (240, 1390, 2530), 0.35, 0.40, (6000, 1500), 85, (0.24, 0.45, 0.00, 1.0, 0.0, 0, 0)),
    "SH": _phone("fricative", (300, 1840, 2750), 0, 0.65, (3300, 1200), 105, (0.26, -0.35, 0.75, 1.0, 0.0, 0, 0)),
    "F": _phone("fricative", (340, 1100, 2080), 0, 0.22, (5000, 5000), 95, (0.12, 0.10, 0.00, 1.0, 0.0, 0, 1)),
    "V": _phone("fricative", (220, 1100, 2080), 0.40, 0.14, (5000, 5000), 75, (0.08, 0.10, 0.00, 1.0, 0.0, 0, 1)),
    "TH": _phone("fricative", (320, 1290, 2540), 0, 0.16, (5800, 3500), 90, (0.15, 0.20, 0.00, 0.8, 1.0, 0, 0)),
    "HH": _phone("breath", (500, 1500, 2500), 0, 0, _NO, 65, (0.50, 0.05, 0.00, 0.4, 0.2, 0, 0)),
    "P": _phone("stop", (400, 1100, 2150), 0, 0.45, (900, 1200), 95, (0.00, 0.00, 0.00, 0.0, 0.0, 1, 0)),
    "B": _phone("stop", (200, 1100, 2150), 0.15, 0.30, (800, 1000), 85, (0.00, 0.00, 0.00, 0.0, 0.0, 1, 0)),
    "T": _phone("stop", (400, 1600, 2600), 0, 0.60, (4500, 2500), 85, (0.28, 0.20, 0.00, 0.9, 0.7, 0, 0)),
    "D": _phone("stop", (200, 1600, 2600), 0.15, 0.40, (4000, 2500), 75, (0.20, 0.20, 0.00, 0.8, 0.7, 0, 0)),
    "K": _phone("stop", (300, 1990, 2850), 0, 0.55, (2200, 1000), 90, (0.42, 0.05, 0.00, 0.4, 0.2, 0, 0)),
    "G": _phone("stop", (200, 1990, 2850), 0.15, 0.40, (2000, 1000), 80, (0.30, 0.05, 0.00, 0.4, 0.2, 0, 0)),
    "CH": _phone("stop", (350, 1800, 2820), 0, 0.65, (3200, 1300), 115, (0.36, -0.30, 0.70, 1.0, 0.2, 0, 0)),
    "SIL": _phone("silence", (500, 1500, 2500), 0, 0, _NO, 200, (0.00, 0.00, 0.00, 0.0, 0.0, 0.8, 0)),
}

VOWELS = tuple(name for name, phone in PHONES.items() if phone.kind == "vowel")
ONSETS = tuple(name for name, phone in PHONES.items() if phone.kind not in ("vowel", "silence"))
CODAS = ("M", "N", "L", "S", "Z", "SH", "F", "V", "TH", "P", "T", "K", "B", "D")
BILABIALS = ("M", "B", "P")  # the lips must touch
