"""The command that says a typed text."""

import importlib.util
import io
import sys
from ctypes.util import find_library
from types import SimpleNamespace

import pytest
from helpers.command_line import run_main

from w2l.cli import say

HERE = importlib.util.find_spec("espeakng_loader") or find_library("espeak-ng")
pytestmark = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")


def test_a_text_becomes_a_file(tmp_path, capsys):
    code, told, said = run_main(capsys, "say", "Bonjour.", tmp_path / "out.wav", "--voice", "fr")
    assert (code, said) == (0, "")
    assert told == f"{tmp_path / 'out.wav'}: 0.4 s, voice fr-fr\n"
    assert (tmp_path / "out.wav").stat().st_size > 10_000


def test_a_text_without_a_place_goes_to_the_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("W2L_HOME", str(tmp_path))
    code, told, _ = run_main(capsys, "say", "Good / morning, everybody!")
    assert code == 0 and "Good-morning-everybody.wav: " in told
    assert [path.name for path in tmp_path.rglob("*.wav")] == ["Good-morning-everybody.wav"]


def test_standard_input_is_read(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\ufeffПривет".encode())))
    code, told, _ = run_main(capsys, "say", "-", tmp_path / "out.wav")
    assert code == 0 and told.endswith("voice ru\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("Grüße".encode("latin-1"))))
    code, _, said = run_main(capsys, "say", "-", tmp_path / "out.wav")
    assert code == 2 and "is not UTF-8" in said and said.count("\n") == 1


def test_voices_are_listed(capsys):
    code, told, _ = run_main(capsys, "say", "--voices")
    assert code == 0
    lines = told.splitlines()
    assert len(lines) > 100 and "fr-fr                French (France)" in lines
    assert lines[-1].startswith("each with another speaker, such as fr+f2: ") and "m3" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], 'w2l say needs a text: w2l say "Hello." hello.wav'),
        ([""], "the text holds no word that can be said"),
        (["សួស្តី", "out.wav"], "Khmer letters, which no voice"),
        (["Hello", "out.wav", "--voice", "none"], "there is no voice 'none'"),
    ],
)
def test_what_cannot_be_said_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    code, shown, said = run_main(capsys, "say", *arguments)
    assert (code, shown, said.count("\n")) == (2, "", 1)
    assert told in said and not list(tmp_path.iterdir())


def test_a_name_is_made_of_the_first_words():
    assert say.stem_of("Hello, you / there?") == "Hello-you-there"
    assert say.stem_of("你好，世界") == "你好-世界"
    assert say.stem_of("...") == "speech"
    assert len(say.stem_of("word " * 100)) <= 40
