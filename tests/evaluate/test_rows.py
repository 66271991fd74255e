"""Rows: a clip, or a generated clip beside the real one; nothing that is wrong with one spoils another."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.films import read, write

from w2l import talker
from w2l.evaluate import rows, sources
from w2l.evaluate.report.collect import report_pairs
from w2l.evaluate.rows import guarded
from w2l.evaluate.sources import Pair
from w2l.sync.stretches import Stretch

FRAMES = 50


def test_a_pair_is_measured_against_picture_and_truth(folders, tools):
    real = folders / "real" / "1.mp4"
    row = rows.measure_pair(Pair("1", folders / "made" / "1.mp4", real, real), tools)
    figures = row.figures
    assert row.frames == FRAMES and figures["offset"] == 0 and figures["confidence"] > 0.3
    assert 15 < figures["psnr"] < 40 and 0.3 < figures["ssim"] < 0.99 and figures["sharpness"] < 0.5
    assert figures["opening_r"] > 0.9 and figures["closures"] > 0.5 and figures["lag"] == 0
    assert "lse_d" not in figures  # no figure of the published network from another one
    assert row.strip.shape[0] == 2 * 96 and row.openings is not None and not row.notes
    itself = rows.measure_pair(Pair("0", real, real, real), tools).figures
    assert itself["psnr"] == 100 and itself["ssim"] == pytest.approx(1) and itself["jitter_ratio"] == 1


def test_without_truth_the_real_mouth_is_the_measure(folders, tools, tmp_path):
    frames, (_, wav) = read(folders / "real" / "0.mp4"), talker.speech(talker.make_speaker("validation", 0), seconds=2)
    real = write(tmp_path / "plain.mp4", frames, wav)
    row = rows.measure_pair(Pair("0", folders / "made" / "0.mp4", real, real), tools)
    assert row.figures["opening_r"] > 0.9 and "meter reads from the real clip" in row.notes[0]
    assert "closures" not in row.figures


def test_other_words_are_not_compared_pixel_by_pixel(folders, tools):
    """The face of 0 with the words of 1: its mouth is measured against the truth of 1."""
    pair = Pair("0", folders / "made" / "0.mp4", folders / "real" / "0.mp4", folders / "real" / "1.mp4", False)
    figures = rows.measure_pair(pair, tools).figures
    assert not {"psnr", "ssim", "mouth_l1", "lower_l1"} & figures.keys() and "sharpness" in figures
    assert figures["opening_r"] < 0.6  # it still says what 0 says


def test_other_words_without_truth_are_read_from_their_own_clip(drawn_folders, tools, tmp_path):
    """The face of 0 says the words of 1, of which there is only a clip: the mouth must be that of the clip."""
    words = shutil.copy(drawn_folders / "real" / "1.mp4", tmp_path / "words.mp4")  # without its truth
    pair = Pair("1", drawn_folders / "made" / "1.mp4", drawn_folders / "real" / "0.mp4", Path(words), False)
    row = rows.measure_pair(pair, tools)
    assert row.figures["opening_r"] > 0.9 and row.figures["lag"] == 0 and 0.7 < row.figures["amplitude"] < 1.1
    assert "meter reads from the clip of the words" in row.notes[-1] and "psnr" not in row.figures
    old = rows.measure_pair(replace(pair, generated=drawn_folders / "made" / "0.mp4"), tools)
    assert old.figures["opening_r"] < 0.6  # it still says what 0 says


@pytest.mark.parametrize("starts", [(0, 10), (10, 0)])
def test_a_face_that_comes_later_is_compared_at_the_same_times(folders, tools, tmp_path, monkeypatch, starts):
    """starts: the first frame that shows the face of the real clip, and that of whoever says the words."""
    words = Path(shutil.copy(folders / "real" / "1.mp4", tmp_path / "words.mp4"))
    pair = Pair("1", folders / "made" / "1.mp4", folders / "real" / "0.mp4", words, False)
    box = np.tile(np.array([0, 0, 96, 96], np.float32), (FRAMES, 1))
    of = dict(zip((pair.real, words), starts, strict=True))
    monkeypatch.setattr(rows, "_stretches", lambda path, protocol: [Stretch(of[path], box[of[path] :])])
    row = rows.measure_pair(pair, tools)
    assert row.figures["opening_r"] > 0.9 and row.figures["lag"] == 0
    assert [len(one) for one in row.openings] == [40, 40]


def test_a_dub_is_as_long_as_the_words_of_another(folders, tools, tmp_path):
    made, (_, wav) = read(folders / "made" / "1.mp4"), talker.speech(talker.make_speaker("validation", 1), seconds=2)
    write(tmp_path / "shorter.mp4", made[:30], wav[: 30 * 640])
    pair = Pair("1", tmp_path / "shorter.mp4", folders / "real" / "0.mp4", folders / "real" / "1.mp4", False)
    row = rows.measure_pair(pair, tools)
    assert row.frames == 30 and [len(one) for one in row.openings] == [30, 30]
    assert row.figures["opening_r"] > 0.9


def test_words_that_are_only_a_sound_have_no_mouth(folders, tools, tmp_path):
    _, wav = talker.speech(talker.make_speaker("validation", 1), seconds=2)
    soundfile.write(tmp_path / "words.wav", wav, 16000)
    pair = Pair("1", folders / "made" / "1.mp4", folders / "real" / "0.mp4", tmp_path / "words.wav", False)
    row = rows.measure_pair(pair, tools)
    assert not row.fault and "opening_r" not in row.figures and "sharpness" in row.figures


def test_one_clip_alone(folders, tools):
    row = rows.measure_clip(folders / "real" / "1.mp4", tools)
    assert row.figures["offset"] == 0 and row.figures["opening_r"] > 0.9 and "psnr" not in row.figures
    assert row.strip.shape[0] == 96


def test_what_is_wrong_with_one_spoils_no_other(folders, tools, tmp_path):
    """No sound, another length, another size, a missing partner, broken files: a sentence each, and figures beside."""
    frames, (_, wav) = read(folders / "real" / "0.mp4"), talker.speech(talker.make_speaker("validation", 0), seconds=2)
    real, made = tmp_path / "real", tmp_path / "made"
    for name in ("good", "mute", "short", "small", "broken", "alone"):
        write(real / f"{name}.mp4", frames, wav)
    write(made / "good.mp4", frames, wav)
    write(made / "mute.mp4", frames, None)
    write(made / "short.mp4", frames[:30], wav[: 30 * 640])
    write(made / "small.mp4", frames[:, ::2, ::2], wav)
    (made / "broken.mp4").write_bytes(b"\x00\x01 not a video")
    write(made / "stranger.mp4", frames, wav)
    found = report_pairs(sources.pair_folders(real, made), tools)
    faults = {row.name: row.fault for row in found.rows}
    assert faults.pop("good") == ""
    said = {
        "mute": "no sound",
        "short": "ends after",
        "small": "96x96",
        "broken": "broken.mp4",
        "alone": "no generated clip",
        "stranger": "no real clip",
    }
    assert faults.keys() == said.keys()
    for name, words in said.items():
        assert words in faults[name] and faults[name].count("\n") == 0 and faults[name].endswith(".")
    assert found.mean("psnr").count == 1 and math.isfinite(found.mean("psnr").mean)
    assert "NaN" not in found.to_json() and "nan" not in found.to_text()


def test_odd_errors_of_decoders_become_sentences():
    def fails():
        raise ZeroDivisionError("division by zero")

    row = guarded("clip", fails)
    assert row.fault == "it could not be measured (ZeroDivisionError: division by zero)."


def test_long_clips_keep_few_moments():
    moments = rows._Strip()
    face = np.zeros((64, 96, 96, 3), np.uint8)
    for block in range(40):
        moments.add(None, face + np.uint8(block))
        assert len(moments._kept) < 80
    strip = moments.strip()
    assert strip.shape == (96, 960, 3)
    assert strip[0, 0, 0] == 0 and strip[0, -1, 0] >= 36 and (np.diff(strip[0, ::96, 0].astype(int)) > 0).all()
