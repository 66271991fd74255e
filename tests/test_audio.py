"""The signal path: exact against the published one, any file in, one mel window for every frame."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from w2l import audio
from w2l.errors import W2LError

GOLDEN = np.load(Path(__file__).parent / "golden" / "audio.npz")
CLIPS = Path(__file__).resolve().parents[2] / "shared" / "clips"


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def test_mel_equals_the_published_one():
    mel = audio.melspectrogram(GOLDEN["wav"])
    assert mel.dtype == np.float32 and mel.shape == GOLDEN["mel"].shape
    assert np.abs(mel - GOLDEN["mel"]).max() < 1e-4


def test_mel_agrees_with_a_plain_second_implementation():
    """The same spectrogram by a loop over frames and an explicit Fourier sum."""
    import librosa

    wav = GOLDEN["wav"][:8000].astype(np.float64)
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


def test_mel_refuses_broken_sound():
    with pytest.raises(W2LError, match="NaN"):
        audio.melspectrogram(np.full(1000, np.nan, np.float32))
    with pytest.raises(ValueError, match="mono"):
        audio.melspectrogram(np.zeros((1000, 2), np.float32))


@pytest.mark.parametrize("key", [k for k in GOLDEN.files if k.startswith("mel_start_fps")])
def test_window_starts_are_the_published_ones(key):
    published = GOLDEN[key][:-1]  # its last window is the early stop
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


def test_windows_refuse_a_wrong_frame_rate():
    for fps in (0, -25, float("nan")):
        with pytest.raises(W2LError, match="frame rate"):
            audio.mel_windows(np.zeros((80, 50), np.float32), fps, 10)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_load_resamples_and_averages_channels(tmp_path, rate):
    stereo = np.stack([tone(0.5, rate), np.zeros(int(rate * 0.5), np.float32)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, rate, subtype="FLOAT")
    wav = audio.load(tmp_path / "a.wav")
    assert wav.dtype == np.float32 and wav.ndim == 1 and abs(len(wav) - 8000) <= 1
    np.testing.assert_allclose(wav[500:7500], tone(0.5, 16000)[500:7500] / 2, atol=2e-3)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_load_reads_every_sample_format(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", tone(0.2, 16000), 16000, subtype=subtype)
    np.testing.assert_allclose(
        audio.load(tmp_path / "a.wav"), tone(0.2, 16000), atol=0.01 if subtype == "PCM_U8" else 1e-4
    )


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_load_reads_compressed_sound(tmp_path, name):
    soundfile.write(tmp_path / name, tone(1.0, 44100), 44100)
    wav = audio.load(tmp_path / name)
    assert abs(len(wav) - 16000) < 1200
    assert abs(np.abs(wav[4000:12000]).max() - 0.5) < 0.05


def test_load_says_what_is_wrong(tmp_path):
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0, np.float32), 16000)
    for name, said in (
        ("absent.wav", "no such"),
        ("text.wav", "cannot be read"),
        ("empty.wav", "cannot be read"),
        ("nothing.wav", "no sound samples"),
    ):
        with pytest.raises(W2LError, match=said):
            audio.load(tmp_path / name)


def test_sound_of_a_video_starts_with_the_picture(tmp_path):
    """A sound stream that begins 0.4 s after the first picture is led in by silence."""
    import av

    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for i in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="bgr24")
            frame.pts = i
            container.mux(video.encode(frame))
        block = av.AudioFrame.from_ndarray(
            (tone(0.5, 16000)[None] * 32767).astype(np.int16), format="s16", layout="mono"
        )
        block.sample_rate, block.pts = 16000, 6400
        container.mux(sound.encode(block))
        container.mux(video.encode())
        container.mux(sound.encode())
    wav = audio.load(path)
    assert abs(int(np.argmax(np.abs(wav) > 0.1)) - 6400) < 50


def test_is_silent():
    assert audio.is_silent(np.zeros(100, np.float32)) and audio.is_silent(np.zeros(0, np.float32))
    assert not audio.is_silent(tone(0.1, 16000))


@pytest.mark.skipif(not CLIPS.is_dir(), reason="no shared clips here")
@pytest.mark.parametrize("path", sorted(CLIPS.glob("audio/*")), ids=lambda p: p.name)
def test_real_sounds_load(path):
    if path.stat().st_size < 100:
        with pytest.raises(W2LError, match="no sound samples"):
            audio.load(path)
        return
    wav = audio.load(path)
    assert len(wav) > 12000 and not audio.is_silent(wav)
