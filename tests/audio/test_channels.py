"""One sound of several channels: the plain mean where that is right, and what to do where it is not."""

import librosa
import numpy as np
import pytest
import soundfile
from helpers.places import SHARED
from helpers.sounds import tone

from w2l import audio

shared = pytest.mark.skipif(not SHARED.is_dir(), reason="shared files are not here")


def voice(seconds: float = 3.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Noise that comes and goes: float32 (N,)."""
    rng = np.random.default_rng(seed)
    wav = rng.standard_normal(int(seconds * rate)) * np.abs(np.sin(9 * np.arange(int(seconds * rate)) / rate))
    return (0.1 * wav).astype(np.float32)


@pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated")  # librosa's audioread imports them
@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("kind", ["mono", "stereo", "one side", "partly inverted"])
def test_ordinary_sound_is_what_librosa_loads(tmp_path, rate, kind):
    one, other = voice(rate=rate), voice(rate=rate, seed=1)
    wav = {
        "mono": one,
        "stereo": np.stack([one, other], axis=1),
        "one side": np.stack([one, 0 * one], axis=1),
        "partly inverted": np.stack([one, -0.4 * one], axis=1),
    }[kind]
    soundfile.write(tmp_path / "a.wav", wav, rate, subtype="FLOAT")
    expected, _ = librosa.load(tmp_path / "a.wav", sr=16000, mono=True)
    assert np.array_equal(audio.load(tmp_path / "a.wav"), expected)


@pytest.mark.parametrize("balance", [1.0, 0.9, 0.7])
def test_channels_that_cancel(tmp_path, balance):
    wav = voice()
    soundfile.write(tmp_path / "a.flac", np.stack([balance * wav, -wav], axis=1), 16000)
    assert audio.pick(*audio.decode(tmp_path / "a.flac")) == (0 if balance == 1 else 1)
    heard = audio.load(tmp_path / "a.flac")
    assert np.abs(np.abs(heard) - np.abs(wav)).max() < 1e-4


def test_channels_that_cancel_for_a_while():
    """Half of it from another microphone."""
    wav = voice(6.0)
    stereo = np.stack([wav, wav * np.where(np.arange(len(wav)) < 48000, 1, -1)], axis=1)
    assert audio.pick(stereo, 16000) == 0
    stereo[:, 1] = wav
    stereo[:4000, 1] *= -1
    assert audio.pick(stereo, 16000) is None


def test_silence_does_not_cancel():
    assert audio.pick(np.zeros((16000, 2), np.float32), 16000) is None
    assert audio.pick(voice()[:, None], 16000) is None


@pytest.mark.parametrize(
    ("layout", "channels", "centre"), [("5.1", 6, 2), ("5.1(side)", 6, 2), ("7.1", 8, 2), ("3.0", 3, 2)]
)
def test_the_centre_of_surround_sound_is_heard(layout, channels, centre):
    wav = np.zeros((3000, channels), np.float32)
    wav[:, centre] = 0.4
    mixed = audio.to_stereo(wav, layout)
    assert mixed.dtype == np.float32 and mixed == pytest.approx(np.full((3000, 2), 0.4 * 0.5**0.5), abs=1e-6)


def test_surround_sound_stays_in_full_scale():
    assert np.abs(audio.to_stereo(np.ones((100, 6), np.float32), "5.1")).max() == pytest.approx(1.0)
    assert audio.to_stereo(np.full((100, 4), 0.5, np.float32), "ambisonic 1") == pytest.approx(0.5)


@shared
def test_inverted_and_surround_recordings():
    folder = SHARED / "faults"
    assert audio.melspectrogram(audio.load(folder / "antiphase.flac")).max() == pytest.approx(1.27, abs=0.01)
    surround = audio.load(folder / "centre_only_51.flac")
    assert np.abs(surround).max() > 0.25 and audio.melspectrogram(surround).max() > 1


class TestLevel:
    """How loud speech is, whatever else is in the file."""

    def test_of_a_tone(self):
        assert audio.level(tone(3, 16000), 16000) == pytest.approx(-9.03, abs=0.05)
        assert audio.level(tone(3, 48000) / 100, 48000) == pytest.approx(-49.03, abs=0.05)

    def test_clicks_and_silence_do_not_count(self):
        wav = np.concatenate([np.zeros(160_000, np.float32), tone(1.0, 16000) / 100, np.zeros(160_000, np.float32)])
        assert audio.level(wav, 16000) == pytest.approx(-49, abs=0.5)
        wav[::80_000] = 1
        assert audio.level(wav, 16000) == pytest.approx(-49, abs=0.5)

    @pytest.mark.parametrize("n", [0, 1, 100, 800, 5000])
    def test_of_short_sound(self, n):
        assert np.isfinite(audio.level(tone(1, 16000)[:n], 16000))
