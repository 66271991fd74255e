"""A text becomes a sound file, by espeak-ng or by a Piper voice."""

import importlib.util
import sys
from ctypes.util import find_library
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

import w2l
from w2l import audio
from w2l.errors import W2LError
from w2l.tts import piper
from w2l.tts.say import SayResult, say

HERE = importlib.util.find_spec("espeakng_loader") or find_library("espeak-ng")
needs_espeak = pytest.mark.skipif(not HERE, reason="espeak-ng is not installed")


def heard(path):
    wav, rate = soundfile.read(path)
    assert wav.ndim == 1 and np.abs(wav).max() > 0.1
    return len(wav) / rate


@needs_espeak
def test_a_sentence_becomes_a_wav(tmp_path):
    made = w2l.say("Hello there.", tmp_path / "new" / "out.wav", "en+f3")
    assert made == SayResult(tmp_path / "new" / "out.wav", "en-gb+f3", made.seconds)
    assert heard(made.path) == pytest.approx(made.seconds) and 0.5 < made.seconds < 1.5
    with av.open(str(made.path)) as container:
        assert container.metadata["comment"] == "synthetic speech, voice en-gb+f3"
    assert list(tmp_path.rglob("*.wav")) == [made.path]


@needs_espeak
@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_other_sound_files(tmp_path, suffix):
    made = say("Hello there.", tmp_path / f"out{suffix}", "en")
    assert len(audio.load(made.path)) / 16000 == pytest.approx(made.seconds, abs=0.1)


@needs_espeak
def test_marks_are_read_as_text(tmp_path):
    """SSML, phonemes in brackets, and espeak-ng's own commands would change or silence what is said."""
    plain = say("speak x speak", tmp_path / "a.wav", "en").seconds
    assert say("<speak>x</speak>", tmp_path / "b.wav", "en").seconds > plain  # "less than ..." are words too
    assert say("[[h@l'oU]]", tmp_path / "c.wav", "en").seconds > say("h", tmp_path / "d.wav", "en").seconds
    fast = say("one two three four\x01 400S five six seven eight nine ten", tmp_path / "e.wav", "en").seconds
    assert fast >= say("one two three four five six seven eight nine ten", tmp_path / "f.wav", "en").seconds


@needs_espeak
def test_a_long_text_is_said_piece_by_piece(tmp_path, monkeypatch):
    words = "This is a sentence of some length. " * 30  # a little more than one piece
    lengths = []

    def spy(self, piece):
        lengths.append(len(piece))
        return np.full(1000, 0.5, np.float32), 1000

    monkeypatch.setattr(w2l.tts.espeak.TypedVoice, "say", spy)
    made = say(words, tmp_path / "out.wav", "en")
    assert len(lengths) == 2 and max(lengths) <= 800 and sum(lengths) > len(words) - 4
    assert made.seconds == pytest.approx(2.3)  # two pieces and the pause between them


@needs_espeak
@pytest.mark.parametrize(
    ("text", "out", "voice", "told"),
    [
        ("", "out.wav", None, "holds no word that can be said"),
        ("hello", "out.txt", None, r"cannot write speech as out\.txt; end the name in \.wav, \.flac, \.ogg or \.mp3"),
        ("hello", "out.wav", "xx", "there is no voice 'xx'"),
        ("សួស្តី", "out.wav", None, "Khmer letters, which no voice of espeak-ng reads"),
        ("Привет", "out.wav", "en", "cannot read Cyrillic letters"),
        ("ᏣᎳᎩ", "out.wav", None, "finds nothing to say in the text"),
    ],
)
def test_what_cannot_be_said_is_one_sentence_and_leaves_nothing(tmp_path, text, out, voice, told):
    with pytest.raises(W2LError, match=told):
        say(text, tmp_path / out, voice)
    assert list(tmp_path.iterdir()) == []


# Piper


class PiperVoice:
    """Stands in for piper-tts 1.3: the same calls, and beeps for words."""

    def __init__(self, path):
        self.path, self.config = path, SimpleNamespace(espeak_voice="de")

    @staticmethod
    def load(model_path, config_path=None, use_cuda=False):
        if b"broken" in model_path.read_bytes():
            raise ValueError("Protobuf parsing failed")
        return PiperVoice(model_path)

    def synthesize(self, text, syn_config=None):
        for sentence in text.split("."):
            if "crash" in sentence:
                raise RuntimeError("no such phoneme")
            if sentence.strip():
                beep = (8000 * np.sin(np.arange(4000) / 5)).astype("<i2")
                yield SimpleNamespace(audio_int16_bytes=beep.tobytes(), sample_rate=16000, sample_channels=1)

    def synthesize_wav(self, text, wav_file, syn_config=None):
        raise AssertionError("not used")


@pytest.fixture
def voice_file(tmp_path, monkeypatch):
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "anna.onnx").write_bytes(b"network")
    (folder / "anna.onnx.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "piper", SimpleNamespace(PiperVoice=PiperVoice))
    piper._loaded.cache_clear()
    yield folder / "anna.onnx"
    piper._loaded.cache_clear()


def test_a_piper_voice_speaks(voice_file, tmp_path):
    made = say("Guten Tag. Wie geht es?", tmp_path / "out.wav", voice_file)
    assert (made.voice, made.seconds) == ("anna.onnx", 0.5)
    assert soundfile.info(made.path).samplerate == 16000 and heard(made.path) == 0.5
    with pytest.raises(W2LError, match=r"the voice de cannot read Cyrillic letters"):
        say("Привет", tmp_path / "out.wav", str(voice_file))


def test_what_is_wrong_with_a_piper_voice_is_one_sentence(voice_file, tmp_path, monkeypatch):
    out = tmp_path / "out.wav"
    with pytest.raises(W2LError, match=r"the Piper voice anna\.onnx failed \(RuntimeError: no such phoneme\)"):
        say("Ein crash.", out, voice_file)
    voice_file.write_bytes(b"broken")
    with pytest.raises(W2LError, match=r"is no Piper voice \(ValueError: Protobuf parsing failed\)"):
        say("Hallo.", out, voice_file)
    monkeypatch.setitem(sys.modules, "piper", SimpleNamespace(PiperVoice=type("PiperVoice", (), {})))
    voice_file.write_bytes(b"another network")
    with pytest.raises(W2LError, match="needs a newer Piper; pip install piper-tts --upgrade"):
        say("Hallo.", out, voice_file)
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(W2LError, match=r"needs Piper, which is not installed .*; pip install piper-tts"):
        say("Hallo.", out, voice_file)
    voice_file.with_name("anna.onnx.json").unlink()
    with pytest.raises(W2LError, match=r"no such file: .*anna\.onnx\.json; a Piper voice is two files"):
        say("Hallo.", out, voice_file)
    assert not out.exists()


def test_piper_is_imported_only_for_its_files():
    assert "piper" not in sys.modules
