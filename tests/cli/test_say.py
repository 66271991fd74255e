"""The command that says a typed text."""

import importlib.util
import io
import sys
from ctypes.util import find_library
from types import SimpleNamespace

import pytest
from helpers.command_line import run_main

from w2l import audio
from w2l.cli import main
from w2l.dubbing.typed import TypedSpeech

HERE = importlib.util.find_spec("espeakng_loader") or find_library("espeak-ng")
pytestmark = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")


@pytest.fixture(autouse=True)
def users_language(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")


def test_a_text_becomes_a_file(tmp_path, capsys):
    code, told, said = run_main(capsys, "say", "Bonjour.", tmp_path / "out.wav", "--voice", "fr")
    assert (code, said) == (0, "")
    assert told == f"{tmp_path / 'out.wav'}: 0.4 s, voice fr-fr\n"
    assert (tmp_path / "out.wav").stat().st_size > 10_000


def test_a_text_without_a_place_goes_to_the_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("W2L_HOME", str(tmp_path))
    code, told, _ = run_main(capsys, "say", "Good / morning, everybody!")
    name = f"{TypedSpeech('Good / morning, everybody!').stem}.wav"
    assert code == 0 and f"{name}: " in told
    assert [path.name for path in tmp_path.rglob("*.wav")] == [name]


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


def test_the_name_of_a_file_is_no_text(tmp_path, capsys):
    (tmp_path / "words.txt").write_text("Hello.")
    code, _, said = run_main(capsys, "say", tmp_path / "words.txt", tmp_path / "out.wav")
    assert code == 2 and "words.txt is a file; to have its words said, write - for the text, and < " in said
    assert not (tmp_path / "out.wav").exists()


@pytest.fixture
def how(material):
    return ["--weights", material / "tiny.safetensors", "--box", 20, 110, 20, 110, "--i-have-consent"]


@pytest.mark.parametrize("order", ["FACE --say TEXT OUT", "FACE OUT --say TEXT", "--say TEXT FACE OUT"])
def test_a_face_says_a_text(material, tmp_path, capsys, how, order):
    out = tmp_path / "out.mp4"
    words = {"FACE": material / "grey.png", "TEXT": "Hello.", "OUT": out}
    code, told, said = run_main(capsys, "dub", *(words.get(w, w) for w in order.split()), *how, "--quiet")
    assert (code, said) == (0, "")
    assert "note: the text is said by the voice en-gb; --voice chooses another." in told and f"{out}: " in told
    assert len(audio.load(out)) / 16000 == pytest.approx(0.42, abs=0.1)


def test_a_result_without_a_place_is_named_by_the_text(material, tmp_path, monkeypatch, capsys, how):
    monkeypatch.setenv("W2L_HOME", str(tmp_path))
    sheet = tmp_path / "sheet.png"
    more = ["--voice", "fr", "--sheet", sheet, "--quiet"]
    code, told, _ = run_main(capsys, "dub", material / "grey.png", "--say", "Bonjour.", *more, *how)
    assert code == 0 and f"grey-{TypedSpeech('Bonjour.', 'fr').stem}.mp4" in told and "note: the text" not in told
    assert sheet.is_file()


def test_one_frame_of_it(material, tmp_path, capsys, how):
    look = tmp_path / "look.png"
    code, told, _ = run_main(capsys, "preview", material / "grey.png", "--say", "Hello there.", look, "--at", 0.3, *how)
    assert code == 0 and f"{look}: frame 7" in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dub a.png b.wav out.mp4 --say Hello", "needs a face and a sound"),
        ("dub a.png out.mp4 --say Hello --speaker 0=b.wav", "needs a face and a sound"),
        ("dub a.png b.wav out.mp4 --voice fr", "--voice needs a text: --say TEXT"),
        ("dub a.png out.mp4 --say ...", "holds no word that can be said"),
        ("dub a.png out.mp4 --say Hello --voice none", "there is no voice 'none'"),
        ("preview a.png b.wav c.png --say Hello", "needs a face and a sound"),
        ("batch --faces . --speeches . --say Hello", "needs either a table of jobs or both"),
        ("batch jobs.csv --voice fr", "--voice needs a text"),
    ],
)
def test_a_text_that_does_not_fit_is_one_sentence(tmp_path, monkeypatch, capsys, line, told):
    monkeypatch.chdir(tmp_path)
    code, _, said = run_main(capsys, *line.split(), "--i-have-consent")
    assert (code, said.count("\n")) == (2, 1) and told in said
    assert not list(tmp_path.iterdir())


def test_what_is_too_much_is_still_told(capsys):
    with pytest.raises(SystemExit):
        main.main(["dub", "a.png", "b.wav", "c.mp4", "d.mp4", "--quiet"])
    assert capsys.readouterr().err.startswith("w2l: unrecognized arguments: d.mp4")
