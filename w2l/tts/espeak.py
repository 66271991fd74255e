"""espeak-ng: where it is, its voices by name, and what it says.

It is a free speech synthesiser of more than a hundred languages (https://github.com/espeak-ng/espeak-ng), not part of
the kit: to use its voices, install it. It runs in a process of its own for each request, see `espeak_process`; so it
prints nothing, takes nothing down with it, and any number of threads may use it.
"""

from __future__ import annotations

import ctypes.util
import difflib
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from w2l.errors import W2LError
from w2l.tts import espeak_process

INSTALL = "install it with `pip install espeakng-loader` (or, on Debian, `apt-get install espeak-ng`)"
_LONGEST = 120  # seconds that a request may take
_USUAL = {"rate": 175, "pitch": 50, "range": 50}  # words a minute; 0..99
_LISTED = "`w2l say --voices` lists them"


@dataclass(frozen=True)
class TypedVoice:
    """A voice of espeak-ng, as a user names it.

    code: what to give as the voice, its language's code, such as "fr-fr". name: in English, "French (France)".
    identifier: espeak-ng's own, of the file; with "+" and a variant where the user named one. languages: (code,
    priority) of every language that it speaks; 1 is the first choice for that language.
    """

    code: str
    name: str
    identifier: str
    languages: tuple[tuple[str, int], ...]

    @property
    def language(self) -> str:
        """The code without what follows it: "fr" of "fr-fr+f3"."""
        return self.code.partition("+")[0].partition("-")[0]

    def say(self, text: str) -> tuple[np.ndarray, int]:
        """The text as float32 (N,) in [-1, 1], and its rate in Hz; empty or silent if there is nothing to read."""
        facts, wav = request(voice=self.identifier, text=text, **_USUAL)
        return wav, facts["rate"]


@lru_cache(maxsize=1)
def voices() -> tuple[TypedVoice, ...]:
    """The voices of the espeak-ng that is installed. Raises W2LError when it is not installed or fails."""
    found: dict[str, TypedVoice] = {}
    for name, languages, identifier in _catalogue()["voices"]:
        spoken = tuple((code.lower(), priority) for priority, code in languages)
        code = spoken[0][0] if spoken and spoken[0][0] not in found else identifier.rpartition("/")[2].lower()
        found[code] = TypedVoice(code, name.strip(), identifier, spoken)
    return tuple(found.values())


@lru_cache(maxsize=1)
def variants() -> tuple[str, ...]:
    """What may follow a voice's code after a plus sign, for another speaker: "f1", "m3", ..."""
    return tuple(sorted(identifier.rpartition("/")[2] for _, _, identifier in _catalogue()["variants"]))


def find(name: str) -> TypedVoice:
    """The voice of a language's code ("fr", "pt-BR", "zh_CN") or English name, with or without "+" and a variant.

    Raises W2LError for an unknown one.
    """
    asked, plus, variant = (part.strip() for part in name.partition("+"))
    voice = _named(asked.lower().replace("_", "-"))
    if voice is None:
        near = difflib.get_close_matches(asked.lower(), [one.name.partition(" (")[0].lower() for one in voices()], 1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise W2LError(f"there is no voice {name!r}; {guess}{_LISTED}, and a Piper voice is a file that ends in .onnx.")
    if not plus:
        return voice
    known = next((one for one in variants() if one.lower() == variant.lower()), None)
    if known is None:
        some = ", ".join(one for one in variants() if re.fullmatch("[fm][0-9]", one))
        raise W2LError(f"voices have no variant {variant!r}; choose one of {some}, or another; {_LISTED}.")
    return TypedVoice(f"{voice.code}+{known}", voice.name, f"{voice.identifier}+{known}", voice.languages)


def _named(name: str) -> TypedVoice | None:
    """The voice of this code or name in lower case; where there is none, that of the code without its last part."""
    for voice in voices():
        if name in (voice.code, voice.identifier.lower(), voice.name.lower()):
            return voice
    fits = [(priority, voice) for voice in voices() for code, priority in voice.languages if code == name]
    called = [one for one in voices() if name in (one.name.lower().partition(" (")[0], one.language)]
    fits = fits or [(min(priority for _, priority in voice.languages), voice) for voice in called]
    if fits:
        return min(fits, key=lambda fit: fit[0])[1]
    return _named(name.rpartition("-")[0]) if "-" in name else None


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, Any]:
    return request()[0]


def request(**asked: Any) -> tuple[dict[str, Any], np.ndarray]:
    """What `espeak_process` answers: its facts, and the sound as float32 (N,) in [-1, 1].

    asked: text, voice, rate, pitch and range for speech; nothing for the list of voices. Raises W2LError when espeak-ng
    is not installed or fails.
    """
    path, data = library()
    command = [sys.executable, "-I", "-S", espeak_process.__file__]
    words = json.dumps({"library": path, "data": data, **asked}).encode()
    try:
        done = subprocess.run(command, input=words, capture_output=True, timeout=_LONGEST, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        why = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().split("\n")[-1]
        raise W2LError(f"espeak-ng ({path}) failed: {why or type(error).__name__}; {INSTALL}.") from error
    head, _, sound = done.stdout.partition(b"\n")
    return json.loads(head), np.frombuffer(sound, np.int16).astype(np.float32) / 32768


@lru_cache(maxsize=1)
def library() -> tuple[str, str]:
    """The shared library of espeak-ng, and where its data is ("": where it was built to search).

    Raises W2LError when it is not installed.
    """
    spec = importlib.util.find_spec("espeakng_loader")
    if spec and spec.origin:
        folder = Path(spec.origin).parent
        for name in ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll"):
            if (folder / name).exists():
                return str(folder / name), str(folder / "espeak-ng-data")
    if found := ctypes.util.find_library("espeak-ng"):
        return found, ""
    raise W2LError(f"these voices need espeak-ng, which is not installed; {INSTALL}.")
