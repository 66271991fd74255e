"""The frames of a dub: extended, held, read backwards, lifted off their background."""

import weakref

import numpy as np
import pytest
from helpers.dubs import SIZE, number, run_dub, seen, write_speech

from w2l import audio, video
from w2l.dubbing import footage as footage_module
from w2l.dubbing.footage import back_and_forth


@pytest.mark.parametrize(
    ("extend", "expected"),
    [
        ("pingpong", [*range(20), *range(18, 8, -1)]),
        ("loop", [*range(20), *range(10)]),
        ("hold", [*range(20), *[19] * 10]),
        ("trim", list(range(20))),
    ],
)
def test_speech_longer_than_the_clip(tmp_path, clip, generator, extend, expected):
    spoken = write_speech(tmp_path / "s.wav", 1.2)
    result, moments = seen(clip, spoken, tmp_path / "o.mp4", generator, extend=extend)
    assert [number(moment.frame) for moment in moments] == expected
    assert result.n_frames == len(expected)
    heard = len(audio.load(result.path)) / 16000
    assert heard == pytest.approx(len(expected) / 25, abs=0.08)
    assert len([note for note in result.notes if "speech" in note]) == 1


def test_static_stands_still(tmp_path, clip, generator):
    spoken = write_speech(tmp_path / "s.wav", 0.6)
    result, moments = seen(clip, spoken, tmp_path / "o.mp4", generator, static=True)
    assert [number(moment.frame) for moment in moments] == [0] * 15
    assert result.notes == []


@pytest.mark.parametrize("held", [4, 7, 1000])
def test_a_short_clip_runs_back_and_forth(tmp_path, clip, generator, monkeypatch, held):
    monkeypatch.setattr(footage_module, "_BLOCK_BYTES", held * 3 * SIZE * SIZE)
    speech = write_speech(tmp_path / "speech.wav", 2.32)
    seen = []
    result = run_dub(clip, speech, tmp_path / "out.mp4", generator, watch=lambda m: seen.append(number(m.frame)))
    there_and_back = [*range(20), *range(18, 0, -1)]
    assert seen == (there_and_back * 2)[:58]
    assert any("backwards" in note for note in result.notes)


@pytest.mark.parametrize(("length", "expected"), [(1, [0] * 7), (2, [0, 1] * 4), (4, [0, 1, 2, 3, 2, 1, 0, 1, 2])])
def test_back_and_forth(length, expected):
    assert [back_and_forth(i, length) for i in range(len(expected))] == expected


def test_what_is_lifted_off_its_ground_falls_back_on_it():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (40, 30, 3)).astype(float)
    cover = rng.integers(0, 256, (40, 30, 1)) / 255
    white, black = (np.rint(colours * cover + ground * (1 - cover)).astype(np.uint8) for ground in (255, 0))
    result = np.maximum(white, np.rint(255 * (1 - cover)).astype(np.uint8))
    lifted, alpha = footage_module.lift(result, white, black)
    assert np.abs(alpha - 255.0 * cover[..., 0]).max() <= 1
    again = lifted * (alpha[..., None] / 255) + 255 - alpha[..., None]
    assert np.abs(again - result)[alpha > 0].max() <= 2


def test_frames_are_not_piled_up(tmp_path, clip, generator, monkeypatch):
    """However long the speech, only a few frames are in memory: the batches and what the queues hold."""
    alive, most = weakref.WeakSet(), [0]

    class Frame(np.ndarray):
        """An array that can be counted."""

    read = video.read_frames

    def counted(*arguments, **options):
        for frame in read(*arguments, **options):
            one = frame.view(Frame)
            alive.add(_Key(one))
            most[0] = max(most[0], len(alive))
            yield one

    class _Key:
        def __init__(self, array):
            array.key = self

    monkeypatch.setattr(footage_module, "_BLOCK_BYTES", 0)
    monkeypatch.setattr(video, "read_frames", counted)
    run_dub(clip, write_speech(tmp_path / "s.wav", 8.0), tmp_path / "out.mp4", generator, batch_size=4)
    assert 4 <= most[0] <= 4 * 4 + 8
