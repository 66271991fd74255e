"""Any sound file in: every format, in time with the picture, whole or silent where it is damaged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from helpers.places import SHARED
from helpers.sounds import tone

from w2l import audio
from w2l.errors import W2LError


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


CLICKS = (0.5, 3.0)  # seconds


def clicks(seconds: float = 4.0, rate: int = 48000) -> np.ndarray:
    """Two short beeps in silence."""
    wav = np.zeros(int(seconds * rate), np.float32)
    for at in CLICKS:
        wav[round(at * rate) : round(at * rate) + rate // 100] = tone(0.01, rate, 1000)
    return wav


def heard(path: Path) -> list[float]:
    """The seconds at which beeps begin."""
    wav, rate = audio.decode(path)
    loud = np.flatnonzero(np.abs(wav).max(axis=1) > 0.2)
    return [float(part[0]) / rate for part in np.split(loud, np.flatnonzero(np.diff(loud) > rate // 5) + 1)]


def film(
    path: Path, codec: str, picture: str | None, missing: tuple[float, float] | None = None, delay: float = 0.0,
    kind: str | None = None, rate: int = 48000, **options: str,
) -> Path:  # fmt: skip
    """Four seconds of picture and of `clicks`; the sound `missing`, or before `delay`, was never recorded."""
    wav, packets = clicks(rate=rate), []
    with av.open(str(path), "w", format=kind, options=options) as container:
        sound = container.add_stream(codec, rate=rate, layout="mono")
        sound.bit_rate = 128_000
        if picture is not None:
            shown = container.add_stream(picture, rate=25)
            shown.width, shown.height, shown.pix_fmt = 32, 32, "yuv420p"
            for i in range(100):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 2 * i, np.uint8), format="bgr24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                packets += shown.encode(frame)
            packets += shown.encode(None)
        size = sound.codec_context.frame_size or 1024
        for first in range(0, len(wav) - size + 1, size):
            at = first / rate
            if at < delay or (missing is not None and missing[0] <= at < missing[1]):
                continue
            block = av.AudioFrame.from_ndarray(wav[None, first : first + size], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = rate, first, Fraction(1, rate)
            packets += sound.encode(block)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda one: float((one.dts or 0) * one.time_base)):
            container.mux(packet)
    return path


FILMS = [
    ("a.mkv", "flac", "libx264", {}),
    ("a.webm", "libopus", "libvpx", {}),
    ("a.mp4", "aac", "libx264", {}),
    ("fragments.mp4", "aac", "libx264", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ("a.ts", "aac", "libx264", {}),
    ("a.mpg", "mp2", "mpeg2video", {}),
    ("a.flv", "libmp3lame", "flv", {"rate": 44100}),
    ("a.wmv", "wmav2", "wmv2", {}),
]


@pytest.mark.parametrize(("name", "codec", "picture", "how"), FILMS, ids=[one[0] for one in FILMS])
@pytest.mark.parametrize("what", [{}, {"missing": (1.0, 2.5)}, {"delay": 0.4}], ids=["whole", "a hole", "late"])
def test_sound_follows_its_time_stamps(tmp_path, name, codec, picture, how, what):
    path = film(tmp_path / name, codec, picture, **what, **how)
    assert heard(path) == pytest.approx(CLICKS, abs=0.02)
    wav, rate = audio.decode(path)
    assert len(wav) / rate == pytest.approx(4.0, abs=0.06)


@pytest.mark.parametrize("name", ["a.wma", "a.ogg", "a.m4a"])
def test_a_hole_in_sound_without_a_picture(tmp_path, name):
    codec = {"a.wma": "wmav2", "a.ogg": "libopus", "a.m4a": "aac"}[name]
    first, second = heard(film(tmp_path / name, codec, None, missing=(1.0, 2.5)))
    assert second - first == pytest.approx(2.5, abs=0.005)


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared files are not here")
def test_a_recording_with_a_hole():
    path = SHARED / "faults/sound_hole.mkv"
    wav, rate = audio.decode(path)
    assert heard(path) == pytest.approx(CLICKS, abs=0.02) and len(wav) / rate == pytest.approx(4.0, abs=0.02)


def stamped(path: Path, *stretches: tuple[float, np.ndarray]) -> Path:
    """A file whose stretches of sound at 16 kHz, in blocks of 20 ms, have time stamps that begin where they say."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for begins, wav in stretches:
            for first in range(0, len(wav), 320):
                raw = (wav[first : first + 320] * 32767).astype(np.int16).tobytes()
                packet = av.Packet(raw)
                packet.stream, packet.time_base = sound, Fraction(1, 16000)
                packet.pts = packet.dts = round(16000 * begins) + first
                container.mux(packet)
    return path


@pytest.mark.parametrize("jitter", [0.0, 0.009])
def test_stamps_that_tremble_change_nothing(tmp_path, jitter):
    wav = tone(2.0, 16000) * np.linspace(0.1, 1, 32000, dtype=np.float32)
    blocks = [(i * 0.02 + jitter * (i % 3 - 1) * (i > 0), wav[320 * i : 320 * (i + 1)]) for i in range(100)]
    got, _ = audio.decode(stamped(tmp_path / "a.mka", *blocks))
    np.testing.assert_allclose(got[:, 0], wav, atol=1e-4)


@pytest.mark.parametrize(
    ("stretches", "times"),
    [(((0, 2), (1.2, 4)), CLICKS), (((0, 4), (0, 4)), (0.5, 3.0, 4.5, 7.0))],
    ids=["what comes twice is heard once", "a clock set anew loses nothing"],
)
def test_joined_recordings(tmp_path, stretches, times):
    films = [
        film(tmp_path / f"{first}-{stop}-{i}.ts", "mp2", None, missing=(stop, 9), delay=first)
        for i, (first, stop) in enumerate(stretches)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(one.read_bytes() for one in films))
    assert heard(path) == pytest.approx([at + 0.01 for at in times], abs=0.03)


@pytest.mark.parametrize("jump", [90.0, 5000.0, 1e6])
def test_a_long_hole(tmp_path, jump):
    """It is silent as far as memory allows; else it is told."""
    wav = np.random.default_rng(0).uniform(-0.9, 0.9, 32000).astype(np.float32)
    path = stamped(tmp_path / "a.mka", (10.0, wav[:16000]), (11.0 + jump, wav[16000:]))
    if jump > 90:
        with pytest.raises(W2LError, match="minutes of it are missing"):
            audio.decode(path)
        return
    got, _ = audio.decode(path)
    assert len(got) == 32000 + 16000 * 90


@pytest.mark.parametrize("kind", ["rate", "channels", "ogg", "wav"])
def test_all_of_joined_sound_is_heard(tmp_path, kind):
    """Rate or channels change in the middle, a chained Ogg, two wav files in one: all becomes like the beginning."""
    names = [tmp_path / f"{i}.{'mp3' if kind in ('rate', 'channels') else kind}" for i in range(2)]
    rates = (44100, 44100) if kind == "channels" else (44100, 32000)
    for i, (name, rate) in enumerate(zip(names, rates, strict=True)):
        wav = tone(2.0, rate, (300, 700)[i])
        soundfile.write(name, np.stack([wav, wav], axis=1) if i and kind == "channels" else wav, rate)
    path = tmp_path / f"joined{names[0].suffix}"
    path.write_bytes(b"".join(name.read_bytes() for name in names))
    wav, rate = audio.decode(path)
    assert rate == 44100 and wav.shape[1] == 1
    assert len(wav) / rate == pytest.approx(4.0, abs=0.16)
    for second, hertz in ((1, 300), (3, 700)):
        part = wav[round((second - 0.25) * rate) : round((second + 0.25) * rate), 0]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() * rate / len(part) == pytest.approx(hertz, abs=3)
        assert np.abs(part).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared files are not here")
@pytest.mark.parametrize(("name", "seconds"), [("ratechange.mp3", 4.08), ("chained.ogg", 4.0)])
def test_changes_in_the_middle(name, seconds):
    wav, rate = audio.decode(SHARED / "faults" / name)
    assert len(wav) / rate == pytest.approx(seconds, abs=0.01) and not audio.is_silent(wav[3 * rate :])


def test_more_channels_in_the_middle(tmp_path):
    """A broadcast goes from stereo to surround: its centre is heard on both sides."""
    path = tmp_path / "a.ts"
    with av.open(str(path), "w") as container:
        stereo, surround = (
            container.add_stream("ac3", rate=48000, layout=layout) for layout in ("stereo", "5.1(side)")
        )
        for stream, channels, used in ((stereo, 2, 0), (surround, 6, 2)):
            for first in range(0, 48000, 1536):
                block = np.zeros((channels, 1536), np.float32)
                block[used] = tone(1.1, 48000)[first : first + 1536]
                frame = av.AudioFrame.from_ndarray(block, "fltp", stream.layout.name)
                frame.sample_rate, frame.pts = 48000, first + (48000 if channels == 6 else 0)
                frame.time_base = Fraction(1, 48000)
                for packet in stream.encode(frame):
                    packet.stream = stereo
                    container.mux(packet)
    wav, _ = audio.decode(path)
    assert wav.shape[1] == 2 and len(wav) / 48000 == pytest.approx(2.0, abs=0.1)
    assert np.abs(wav[60_000:90_000]).max(axis=0) == pytest.approx([0.35, 0.35], abs=0.04)


def test_sound_of_an_avi_whose_encoder_looks_ahead(tmp_path):
    """Its pictures are stamped as late as the encoder held them back, its sound is not: both begin together."""
    assert heard(film(tmp_path / "a.avi", "pcm_s16le", "libx264")) == pytest.approx(CLICKS, abs=0.005)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg"])
def test_the_length_is_measured_without_decoding(tmp_path, suffix):
    path = tmp_path / f"sound{suffix}"
    soundfile.write(path, 0.1 * np.sin(np.arange(36000) / 9), 16000)
    assert audio.measure(path) == pytest.approx(2.25, abs=0.12)  # mp3 begins with frames of silence


def test_measuring_tells_what_reading_tells(tmp_path):
    (tmp_path / "text.wav").write_text("no sound\n" * 99)
    for name in ("missing.wav", "text.wav"):
        said = []
        for function in (audio.measure, audio.read):
            with pytest.raises(W2LError) as told:
                function(tmp_path / name)
            said.append(str(told.value))
        assert said[0] == said[1]
