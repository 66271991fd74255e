"""The signal path: exact against the published one, any file in, one mel window for every frame."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from helpers.places import GOLDEN

from w2l import audio
from w2l.errors import W2LError

AUDIO = np.load(GOLDEN / "audio.npz")


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def test_mel_equals_the_published_one():
    mel = audio.melspectrogram(AUDIO["wav"])
    assert mel.dtype == np.float32 and mel.shape == AUDIO["mel"].shape
    assert np.abs(mel - AUDIO["mel"]).max() < 1e-4


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
        monkeypatch.setattr(audio, "_MEL_BLOCK", block)
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
    (tmp_path / "noise.wav").write_bytes(np.random.default_rng(0).bytes(10_000))
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0, np.float32), 16000)
    for name, said in (
        ("absent.wav", "no such"),
        ("a" * 300, "no such"),
        ("text.wav", "is a text file, not sound"),
        ("empty.wav", r"is empty \(0 bytes\)"),
        ("noise.wav", "cannot be read"),
        ("nothing.wav", "no sound samples"),
    ):
        with pytest.raises(W2LError, match=said):
            audio.load(tmp_path / name)


def written(path: Path, *streams: tuple[str, np.ndarray, float], picture_at: float | None = None) -> Path:
    """A file with sound streams of (codec, samples at 16 kHz, seconds at which they begin), and a second of picture."""
    with av.open(str(path), "w") as container:
        sounds = [container.add_stream(codec, rate=16000, layout="mono") for codec, _, _ in streams]
        if picture_at is not None:
            picture = container.add_stream("mpeg4", rate=25)
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
            for i in range(25):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="bgr24")
                frame.pts, frame.time_base = i + round(25 * picture_at), Fraction(1, 25)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        for sound, (_, samples, begins) in zip(sounds, streams, strict=True):
            block = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 16000, round(16000 * begins), Fraction(1, 16000)
            container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(
    ("sound_at", "picture_at", "seconds"),
    [
        (0, 0, 0.5),
        (0.4, 0, 0.9),  # led in by silence
        (0, 0.2, 0.3),  # cut
        (0, 2, 0.5),  # over before the picture begins: the clocks cannot be meant
        (4000, 0, 0.5),  # an hour late: nor these
    ],
)
def test_sound_and_picture_begin_together(tmp_path, sound_at, picture_at, seconds):
    path = written(tmp_path / "clip.mkv", ("pcm_s16le", tone(0.5, 16000), sound_at), picture_at=picture_at)
    wav, rate = audio.decode(path)
    assert rate == 16000 and wav.shape == (pytest.approx(16000 * seconds, abs=40), 1)
    assert np.abs(wav[-4000:]).max() > 0.4


def test_a_damaged_part_is_silent_and_the_rest_keeps_its_time(tmp_path):
    wav = tone(3.0, 16000, hertz=300)
    wav[24000:] *= 0.5
    path = written(tmp_path / "a.m4a", ("aac", wav, 0))
    whole = audio.load(path)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux() if p.size]
    data = bytearray(path.read_bytes())
    for at, size in packets[10:15]:
        data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    damaged = audio.load(path)
    assert len(damaged) == len(whole)
    assert np.abs(damaged[11 * 1024 : 13 * 1024]).max() < 0.01
    np.testing.assert_allclose(damaged[18 * 1024 :], whole[18 * 1024 :], atol=0.01)


def test_sound_that_nothing_decodes(tmp_path):
    """Phones add a second sound stream that FFmpeg has no decoder for: the other is taken; alone it is named."""
    path = written(tmp_path / "two.mkv", ("pcm_s16le", tone(0.5, 16000), 0), ("flac", tone(0.7, 16000, 880), 0))
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_PCM/INT/LUT"))
    assert len(audio.load(path)) == pytest.approx(0.7 * 16000, abs=10)
    path.write_bytes(path.read_bytes().replace(b"A_FLAC", b"A_FLUC"))
    with pytest.raises(W2LError, match="sound that cannot be decoded"):
        audio.load(path)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_numbers_are_silent(tmp_path, subtype):
    wav = tone(0.2, 16000).astype(np.float64)
    wav[100:106] = [np.nan, np.inf, -np.inf, 1e30, -1e37, 2.5]
    soundfile.write(tmp_path / "a.wav", wav, 16000, subtype=subtype)
    got, _ = audio.decode(tmp_path / "a.wav")
    assert got[100:106, 0].tolist() == [0, 0, 0, 0, 0, 2.5]
    np.testing.assert_allclose(got[106:, 0], wav[106:], atol=1e-6)


def test_tags_and_names_do_no_harm(tmp_path):
    """Tags that are not UTF-8, and a name that a playlist or a pattern could have."""
    path = tmp_path / "50%03d: concat|a?.wav"
    soundfile.write(path, tone(0.2, 16000), 16000)
    tag = b"LIST" + (18).to_bytes(4, "little") + b"INFOINAM" + (6).to_bytes(4, "little") + "Grüße\0".encode("latin-1")
    data = path.read_bytes() + tag
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    assert len(audio.load(path)) == 3200


def test_a_playlist_is_not_followed(tmp_path):
    soundfile.write(tmp_path / "secret.wav", tone(0.2, 16000), 16000)
    for text in (
        f"ffconcat version 1.0\nfile {tmp_path}/secret.wav\n",
        "#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n",
    ):
        (tmp_path / "list.mp3").write_text(text)
        with pytest.raises(W2LError, match="text file"):
            audio.load(tmp_path / "list.mp3")


def test_is_silent():
    assert audio.is_silent(np.zeros(100, np.float32)) and audio.is_silent(np.zeros(0, np.float32))
    assert not audio.is_silent(tone(0.1, 16000))


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
