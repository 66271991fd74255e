"""The speech of a dub: its pauses, where the mouth rests; odd sound and several tracks."""

import numpy as np
import pytest
import soundfile
from helpers.dubs import BOX, run_dub
from helpers.places import SHARED
from helpers.sounds import write_tracks

from w2l import audio
from w2l.dubbing import speech
from w2l.dubbing.preview import preview
from w2l.errors import W2LError


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


def voice(peak: float = 0.3) -> np.ndarray:
    t = np.arange(3 * 16000) / 16000
    wav = np.sin(2 * np.pi * 200 * t) * np.sin(2 * np.pi * 2 * t) ** 2
    return (peak * wav).astype(np.float32)


class TestOddSound:
    """What the networks would not hear is made audible to them, and told; the sound of the result stays."""

    def listen(self, tmp_path, wav, **how):
        soundfile.write(tmp_path / "s.wav", wav, 16000, subtype="FLOAT")
        return speech.listen(tmp_path / "s.wav", **how)

    @pytest.mark.parametrize("peak", [0.9, 0.3, 0.1, 0.03])
    def test_ordinary_speech_stays_as_it_is(self, tmp_path, peak):
        spoken = self.listen(tmp_path, voice(peak))
        assert not spoken.notes
        assert np.array_equal(spoken.mel(), audio.melspectrogram(voice(peak)))

    @pytest.mark.parametrize("peak", [0.01, 0.001])  # -40, -60 dB
    def test_quiet_speech_is_raised_for_the_mouth(self, tmp_path, peak):
        spoken = self.listen(tmp_path, voice(peak))
        assert np.array_equal(spoken.wav[:, 0], voice(peak))
        assert spoken.mel() == pytest.approx(audio.melspectrogram(voice(0.141)), abs=0.05)
        (note,) = spoken.notes
        assert note.startswith("the speech in s.wav is very quiet (-") and "louder, the sound stays as it is." in note

    def test_channels_that_cancel(self, tmp_path):
        spoken = self.listen(tmp_path, np.stack([voice(), -voice()], axis=1))
        assert spoken.wav.shape == (48000, 2)
        assert np.array_equal(spoken.mel(), audio.melspectrogram(voice()))
        assert spoken.notes == ("the two channels of s.wav cancel each other; the mouth follows the left one.",)

    @pytest.mark.parametrize("wav", [np.stack([voice(), -voice()], axis=1), voice(0.01)], ids=["cancel", "quiet"])
    def test_as_published_it_is_only_told(self, tmp_path, wav):
        spoken = self.listen(tmp_path, wav, plain=True)
        assert np.array_equal(spoken.mel(), audio.melspectrogram(wav if wav.ndim == 1 else wav.mean(axis=1)))
        (note,) = spoken.notes
        assert note.endswith("in parity mode the mouth hardly moves.")

    def test_surround_sound(self, tmp_path):
        wav = np.zeros((48000, 6), np.float32)
        wav[:, 2] = voice()
        spoken, plain = self.listen(tmp_path, wav), self.listen(tmp_path, wav, plain=True)
        assert spoken.wav == pytest.approx(np.stack([voice(), voice()], axis=1) * 0.5**0.5, abs=1e-6)
        assert plain.wav == pytest.approx(voice()[:, None] / 6, abs=1e-6)

    def test_a_part_keeps_what_is_known(self, tmp_path):
        spoken = self.listen(tmp_path, voice(0.01))
        for part in (spoken.cut(1.0), spoken.repeated(5.0)):
            assert (part.gain, part.notes) == (spoken.gain, spoken.notes)


class TestTracks:
    """Several sound tracks are named, and one is chosen."""

    @pytest.fixture
    def film(self, tmp_path):
        return write_tracks(tmp_path / "film.mkv", voice(0.2), voice())

    def test_they_are_named(self, film):
        assert speech.listen(film).notes == (
            "film.mkv has 2 sound tracks, 1 (mono) and 2 (ger, “track 2”, mono); track 1 is heard, and audio_track=N "
            "(--audio-track N) chooses another.",
        )

    def test_one_is_chosen(self, film):
        spoken = speech.listen(film, 2)
        assert not spoken.notes and np.abs(spoken.wav).max() == pytest.approx(0.3, abs=0.01)

    def test_a_silent_one_is_told(self, tmp_path):
        film = write_tracks(tmp_path / "film.mkv", 0 * voice(), voice())
        with pytest.raises(W2LError, match=r"sound track 1 .* is silent .* choose another with audio_track=N"):
            speech.listen(film)

    def test_a_dub_of_one(self, tmp_path, clip, generator):
        film = write_tracks(tmp_path / "film.mkv", 0 * voice(), voice())
        result = run_dub(clip, film, tmp_path / "o.mp4", generator, audio_track=2)
        assert np.abs(audio.load(result.path)).max() > 0.2
        made = preview(clip, film, 0.5, box=BOX, weights=generator, audio_track=2)
        assert made.moment.index == 12

    def test_a_dub_tells_them(self, tmp_path, clip, generator, film):
        result = run_dub(clip, film, tmp_path / "o.mp4", generator)
        made = preview(clip, film, 0.5, box=BOX, weights=generator)
        assert set(speech.listen(film).notes) <= {*result.notes} and made.notes == speech.listen(film).notes

    @pytest.mark.skipif(not SHARED.is_dir(), reason="shared files are not here")
    def test_a_recording_with_speech_in_its_second_track(self):
        path = SHARED / "faults/speech_in_second_track.mp4"
        with pytest.raises(W2LError, match=r"it has 2 sound tracks, 1 \(mono\) and 2 \(mono\)"):
            speech.listen(path)
        assert speech.listen(path, 2).mel().max() > 1
