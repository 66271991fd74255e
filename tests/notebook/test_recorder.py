"""The recorder's kernel side, without a browser: what arrives becomes a wav file that a dub takes, or a sentence."""

from __future__ import annotations

import base64
import io
import sys
from fractions import Fraction
from types import ModuleType, SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

from w2l import audio
from w2l.base import paths
from w2l.errors import W2LError
from w2l.notebook import canvas, recorder
from w2l.notebook.widgets import Recorder

RATE = 48_000


@pytest.fixture(scope="module")
def speech():
    """The bundled speech at a browser's rate, float32 (N,)."""
    wav = audio.load(paths.data() / "samples" / "speech.wav")
    return np.interp(np.arange(3 * RATE) / RATE, np.arange(len(wav)) / audio.SAMPLE_RATE, wav).astype(np.float32)


def packed(wav, kind="wav", codec="", options=None):
    """Sound (N,) at 48 kHz as the bytes of a file."""
    if kind == "wav":
        return canvas.wav_bytes(wav, RATE)
    file = io.BytesIO()
    with av.open(file, "w", format=kind, options=options or {}) as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        samples = (wav * 32767).astype(np.int16)[None]
        block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return file.getvalue()


def messages(data, take="a", size=50_000, name="recording"):
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return [
        {"take": take, "name": name, "piece": i, "count": len(parts), "data": base64.b64encode(part).decode()}
        for i, part in enumerate(parts)
    ]


def say(mine, message):
    mine._on_message(mine.page, message, [])
    return mine.page.answer


def test_it_is_kept_as_16_bit_mono_at_its_own_rate(speech, tmp_path):
    mine = Recorder(tmp_path / "inputs")
    assert mine.path is None
    both = io.BytesIO()
    soundfile.write(both, np.stack([speech, 0.5 * speech], 1), RATE, format="FLAC")
    path = mine.keep(both.getvalue())
    assert path == mine.path == tmp_path / "inputs" / "voice.wav"
    facts = soundfile.info(path)
    assert (facts.format, facts.subtype, facts.channels, facts.samplerate) == ("WAV", "PCM_16", 1, RATE)
    assert np.abs(soundfile.read(path)[0] - 0.75 * speech).max() < 1e-3
    assert [one.name for one in path.parent.iterdir()] == ["voice.wav"]


@pytest.mark.parametrize(
    ("kind", "codec", "options"),
    [
        ("webm", "libopus", {"live": "1"}),  # Chrome, Edge
        ("ogg", "libopus", {}),  # Firefox
        ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),  # Safari
    ],
)
def test_what_browsers_record_is_read_whole(speech, tmp_path, kind, codec, options):
    """A recorder writes as it goes, and knows neither length nor index when it begins."""
    data = packed(speech, kind, codec, options)
    if kind == "webm":
        with av.open(io.BytesIO(data)) as container:
            assert container.duration is None
    wav, rate = soundfile.read(Recorder(tmp_path).keep(data))
    assert abs(len(wav) / rate - 3) < 0.05
    assert rate == RATE
    n = min(len(wav), len(speech))
    late = max(range(-1100, 1100, 4), key=lambda k: float(np.dot(np.roll(wav[:n], k), speech[:n])))
    assert np.corrcoef(np.roll(wav[:n], late), speech[:n])[0, 1] > 0.98


def test_a_file_that_comes_in_pieces(speech, tmp_path):
    """In any order; what is left of an earlier take does not get into a later one."""
    mine = Recorder(tmp_path)
    lost = messages(packed(speech[::-1].copy()), "earlier")
    pieces = messages(packed(speech), "later")
    assert len(pieces) > 3
    before = say(mine, lost[0])
    for piece in pieces[:0:-1]:
        assert say(mine, piece) == before
    answer = say(mine, pieces[0])
    assert (answer["take"], answer["bad"], answer["here"]) == ("later", False, True)
    assert f"3.0 s: {tmp_path / 'voice.wav'}" in answer["text"]
    assert np.abs(soundfile.read(mine.path)[0] - speech).max() < 1e-3


def test_a_refusal_is_a_sentence_and_the_old_recording_stays(speech, tmp_path, monkeypatch):
    mine = Recorder(tmp_path)
    kept = mine.keep(packed(speech)).read_bytes()
    for data, told in (
        (packed(0 * speech), "my.wav is silent from beginning to end"),
        (b"no sound at all, only some words" * 9, "my.wav is a text file, not sound"),
    ):
        for message in messages(data, name="my.wav"):
            answer = say(mine, message)
        assert answer["text"].startswith(told), answer
        assert answer["bad"] and answer["here"]
        assert str(tmp_path) not in answer["text"]
    damaged = messages(packed(speech), size=1 << 20)[0] | {"data": "§"}
    assert "press Use it again" in say(mine, damaged)["text"]
    monkeypatch.setattr(recorder, "_LARGEST", 1000)
    with pytest.raises(W2LError, match=r"film\.mp4 is too large"):
        mine.keep(packed(speech), "film.mp4")
    assert mine.path.read_bytes() == kept
    assert [one.name for one in tmp_path.iterdir()] == ["voice.wav"]


def test_a_folder_that_cannot_be_made_is_a_sentence(speech, tmp_path):
    (tmp_path / "inputs").write_text("a file")
    answer = say(Recorder(tmp_path / "inputs"), messages(packed(speech), size=1 << 20)[0])
    assert answer["bad"] and answer["text"] and not answer["here"]


def test_longer_sound_is_cut(speech, tmp_path):
    assert soundfile.info(Recorder(tmp_path, seconds=1.5).keep(packed(speech))).duration == 1.5


def test_another_notebook_finds_it_until_it_is_deleted(speech, tmp_path):
    Recorder(tmp_path).keep(packed(speech))
    other = Recorder(tmp_path)
    assert other.path == tmp_path / "voice.wav"
    assert "Your recording is here, 3.0 s" in other.page.answer["text"]
    assert say(other, {"delete": True}) == {
        "take": "delete", "text": "Your recording is deleted.", "bad": False, "here": False,
    }  # fmt: skip
    assert other.path is None
    assert not (tmp_path / "voice.wav").exists()
    (tmp_path / "voice.wav").write_text("no sound")
    assert "not sound, whatever its name says" in Recorder(tmp_path).page.answer["text"]
    (tmp_path / "voice.wav").write_bytes(packed(speech, "ogg", "libopus"))  # put there by hand
    assert "Your recording is here, 3.0 s" in Recorder(tmp_path).page.answer["text"]


def test_where_no_widget_is_drawn_there_are_words(tmp_path, monkeypatch):
    """On GitHub, in a run without a browser, and where the package for it is missing."""
    mine = Recorder(tmp_path)
    data, metadata = mine._repr_mimebundle_()
    assert data[canvas.WIDGET]["model_id"] == mine.page.model_id
    assert data["text/plain"] == "(a recorder for your voice: run this cell to use it)"
    assert metadata == {}
    monkeypatch.delitem(sys.modules, "w2l.notebook.microphone")
    monkeypatch.setitem(sys.modules, "anywidget", None)
    without = Recorder(tmp_path)
    assert without.path is None
    assert canvas.WIDGET in without._repr_mimebundle_()
    assert "%pip install anywidget" in without.box.value


def test_colab_is_told_to_load_other_widgets_than_its_own(tmp_path, monkeypatch):
    """Its front end draws only ipywidgets unless a display names a manager."""
    output = ModuleType("google.colab.output")
    asked = []
    output.enable_custom_widget_manager = lambda: asked.append(1)
    output._widgets = SimpleNamespace(_installed_url="https://manager")
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    import anywidget._util

    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    _, metadata = Recorder(tmp_path)._repr_mimebundle_()
    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    assert asked
    assert metadata[canvas.WIDGET]["colab"]["custom_widget_manager"]["url"] == "https://manager"
