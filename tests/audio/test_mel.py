"""The signal path: exact against the published one, one mel window for every frame."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from helpers.places import GOLDEN, ROOT
from helpers.sounds import tone

from w2l import audio
from w2l.errors import W2LError

AUDIO = np.load(GOLDEN / "audio.npz")


def test_mel_equals_the_published_one():
    mel = audio.melspectrogram(AUDIO["wav"])
    assert mel.dtype == np.float32 and mel.shape == AUDIO["mel"].shape
    assert np.abs(mel - AUDIO["mel"]).max() < 1e-4


def test_mel_bands_are_those_of_librosa():
    import librosa

    expected = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    assert np.array_equal(audio.mel._mel_basis(), expected) and audio.mel._mel_basis().dtype == expected.dtype


def test_mel_of_any_sound_needs_no_slow_import(tmp_path):
    """numba and scipy.signal take two seconds to start, longer than all the rest of a short sound."""
    soundfile.write(tmp_path / "a.wav", tone(0.5, 44100), 44100)
    script = (
        "import sys; from w2l import audio; print(audio.melspectrogram(audio.load(sys.argv[1])).shape);"
        "assert not {'librosa', 'numba', 'scipy.signal', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "a.wav"], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "(80, 41)\n", done.stderr


def test_mel_agrees_with_a_plain_second_implementation():
    """The same spectrogram by a loop over frames and an explicit Fourier sum."""
    import librosa

    wav = AUDIO["wav"][:8000].astype(np.float64)
    emphasised = wav - 0.97 * np.concatenate([[0.0], wav[:-1]])
    padded = np.pad(emphasised, 400, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 800)
    basis = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(401), np.arange(800)) / 800)
    for k in (0, 7, 23, 40):
        power = basis @ np.abs(fourier @ (padded[200 * k : 200 * k + 800] * hann))
        expected = np.clip(8 * ((20 * np.log10(np.maximum(1e-5, power)) - 20 + 100) / 100) - 4, -4, 4)
        np.testing.assert_allclose(audio.melspectrogram(wav)[:, k], expected, atol=1e-3)


@pytest.mark.parametrize("n", [1, 199, 200, 399, 400, 401, 799, 800, 801, 16000])
def test_mel_has_a_column_every_200_samples(n):
    mel = audio.melspectrogram(tone(2, 16000)[:n])
    assert mel.shape == (80, 1 + n // 200)
    assert np.isfinite(mel).all()


def test_silence_is_exactly_minus_four():
    assert (audio.melspectrogram(np.zeros(3000, np.float32)) == -4).all()


def test_mel_of_long_sound_is_that_of_its_whole(monkeypatch):
    """It is worked out in blocks, to the same numbers."""
    wav = tone(3.3, 16000) * np.random.default_rng(0).uniform(0.1, 1, 52800).astype(np.float32)
    whole = audio.melspectrogram(wav)
    assert whole.shape == (80, 265)
    for block in (1, 7, 100, 264):
        monkeypatch.setattr(audio.mel, "_MEL_BLOCK", block)
        np.testing.assert_array_equal(audio.melspectrogram(wav), whole)


def test_mel_refuses_broken_sound():
    with pytest.raises(W2LError, match="NaN"):
        audio.melspectrogram(np.full(1000, np.nan, np.float32))
    with pytest.raises(ValueError, match="mono"):
        audio.melspectrogram(np.zeros((1000, 2), np.float32))


@pytest.mark.parametrize("key", [k for k in AUDIO.files if k.startswith("mel_start_fps")])
def test_window_starts_are_the_published_ones(key):
    published = AUDIO[key][:-1]  # its last window is the early stop
    starts = audio.window_starts(float(key.removeprefix("mel_start_fps")), len(published))
    np.testing.assert_array_equal(starts, published)


def test_shift_of_one_frame_starts_where_training_did():
    """Published training feeds frame t the window of frame t - 1: floor(3.2 (t - 1))."""
    expected = [int(80 * ((t - 1) / 25)) for t in range(1, 200)]
    np.testing.assert_array_equal(audio.window_starts(25, 200, shift=-1)[1:], expected)


def test_windows_reach_the_last_frame_and_hold_the_mel():
    mel = np.random.default_rng(0).uniform(-4, 4, (80, 300)).astype(np.float32)
    windows = audio.mel_windows(mel, 25, 94, shift=-1)
    assert windows.shape == (94, 80, 16) and windows.dtype == np.float32
    starts = audio.window_starts(25, 94, -1)
    assert starts[0] < 0 and starts[-1] + 16 > 300  # the edges are tried here
    for i, start in enumerate(starts):
        for column in range(16):
            at = start + column
            expected = mel[:, at] if 0 <= at < 300 else np.full(80, -4, np.float32)
            np.testing.assert_array_equal(windows[i, :, column], expected)


@pytest.mark.parametrize("fps", [25, 29.97, 60])
@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_windows_of_a_part_are_a_part_of_the_windows(fps, shift):
    mel = np.random.default_rng(0).uniform(-4, 4, (80, 200)).astype(np.float32)
    whole = audio.mel_windows(mel, fps, 170, shift)
    for start, n in ((0, 5), (1, 1), (43, 60), (160, 10), (170, 0)):
        part = audio.mel_windows(mel, fps, n, shift, start=start)
        assert part.shape == (n, 80, 16) and part.dtype == np.float32 and part.flags.c_contiguous
        np.testing.assert_array_equal(part, whole[start : start + n])
        np.testing.assert_array_equal(
            audio.window_starts(fps, n, shift, start), audio.window_starts(fps, 170, shift)[start : start + n]
        )
    assert (audio.mel_windows(mel, fps, 3, shift, start=10_000) == -4).all()


def test_windows_refuse_a_wrong_frame_rate():
    for fps in (0, -25, float("nan")):
        with pytest.raises(W2LError, match="frame rate"):
            audio.mel_windows(np.zeros((80, 50), np.float32), fps, 10)


def test_the_mel_of_a_stretch_is_that_of_the_whole():
    wav = np.random.default_rng(0).uniform(-0.3, 0.3, 48_000).astype(np.float32)
    whole = audio.melspectrogram(wav)
    assert np.array_equal(audio.mel_of_frames(wav, 0, 75), whole)
    for first in (1, 5, 20, 70):  # frames that begin on a column of the whole are those of it
        stretch = audio.mel_of_frames(wav, first, 5)
        assert stretch.shape == (80, 17)
        if first % 5 == 0 and first < 70:
            assert np.allclose(stretch, whole[:, first * 16 // 5 : first * 16 // 5 + 17], atol=1e-4)
    assert audio.mel_of_frames(wav, 73, 5).shape == (80, 1 + 2 * 16 // 5)
