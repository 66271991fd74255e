"""A separate program, run by `espeak`: one request on standard input, sound and phone times on standard output.

A process for each request, since the library keeps state from one utterance to the next (so that the same request
would not give the same bytes), and can hang when it is shut down and started again. Needs nothing but the standard
library.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import sys
from typing import Any

_RETRIEVAL_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT, _UTF8 = 2, 1, 0x8000, 1
_PARAMETERS = {"rate": 1, "pitch": 3, "range": 4}
_LIST_ENDS, _PHONEME = 0, 7


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("padding", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def opened(request: dict[str, Any]) -> tuple[ctypes.CDLL, int]:
    """The library request["library"] with the data in request["data"] ("": its own), and its rate in Hz."""
    library = ctypes.CDLL(request["library"])
    data = request["data"].encode() if request["data"] else None
    rate = library.espeak_Initialize(_RETRIEVAL_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _DONT_EXIT)
    if rate <= 0:
        raise OSError("its data files are missing")
    return library, rate


def list_voices(request: dict[str, Any]) -> dict[str, Any]:
    """{"voices": [[name, [[priority, language], ...], identifier], ...], "variants": the same}."""
    library, _ = opened(request)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    wanted = ctypes.create_string_buffer(b"variant")
    variants = _Voice(languages=ctypes.cast(wanted, ctypes.c_void_p).value)
    found = {}
    for what, like in (("voices", None), ("variants", ctypes.byref(variants))):
        listed = library.espeak_ListVoices(like)
        found[what] = [_described(one.contents) for one in itertools.takewhile(bool, listed)]
    return found


def _described(voice: _Voice) -> list[Any]:
    return [
        voice.name.decode("utf8", "replace"),
        _languages(voice.languages),
        voice.identifier.decode("utf8", "replace"),
    ]


def _languages(at: int | None) -> list[tuple[int, str]]:
    """The languages of a voice, each stored as a byte for its priority (low: first choice) and text that ends in 0."""
    found = []
    while at and (priority := ctypes.string_at(at, 1)[0]):
        name = ctypes.string_at(at + 1)
        found.append((priority, name.decode("utf8", "replace")))
        at += len(name) + 2
    return found


def speak(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Speaks request["text"] in request["voice"] at a rate, pitch and range, with the library and data of that name.

    Returns ({"rate": Hz, "version": of espeak-ng, "phones": [[mnemonic, first sample], ...]}, 16-bit mono samples).
    """
    library, rate = opened(request)
    if hasattr(library, "espeak_ng_SetRandSeed"):  # breath is noise; from version 1.50 on it can be made reproducible
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    sound = bytearray()
    phones: list[list[Any]] = []

    def receive(samples: int | None, count: int, events: Any) -> int:
        """Takes sound and the phones in it as the library makes them; 0: continue."""
        if samples and count > 0:
            sound.extend(ctypes.string_at(samples, 2 * count))
        for event in iter(events):
            if event.type == _LIST_ENDS:
                return 0
            if event.type == _PHONEME:
                phones.append([bytes(event.id.string).decode("utf8", "replace"), event.sample])
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(request["voice"].encode()):
        raise OSError(f"it has no voice {request['voice']!r}")
    for name, number in _PARAMETERS.items():
        library.espeak_SetParameter(number, request[name], 0)
    text = request["text"].encode() + b"\0"
    if library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, _UTF8, None, None):
        raise OSError("it produced no speech")
    library.espeak_Synchronize()
    library.espeak_Info.restype = ctypes.c_char_p
    version = library.espeak_Info(None).decode()
    return {"rate": rate, "version": version, "phones": phones}, bytes(sound)


if __name__ == "__main__":
    try:
        asked = json.loads(sys.stdin.read())
        head, sound = speak(asked) if "text" in asked else (list_voices(asked), b"")
    except OSError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + sound)
    sys.stdout.buffer.flush()
    os._exit(0)  # the library's own threads need not be waited for
