"""Robustness curves: what each condition does, what the stored curves say, and one condition measured anew."""

from __future__ import annotations

import numpy as np
import pytest

from w2l import talker
from w2l.base import paths
from w2l.cli.main import main
from w2l.errors import W2LError
from w2l.evaluate.studies import robustness
from w2l.evaluate.studies.robustness import AXES, FIGURES, Bench, Curves, add_noise


@pytest.mark.parametrize("decibels", [20, 0, -5])
def test_noise_lies_as_far_below_the_speech_as_said(decibels):
    rng = np.random.default_rng(0)
    wav = np.concatenate([np.zeros(16000), 0.2 * np.sin(np.arange(16000) * 0.3)]).astype(np.float32)
    noisy = add_noise(wav, decibels, rng)
    level = np.abs(noisy[16000:] @ wav[16000:]) / (wav[16000:] @ wav[16000:])  # it may have been scaled down
    noise = noisy[:16000] / level
    found = 10 * np.log10(np.mean(wav[16000:] ** 2) / np.mean(noise**2))
    assert found == pytest.approx(decibels, abs=0.5) and np.abs(noisy).max() <= 1


def test_conditions_do_what_they_say(tools):
    bench = Bench("classroom_generator", tools, "validation", seconds=1.0)
    plain = bench._take(0, "voice", "formant", 25.0)
    noisy = bench._take(0, "noise", 0, 25.0)
    assert (plain.truth == noisy.truth).all() and (plain.frames == noisy.frames).all()
    assert noisy.mel.mean() > plain.mel.mean() + 0.5
    slow = bench._take(0, "fps", 12.5, 12.5)
    assert len(slow.frames) == len(slow.truth) == round(12.5) and len(plain.frames) == 25
    turned = bench._take(0, "turn", 20, 25.0)
    assert np.abs(turned.frames.astype(int) - plain.frames).mean() > 3
    for axis, value in (("face", 16), ("jpeg", 5)):
        spoiled = robustness._spoil(plain.frames, axis, value)
        assert spoiled.shape == plain.frames.shape and np.abs(spoiled.astype(int) - plain.frames).mean() > 1


def made():
    """Curves with one axis that breaks at 0 dB and one that holds."""
    values = {}
    for name, numbers in (("noise", (1.0, 0.95, 0.9, 0.85, 0.5, 0.2)), ("jpeg", (1.0, 0.99, 0.98, 0.97, 0.96))):
        axis = next(axis for axis in AXES if axis.name == name)
        values[name] = {
            str(v): {figure: [n, n - 0.02] for figure in FIGURES} for v, n in zip(axis.values, numbers, strict=True)
        }
    return Curves({"date": "today"}, values)


def test_curves_say_where_it_breaks(tmp_path):
    curves = made()
    noise, jpeg = curves.axes()
    assert (noise.name, jpeg.name) == ("noise", "jpeg")
    assert curves.breaks(noise, "opening_r") == 0 and curves.breaks(jpeg, "opening_r") is None
    text = curves.to_markdown()
    assert "| noise | dB of white noise below the speech | 0 | 0 | 0 | 0 |" in text and "| holds |" in text
    assert "| noise -5 | 0.19 [0.18, 0.20] |" in text
    assert robustness.read(curves.write(tmp_path / "curves.json")) == curves
    panels = curves.figure().axes
    assert [panel.get_title() for panel in panels] == ["noise", "jpeg"]
    for panel, axis in zip(panels, (noise, jpeg), strict=True):
        drawn = [line.get_ydata().tolist() for line in panel.lines]
        assert drawn == [[curves.estimate(axis.name, v, figure).mean for v in axis.values] for figure in FIGURES]
    with pytest.raises(W2LError, match="no curves"):
        robustness.read(tmp_path / "none.json")


def test_wrong_questions_are_refused(tools):
    with pytest.raises(W2LError, match="'weather'"):
        robustness.measure(tools, axes=["weather"])
    with pytest.raises(W2LError, match="at least 2"):
        robustness.measure(tools, count=1)


def test_a_condition_measured_anew(tools, monkeypatch):
    """Two talkers, sound clean and drowned: the mouth follows the one and not the other."""
    axis = robustness.Axis("noise", (40, -30), "dB")
    monkeypatch.setattr(robustness, "AXES", (axis,))
    told = []
    curves = robustness.measure(tools, count=2, split="validation", seconds=2.0, done=told.append)
    assert len(told) == 1 and curves.facts["talkers"] == 2
    clean, drowned = (curves.estimate("noise", value, "opening_r").mean for value in axis.values)
    assert clean > 0.7 and drowned < clean - 0.3
    assert robustness.measure(tools, count=2, split="validation", seconds=2.0, known=curves) == curves  # at once
    assert curves.estimate("noise", 40, "real_opening_r").mean > 0.95  # the picture is as clean as before
    assert curves.estimate("noise", 40, "real_confidence").mean > curves.estimate("noise", -30, "real_confidence").mean


def test_stored_curves_of_the_kit(capsys, tmp_path):
    """They are there, each axis whole, and say what any look at them would."""
    assert (paths.data() / robustness.CACHED).is_file()
    curves = robustness.read()
    assert "noise" in curves.values and set(curves.values) <= {axis.name for axis in AXES}
    for axis in curves.axes():
        assert list(curves.values[axis.name]) == [str(value) for value in axis.values]
        easiest = curves.estimate(axis.name, axis.values[0], "opening_r")
        assert easiest.mean > 0.8 and easiest.count == curves.facts["talkers"] >= 4
    assert curves.breaks(AXES[0], "real_opening_r") is None  # noise does not touch the real picture
    assert main(["evaluate", "robustness", "--report", str(tmp_path)]) == 0
    assert (
        "Where a figure first falls below 0.8 of its value in the easiest condition (holds: nowhere):"
        in capsys.readouterr().out
    )
    page = (tmp_path / "robustness.html").read_text(encoding="utf8")
    assert page.count("<svg") == 1 and page.count('id="axes_') == len(curves.axes()) and "<td>holds</td>" in page


def test_voices_of_other_languages(tools):
    pytest.importorskip("espeakng_loader")
    bench = Bench("classroom_generator", tools, "test", seconds=1.0)
    german, french = (bench._take(0, "voice", language, 25.0) for language in ("de", "fr"))
    assert german.mel.shape == french.mel.shape and np.abs(german.mel - french.mel).mean() > 0.5
    face = talker.make_speaker("test", 0).face
    assert face == talker.make_speaker("test", 0).face and german.truth.shape == (25, 3)
