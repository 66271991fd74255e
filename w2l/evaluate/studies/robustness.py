"""Where it breaks: mouth movement and the expert's confidence as sound, picture, pose and voice get harder.

Everything is measured on photographic test talkers, whose truth is known. Each face speaks the next talker's words. For
every condition three things are measured: whether the generated mouth follows the truth, what the expert says of it,
and, on the real clip under the same condition, whether the expert and the mouth meter themselves still work.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2l import talker, weights
from w2l.audio import TRAINING_FPS, melspectrogram
from w2l.base import device, files, paths
from w2l.base.files import hash_of
from w2l.base.progress import progress_bar
from w2l.base.version import __version__
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber
from w2l.evaluate.metrics.bootstrap import Estimate, mean_interval
from w2l.evaluate.metrics.mouth import correlation
from w2l.evaluate.metrics.quality import degraded
from w2l.evaluate.report.figures import draw_bands, new_panels
from w2l.evaluate.rows import Instruments
from w2l.faces.mouths import measure as read_mouths
from w2l.sync.clip import summarise
from w2l.sync.scorer import Scorer
from w2l.talker.cast import Cast
from w2l.talker.voices.espeak import make_espeak_voice, speak
from w2l.talker.voices.recording import record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CACHED = "robustness.json"  # in data/
FIGURES = {
    "opening_r": "correlation of the generated mouth's opening with the true one of the words",
    "confidence": "the expert's confidence in the generated clip",
    "real_confidence": "the expert's confidence in the real clip under the same condition",
    "real_opening_r": "correlation of the opening that the meter reads off that real clip with the true one",
}
_LABELS = {  # in the figure
    "opening_r": "generated mouth",
    "confidence": "expert, generated",
    "real_confidence": "expert, real clip",
    "real_opening_r": "meter, real clip",
}
_SECONDS = 4.0
_CAST = Cast(looks="photo")
_PASSING = ("machine", "date")  # facts that change no figure
_KEPT = 0.8  # share of the easiest condition's figure below which a figure counts as broken


@dataclass(frozen=True)
class Axis:
    """One way of making it harder: values from easy to hard, and their unit."""

    name: str
    values: tuple[Any, ...]
    unit: str


AXES = (
    Axis("noise", (40, 20, 10, 5, 0, -5), "dB of white noise below the speech"),
    Axis("fps", (25, 50, 30, 20, 15, 12.5, 8), "frames a second"),
    Axis("face", (96, 64, 48, 32, 24, 16), "pixels of the face's side"),
    Axis("turn", (0, 10, 20), "degrees to the side"),  # a frontal photograph cannot be turned much further
    Axis("jpeg", (95, 50, 25, 10, 5), "JPEG quality"),
    Axis("voice", ("formant", "recorded", "en-us", "de", "fr", "es", "pl", "tr", "ru", "cmn-latn-pinyin"), "voice"),
)


@dataclass(frozen=True)
class _Take:
    """A talker's clip under a condition: crops at the condition's rate, the mel, and the true mouth (n, 3)."""

    frames: np.ndarray
    mel: np.ndarray
    truth: np.ndarray


class Bench:
    """Measures a generator under one condition after another."""

    def __init__(self, generator: str, tools: Instruments, split: str = "test", seconds: float = _SECONDS) -> None:
        self._dubber = Dubber.load(generator)
        self._tools, self._split, self._seconds = tools, split, seconds

    def measure(self, axis: str, value: Any, count: int) -> dict[str, list[float]]:
        """The `FIGURES` of each of `count` talkers under one condition."""
        rate = float(value) if axis == "fps" else float(TRAINING_FPS)
        takes = [self._take(number, axis, value, rate) for number in range(count)]
        found: dict[str, list[float]] = {name: [] for name in FIGURES}
        for take, other in zip(takes, [*takes[1:], takes[0]], strict=True):
            shown = _spoil(take.frames, axis, value)
            made = self._dubber.speak(shown, other.mel, rate)
            made = _spoil(made, axis, value)  # it is stored in the same way as the real clip
            mouths, real = (read_mouths(self._tools.meter, frames)[:, 0] for frames in (made, shown))
            found["opening_r"].append(correlation(mouths, other.truth[:, 0]))
            found["confidence"].append(self._confidence(made, other.mel, rate))
            found["real_confidence"].append(self._confidence(shown, take.mel, rate))
            found["real_opening_r"].append(correlation(real, take.truth[:, 0]))
        return found

    def _take(self, number: int, axis: str, value: Any, rate: float) -> _Take:
        """The talker, filmed and spoken under the condition; movement and camera are the same under all of them."""
        speaker = talker.make_speaker(self._split, number, cast=_CAST)
        of_sound = np.random.default_rng([number, talker.SPLITS.index(self._split), 8])
        if axis == "voice" and value not in ("formant", "recorded"):
            voice = replace(make_espeak_voice(of_sound, self._split), language=value)
            phones, wav = speak(of_sound, self._seconds, voice)
            speaker = replace(speaker, voice=voice)
        else:
            phones, wav = talker.speech(speaker, seconds=self._seconds)
        if axis == "voice" and value == "recorded":
            wav = record(wav, of_sound)
        if axis == "noise":
            wav = add_noise(wav, value, of_sound)
        count = round(self._seconds * rate)
        filmed = talker.film(speaker, phones, count, fps=rate, yaw=float(value) if axis == "turn" else None)
        frames, truth = zip(*filmed, strict=True)
        return _Take(np.stack(frames), melspectrogram(wav), np.stack(truth))

    def _confidence(self, frames: np.ndarray, mel: np.ndarray, rate: float) -> float:
        """The expert's confidence in the clip as shown at 25 frames a second, each the latest one available."""
        count = round(len(frames) * TRAINING_FPS / rate)
        at = np.minimum((np.arange(count) * rate / TRAINING_FPS + 1e-6).astype(int), len(frames) - 1)
        scorer = Scorer(self._tools.expert, mel)
        scorer.add([self._tools.expert.resize(frame) for frame in frames[at]])
        return summarise(scorer.finish(), self._tools.expert).confidence


def add_noise(wav: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Adds white noise that is `decibels` below the speech (whose level leaves out pauses); float32 (N,), scaled into
    [-1, 1] where it would clip."""
    power = wav.astype(np.float64) ** 2
    loud = power[power > power.mean() / 10]
    speech = float(loud.mean()) if len(loud) else 1e-6
    noisy = wav + rng.standard_normal(len(wav)) * math.sqrt(speech * 10 ** (-decibels / 10))
    return (noisy / max(1.0, float(np.abs(noisy).max()))).astype(np.float32)


def _spoil(frames: np.ndarray, axis: str, value: Any) -> np.ndarray:
    """Frames as the condition degrades them."""
    if axis in ("face", "jpeg"):
        return degraded(frames, "small" if axis == "face" else "jpeg", value)
    return frames


@dataclass(frozen=True)
class Curves:
    """Measured conditions. values: axis -> condition (as text) -> figure -> one number for each talker."""

    facts: dict[str, Any]
    values: dict[str, dict[str, dict[str, list[float]]]]

    def estimate(self, axis: str, value: Any, figure: str) -> Estimate:
        """Mean and interval over talkers."""
        return mean_interval(self.values[axis][str(value)][figure])

    def breaks(self, axis: Axis, figure: str) -> Any | None:
        """The first value, from easy to hard, at which the figure falls under 0.8 of that of the easiest; or None."""
        order = self.measured(axis)
        easy = self.estimate(axis.name, order[0], figure).mean
        return next((v for v in order[1:] if self.estimate(axis.name, v, figure).mean < _KEPT * easy), None)

    def axes(self) -> list[Axis]:
        """The axes that were measured."""
        return [axis for axis in AXES if axis.name in self.values]

    def measured(self, axis: Axis) -> list[Any]:
        """The values of an axis that were measured, from easy to hard."""
        return [value for value in axis.values if str(value) in self.values[axis.name]]

    def to_markdown(self) -> str:
        """A table of all conditions, and one of where it breaks."""
        lines = ["| condition | " + " | ".join(FIGURES) + " |", "|" + "---|" * (len(FIGURES) + 1)]
        for axis in self.axes():
            for value in self.values[axis.name]:
                cells = [self.estimate(axis.name, value, figure).text(2) for figure in FIGURES]
                lines.append(f"| {axis.name} {value} | " + " | ".join(cells) + " |")
        lines += [
            "",
            f"Where a figure first falls below {_KEPT:g} of its value in the easiest condition (holds: nowhere):",
            "",
        ]
        lines += ["| | unit | " + " | ".join(FIGURES) + " |", "|" + "---|" * (len(FIGURES) + 2)]
        for axis in self.axes():
            broken = [self.breaks(axis, figure) for figure in FIGURES]
            cells = ["holds" if one is None else str(one) for one in broken]
            lines.append(f"| {axis.name} | {axis.unit} | " + " | ".join(cells) + " |")
        lines += ["", *(f"- {name}: {meaning}" for name, meaning in FIGURES.items()), ""]
        return "\n".join([*lines, *(f"- {key}: {value}" for key, value in self.facts.items())])

    def figure(self) -> Figure:
        """A panel for each axis, from easy to hard: every one of `FIGURES` with its interval."""
        axes = self.axes()
        figure, panels = new_panels(3, 3.7, 2.7, rows=max(1, -(-len(axes) // 3)))
        for panel, axis in zip(panels, axes, strict=False):
            there = self.measured(axis)
            series = {_LABELS[name]: [self.estimate(axis.name, value, name) for value in there] for name in FIGURES}
            draw_bands(panel, series, [str(value).split("-latn")[0] for value in there], axis.name, axis.unit)
        for panel in panels[len(axes) :]:
            panel.remove()
        for panel in panels[: len(axes) : 3]:
            panel.set_ylabel("correlation, or confidence", fontsize=8)
        if axes:
            panels[0].legend(fontsize=7, frameon=False)
        return figure

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Stores the curves as JSON."""
        return files.write_text(path, json.dumps({"facts": self.facts, "values": self.values}, indent=1) + "\n")


def read(path: str | os.PathLike[str] | None = None) -> Curves:
    """Stored curves, from a file or the kit's own. Raises W2LError when there are none."""
    source = paths.data() / CACHED if path is None else Path(path)
    try:
        stored = json.loads(source.read_text(encoding="utf8"))
        return Curves(stored["facts"], stored["values"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise W2LError(
            f"{source} holds no curves ({error}); make some with 'w2l evaluate robustness --remake'."
        ) from error


def measure(
    tools: Instruments,
    generator: str = "classroom_generator",
    count: int = 8,
    axes: Sequence[str] = (),
    split: str = "test",
    seconds: float = _SECONDS,
    progress: bool = False,
    done: Callable[[Curves], object] | None = None,
    known: Curves | None = None,
) -> Curves:
    """Measures conditions on `count` talkers. axes: names of `AXES`, all of them when empty. done: called after each
    axis with the results so far, so that a long run can be stored as it goes. known: an earlier run, whose axes are
    kept if it had the same weights, talkers and seconds.

    Voices named by a language need espeak-ng. Raises W2LError for unknown axes and fewer than 2 talkers.
    """
    if unknown := [name for name in axes if name not in {axis.name for axis in AXES}]:
        raise W2LError(f"there is no axis {unknown[0]!r}; choose from {', '.join(axis.name for axis in AXES)}.")
    if count < 2:
        raise W2LError(f"{count} talkers cannot swap their words; give at least 2.")
    bench = Bench(generator, tools, split, seconds)
    facts: dict[str, Any] = {
        "generator": generator,
        f"weights {generator}": hash_of(weights.find(generator)),
        **tools.facts(),
    }
    facts |= {
        **_CAST.facts(),
        "talkers": count,
        "split": split,
        "seconds": seconds,
        "w2l": __version__,
        "machine": device.machine(),
    }
    facts["date"] = time.strftime("%Y-%m-%d", time.gmtime())
    alike = known is not None and all(known.facts.get(key) == facts[key] for key in facts if key not in _PASSING)
    curves = Curves(facts, dict(known.values) if known is not None and alike else {})
    for axis in (axis for axis in AXES if (not axes or axis.name in axes) and axis.name not in curves.values):
        conditions = progress_bar(axis.values, desc=axis.name, unit="condition", show=progress)
        found = {str(value): bench.measure(axis.name, value, count) for value in conditions}
        curves.values[axis.name] = {
            value: {name: [round(v, 4) for v in numbers] for name, numbers in figures.items()}
            for value, figures in found.items()
        }
        if done is not None:
            done(curves)
    return curves
