"""espeak-ng: its voices by name, and what becomes of its failures."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from ctypes.util import find_library
from types import SimpleNamespace

import numpy as np
import pytest

from w2l.errors import W2LError
from w2l.tts import espeak, text

HERE = importlib.util.find_spec("espeakng_loader") or find_library("espeak-ng")
pytestmark = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")


def test_there_are_more_than_a_hundred_languages():
    assert len({voice.language for voice in espeak.voices()}) > 100
    codes = [voice.code for voice in espeak.voices()]
    assert len(set(codes)) == len(codes)
    assert {"f1", "f5", "m1", "m8"} <= set(espeak.variants())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *[("fr", "fr-fr"), ("FR_fr", "fr-fr"), ("pt-BR", "pt-br"), ("zh-CN", "cmn"), ("zh", "cmn"), ("en", "en-gb")],
        *[("English", "en-gb"), ("chinese", "cmn"), ("de-AT", "de"), ("no", "nb"), ("Greek (Ancient)", "grc")],
        *[("fr+F3", "fr-fr+f3"), ("english+m2", "en-gb+m2"), (" es ", "es"), ("gmw/en-US", "en-us")],
    ],
)
def test_a_voice_is_found_by_code_and_by_name(name, code):
    assert espeak.find(name).code == code


@pytest.mark.parametrize("name", ["", "xx", "frnch", "../fr", "+f3", "fr-+"])
def test_an_unknown_voice_gets_a_sentence(name):
    with pytest.raises(W2LError, match=r"^(there is no voice|voices have no variant)") as told:
        espeak.find(name)
    assert "w2l say --voices" in str(told.value)
    assert name != "frnch" or "did you mean french?" in str(told.value)


def test_an_unknown_variant_is_not_ignored():
    with pytest.raises(W2LError, match=r"^voices have no variant 'nope'; choose one of f1, f2"):
        espeak.find("fr+nope")


def test_every_language_of_the_table_is_there():
    known = {voice.language for voice in espeak.voices()} | {voice.code for voice in espeak.voices()}
    assert {code for codes in text.SCRIPTS.values() for code in codes} <= known


def test_two_voices_differ_and_the_same_one_does_not():
    (one, rate), (same, _), (other, _) = (espeak.find(name).say("hello") for name in ("en", "en", "en+f3"))
    assert rate == 22050 and 0.2 < len(one) / rate < 1
    assert (one == same).all()
    assert len(other) != len(one) or (other != one).any()


def test_threads_do_not_disturb_each_other():
    names = ["en", "fr", "de", "ru"]
    alone = [espeak.find(name).say("mama papa")[0] for name in names]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda name: espeak.find(name).say("mama papa")[0], names))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import sys; print('oh no', file=sys.stderr); sys.exit(1)", "failed: oh no; install it"),
        ("import os; os.abort()", "failed: CalledProcessError"),
    ],
)
def test_a_crash_is_a_sentence_and_prints_nothing(monkeypatch, tmp_path, capfd, program, told):
    (tmp_path / "fake.py").write_text(program)
    monkeypatch.setattr(espeak, "espeak_process", SimpleNamespace(__file__=str(tmp_path / "fake.py")))
    with pytest.raises(W2LError, match=told):
        espeak.request(voice="en", text="hello")
    assert capfd.readouterr() == ("", "")
