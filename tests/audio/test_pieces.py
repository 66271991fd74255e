"""Sound in pieces: what comes out is what the whole would give, as early as it can be certain."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.sounds import tone

from w2l import audio
from w2l.audio.pieces import MelOfPieces, PiecesAtModelRate


def speechlike(seconds, rate, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(round(seconds * rate)) * np.abs(np.sin(np.arange(round(seconds * rate)) * 9 / rate))
    return (tone(seconds + 1 / rate, rate)[: len(noise)] * 0.3 + 0.1 * noise).astype(np.float32)


def cut(wav, size, seed=1):
    """Pieces of this many samples; of 1 to 3000 where size is None."""
    sizes = np.random.default_rng(seed).integers(1, 3000, len(wav)) if size is None else np.full(len(wav), size)
    return np.split(wav, [end for end in np.cumsum(sizes[: len(wav)]).tolist() if end < len(wav)])


@pytest.mark.parametrize("size", [3200, 640, 137, None])
def test_the_mel_of_pieces_is_that_of_the_whole(size):
    wav = speechlike(2.3, 16000)
    mel = MelOfPieces()
    made = np.concatenate([*(mel.feed(piece) for piece in cut(wav, size)), mel.finish()], axis=1)
    whole = audio.melspectrogram(wav)
    assert made.shape == whole.shape and made.dtype == np.float32
    assert np.abs(made - whole).max() < 1e-5


@pytest.mark.parametrize("samples", [0, 1, 199, 200, 399, 400, 401, 799, 800, 801, 1000])
def test_the_mel_of_short_sound_too(samples):
    wav = speechlike(0.1, 16000)[:samples]
    mel = MelOfPieces()
    made = np.concatenate([mel.feed(wav), mel.finish()], axis=1)
    whole = audio.melspectrogram(wav)
    assert made.shape == whole.shape
    assert np.abs(made - whole).max() < 1e-5


def test_a_column_waits_for_half_a_window_and_no_longer():
    wav, mel, given = speechlike(1, 16000), MelOfPieces(), 0
    for heard in range(40, len(wav) + 1, 40):
        given += mel.feed(wav[heard - 40 : heard]).shape[1]
        if heard >= audio.N_FFT:
            assert given == 1 + (heard - audio.N_FFT // 2) // audio.HOP


@pytest.mark.parametrize("rate", [48000, 44100, 22050, 8000, 11025, 16000, 44099])
def test_pieces_at_any_rate_become_what_the_whole_becomes(rate):
    wav = speechlike(1.7, rate)
    stream = PiecesAtModelRate(rate)
    made = [stream.feed(piece) for piece in cut(wav, rate // 5 + 3)]
    heard, given = len(wav) / rate, sum(map(len, made)) / 16000
    made = np.concatenate([*made, stream.feed(wav[:0], last=True)])
    whole = audio.plain_model_rate(wav, rate)
    assert made.shape == whole.shape
    assert np.abs(made - whole).max() < 2e-6  # soxr's own rounding is 1e-7
    assert heard - given <= 0.0086 * max(1, 16000 / rate)


def test_what_is_held_does_not_grow():
    stream, mel = PiecesAtModelRate(44100), MelOfPieces()
    piece = np.zeros(8820, np.float32)
    for _ in range(100):
        mel.feed(stream.feed(piece))
    assert len(stream._held) < 2000 and len(mel._held) < 2000
