"""The speech of a dub: its pauses, where the mouth rests."""

import numpy as np
import pytest
import soundfile

from w2l.dubbing import speech


class TestGate:
    """Pauses are found, and the generator hears silence there."""

    def wav(self, noise):
        rng = np.random.default_rng(0)
        t = np.arange(3 * 16000) / 16000
        tone = 0.3 * np.sin(2 * np.pi * 200 * t) * np.sin(2 * np.pi * 4 * t) ** 2
        tone[16000 : 2 * 16000] = 0
        return (tone + noise * rng.standard_normal(len(t))).astype(np.float32)

    @pytest.mark.parametrize("noise", [0, 0.001, 0.01])
    def test_a_pause_of_a_second(self, noise):
        resting = speech.pauses(self.wav(noise), 241)
        at = np.flatnonzero(resting)
        assert at[0] / 80 == pytest.approx(1.05, abs=0.1)
        assert at[-1] / 80 == pytest.approx(1.95, abs=0.1)
        assert (np.diff(at) == 1).all()

    def test_steady_speech_has_none(self):
        t = np.arange(16000) / 16000
        assert not speech.pauses(0.2 * np.sin(2 * np.pi * 200 * t) * (1 + 0.5 * np.sin(40 * t)), 81).any()

    def test_the_mouth_rests(self, tmp_path):
        soundfile.write(tmp_path / "s.wav", self.wav(0.01), 16000)
        spoken = speech.listen(tmp_path / "s.wav")
        plain, gated = spoken.mel(), spoken.mel(gate=True)
        assert plain[:, 100:140].max() > -3
        assert (gated[:, 100:140] == -4).all()
        assert (gated[:, :80] == plain[:, :80]).all()
