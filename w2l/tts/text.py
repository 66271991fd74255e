"""The text: cleaned, cut into pieces, the script it is written in, and the languages that are written in a script."""

from __future__ import annotations

import locale
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterator

from w2l.errors import W2LError

LONGEST = 100_000  # characters, some two hours of speech
_PIECE = 800  # characters, about a minute of speech: what is spoken, and held in memory, at a time
_ENDS = (
    r"(?<=[.!?…])\s+|(?<=[。！？।॥։؟።])|\n+",
    r"(?<=[,;:])\s+|(?<=[，、；：،])",
    r"\s+",
)  # good places to cut, best first

_PICTURES = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f\u20e3]")  # emoji, whose names would be read aloud
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")  # hints for line breaks and order

# Script, as Unicode names its letters -> the languages of espeak-ng that are written in it, the likeliest first.
# All voices read Latin letters.
LATIN = "LATIN"
SCRIPTS: dict[str, tuple[str, ...]] = {
    "CJK": ("cmn", "yue"),  # of Japanese, espeak-ng reads kana alone
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "CYRILLIC": ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tt", "ba", "cv", "nog", "bs", "uz"),
    "ARABIC": ("ar", "fa", "ur", "ug", "sd"),
    "HEBREW": ("he",),
    "GREEK": ("el", "grc"),
    "ARMENIAN": ("hy", "hyw"),
    "GEORGIAN": ("ka",),
    "ETHIOPIC": ("am", "ti"),
    "DEVANAGARI": ("hi", "mr", "ne", "kok"),
    "BENGALI": ("bn", "as", "bpy"),
    "GURMUKHI": ("pa",),
    "GUJARATI": ("gu",),
    "ORIYA": ("or",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "KANNADA": ("kn",),
    "MALAYALAM": ("ml",),
    "SINHALA": ("si",),
    "THAI": ("th",),
    "MYANMAR": ("my", "shn"),
    "CHEROKEE": ("chr",),
    "SHAVIAN": ("en-shaw",),
}
_CALLED = {"CJK": "Chinese characters", LATIN: "Latin letters"}
# Letters that tell languages of one script apart.
_LETTERS = {"uk": "іїєґ", "be": "ў", "sr": "ђћ", "mk": "ѓќ", "kk": "әғқңұһ", "ur": "ٹڈڑںے", "fa": "پچژگ"}
_PART = 0.2  # of the letters: fewer are foreign words in a text of another script
_FEW = 0.1  # of the letters that a voice may be unable to read


def cleaned(text: str) -> str:
    """The text without what is no text: control characters, emoji, broken bytes, marks of phonemes.

    Raises W2LError when nothing is left, and for more than `LONGEST` characters.
    """
    text = _INVISIBLE.sub("", _PICTURES.sub(" ", unicodedata.normalize("NFC", text)))
    text = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" else " " for c in text)
    text = re.sub(r"\[(?=\[)", "[ ", text).strip()  # [[...]] would be read as phonemes
    if not any(c.isalnum() for c in text):
        raise W2LError("the text holds no word that can be said; type some.")
    if len(text) > LONGEST:
        raise W2LError(f"the text has {len(text)} characters, and at most {LONGEST} can be said at once; split it.")
    return text


def pieces(text: str, longest: int = _PIECE) -> Iterator[str]:
    """The text in pieces of at most so many characters, cut after a sentence, else a phrase, else a word."""
    at = 0
    while len(text) - at > longest:
        window = text[at : at + longest]
        found = (list(re.finditer(end, window)) for end in _ENDS)
        cut = next((matches[-1].end() for matches in found if matches), longest)
        if piece := window[:cut].strip():
            yield piece
        at += cut
    if piece := text[at:].strip():
        yield piece


def language_of(text: str, known: Container[str]) -> str:
    """The code of the language that a text is probably in: the user's ("fr-ch"), if it is written in the text's script.

    Else the script's commonest language, or another one whose own letters the text has; for Latin letters English.
    known: the languages that there are voices for. Raises W2LError for a script that no voice reads.
    """
    script = _main_script(text)
    mine = _users_language()
    home = mine.partition("-")[0]
    if script == LATIN:
        others = {language for languages in SCRIPTS.values() for language in languages}
        return mine if home in known and home not in others else "en"
    if script not in SCRIPTS:
        raise W2LError(
            f"the text is written in {_called(script)}, which no voice of espeak-ng reads; give a Piper voice that "
            "does, or record the speech."
        )
    languages = SCRIPTS[script]
    if home in languages:
        return mine
    lower = text.lower()
    return next((one for one in languages if any(c in lower for c in _LETTERS.get(one, ""))), languages[0])


def check_readable(text: str, code: str) -> str:
    """A note about the letters that a voice of this language cannot read; "" where it reads all.

    Raises W2LError when these are more than a tenth: the voice would spell them out, or skip them.
    """
    counts = _scripts(text)
    foreign = {script: n for script, n in counts.items() if not _reads(code, script)}
    if not foreign:
        return ""
    script = max(foreign, key=lambda one: foreign[one])
    some = "".join(dict.fromkeys(c for c in text if _script(c) in foreign))[:6]
    what = f"the voice {code} cannot read {_called(script)} ({some})"
    if sum(foreign.values()) <= _FEW * sum(counts.values()):
        return f"{what}, of which the text holds a few."
    if code.startswith("ja") and script == "CJK":
        raise W2LError(f"{what.replace('Chinese characters', 'kanji')}; write them in kana.")
    others = ", ".join(SCRIPTS.get(script, ()))
    raise W2LError(f"{what}; " + (f"give a voice that does ({others})." if others else "give a Piper voice that does."))


def _reads(code: str, script: str) -> bool:
    languages = SCRIPTS.get(script, ())
    return script == LATIN or code.partition("+")[0] in languages or code.partition("-")[0] in languages


def _main_script(text: str) -> str:
    """The script of most letters that are not Latin, unless they are few; kana make a text Japanese."""
    counts = _scripts(text)
    others = {script: n for script, n in counts.items() if script != LATIN}
    if sum(others.values()) <= _PART * sum(counts.values()):
        return LATIN
    return next((kana for kana in ("HIRAGANA", "KATAKANA") if kana in others), max(others, key=lambda s: others[s]))


def _scripts(text: str) -> Counter[str]:
    return Counter(script for c in text if (script := _script(c)))


def _script(letter: str) -> str:
    """The script of a letter, as the first word of its name in Unicode; "" for what is no letter."""
    if not letter.isalpha():
        return ""
    return unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "UNKNOWN").split()[0].split("-")[0]


def _called(script: str) -> str:
    return _CALLED.get(script, f"{script.capitalize()} letters")


def _users_language() -> str:
    """The language that the user's system speaks, such as "fr-ch"; "" if it does not say."""
    names = [os.environ.get(name, "") for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")]
    name = next((one for one in [*names, locale.getlocale()[0] or ""] if one), "")
    code, *where = re.split(r"[:.@]", name)[0].lower().replace("_", "-").split("-")
    if len(code) > 3:  # Windows writes "French_France"
        code, where = locale.normalize(code)[:2], []
    code = {"no": "nb", "zh": "cmn"}.get(code, code)
    return "" if code in ("c", "posix") else "-".join([code, *where])
