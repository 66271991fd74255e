"""Figures about training, for notebooks 03 and 04: logs, cosines of an expert, mouths and figures of generators."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch import nn

from w2l import models, sync
from w2l.audio import TRAINING_FPS, WINDOW, mel_windows
from w2l.base.lettering import put_text
from w2l.base.palette import SERIES
from w2l.data.clip import FRAMES, Clip
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber, measure_talker
from w2l.evaluate.report.figures import new_panels, sync_figure
from w2l.evaluate.studies.ablation_plan import APART, CUTS
from w2l.faces.mouths import measure
from w2l.notebook.plots import show_light
from w2l.sync.curve import MAX_SHIFT
from w2l.sync.curve import accuracy as pair_accuracy
from w2l.sync.scorer import pair_cosines
from w2l.train.engine.log import read_log

Weights = str | os.PathLike[str]

# What the columns of a log mean, and the value for guessing, or for a perfect result, where there is one.
_MEANING: dict[str, tuple[str, float | None]] = {
    "loss": ("cross-entropy", 0.6931),
    "accuracy": ("share judged right", 0.5),
    "sync": ("the expert's loss", None),
    "l1": ("mean error, 0 to 1", None),
    "mouth_l1": ("mean error in the mouth box, 0 to 1", None),
    "sharpness": ("gradient energy, the truth's = 1", 1.0),
    "opening_r": ("correlation with the true opening", None),
    "confidence": ("best minus median cosine", None),
    "disc_accuracy": ("share judged right", 0.5),
}
_TRUTH = "#222222"
_JUDGED = 60  # frames of a clip
_FIGURES = {  # title in the table -> figure of `measure_talker`
    "opening, new words": "opening_r_new",
    "opening, old words": "opening_r_old",
    "amplitude": "amplitude",
    "box / pasting": "box_over_paste",
    "sharpness": "sharpness",
    "confidence": "confidence_new",
    "sync loss": "sync_loss",
}
_CELL, _NAMES, _TEXT = 96, 150, 13  # pixels: width of a mouth, of the names, height of letters
_PAPER, _INK = (255, 255, 255), (48, 42, 38)


def column(folder: Weights, name: str) -> tuple[np.ndarray, np.ndarray]:
    """One number of a training's log: steps int (n,) and values float (n,), of the rows that have it.

    Raises W2LError when the log has none.
    """
    rows = [row for row in read_log(folder) if name in row]
    if not rows:
        raise W2LError(
            f"there is no {name} in the log of {Path(folder).name}; run the cell that trains in that folder."
        )
    return np.array([int(row["step"]) for row in rows]), np.array([row[name] for row in rows])


def show_log(runs: Mapping[str, Weights], columns: Sequence[str], title: str, until: int | None = None) -> None:
    """Compares training runs, with a panel for each column: training data as thin lines, held-out data as dots.

    runs: label -> run folder. columns: those of log.csv without ``held_out_``, such as loss and accuracy. until: the
    last step shown.
    """
    figure, panels = new_panels(len(columns), 4.2, 3.2)
    for axes, name in zip(panels, columns, strict=True):
        for (label, folder), colour in zip(runs.items(), SERIES, strict=False):
            _draw_run(axes, folder, name, label, colour, until)
        meaning, level = _MEANING.get(name, (name, None))
        axes.set(xlabel="step", ylabel=meaning, title=name.replace("_", " "))
        if level is not None:
            _draw_level(axes, level)
        axes.legend(fontsize=8, frameon=False)
    figure.suptitle(title)
    show_light(figure)


def _draw_run(axes: Any, folder: Weights, name: str, label: str, colour: str, until: int | None) -> None:
    """A number of one run, as a line, and as dots for held-out data; the legend names one of them."""
    known = {key for row in read_log(folder) for key in row}
    shown = [key for key in (name, f"held_out_{name}") if key in known]
    for key in shown:
        steps, values = column(folder, key)
        keep = steps <= (until or steps.max())
        style, width = ("o--", 1.6) if key != name else ("-", 1.0)
        told = label + (" (held out)" if key != name else "") if key == shown[-1] else None
        axes.plot(steps[keep], values[keep], style, color=colour, lw=width, ms=4, label=told)


def _draw_level(axes: Any, level: float) -> None:
    """A value to compare with, such as chance, as a dotted line."""
    axes.axhline(level, color=_TRUTH, lw=0.8, ls=":")


def show_windows(clip: Clip, pairs: Mapping[str, tuple[int, int]]) -> None:
    """What the expert sees, a row for each pair: five mouths starting at one frame, 16 mel columns at another.

    pairs: label -> (first frame of the mouths, first frame of the sound).
    """
    figure, panels = new_panels(FRAMES + 1, 1.5, 1.25, rows=len(pairs))
    for row, (name, (mouths_at, sound_at)) in enumerate(pairs.items()):
        *faces, mel = panels[row * (FRAMES + 1) : (row + 1) * (FRAMES + 1)]
        for number, axes in enumerate(faces):
            axes.imshow(clip.frames[mouths_at + number, 48:, :, ::-1])
        window = mel_windows(clip.mel, TRAINING_FPS, 1, shift=0, start=sound_at)[0]
        mel.imshow(window, origin="lower", aspect="auto", cmap="magma", vmin=-4, vmax=4)
        for axes in (*faces, mel):
            axes.set(xticks=[], yticks=[])
        faces[0].set_ylabel(name)
        mel.set_xlabel("0.2 s of sound")
    show_light(figure)


def cosines(expert: nn.Module, clips: Sequence[Clip], frames: int = 49) -> list[np.ndarray]:
    """For each clip, how well each window of mouths matches each window of sound: float32 (n, n) in [0, 1].

    Rows are mouths, columns sounds, by their first frame; only the first `frames` frames of a clip are used.
    """
    at_work = sync.load_expert(expert)
    return [pair_cosines(at_work, clip.beginning(frames).frames[:], clip.mel.astype(np.float32)) for clip in clips]


def at_distance(scores: Sequence[np.ndarray], distance: int) -> np.ndarray:
    """All cosines of pairs whose sound is `distance` frames from the mouths, to either side; 0: pairs in sync."""
    sides = {distance, -distance}
    return np.concatenate([np.diagonal(one, side) for one in scores for side in sides])


def accuracy(scores: Sequence[np.ndarray]) -> float:
    """Share of pairs judged right at cosine 0.5; off-sync pairs share no frame, and both kinds count half."""
    return float(np.mean([pair_accuracy(one) for one in scores]))


def show_cosines(groups: Mapping[str, np.ndarray], title: str) -> None:
    """Overlaid histograms of cosines, as shares of each group; the dotted line is where the expert decides."""
    figure, (axes,) = new_panels(1, 6.5, 3.2)
    for (label, values), colour in zip(groups.items(), SERIES, strict=False):
        shares = np.full(len(values), 1 / len(values))
        axes.hist(values, np.linspace(0, 1, 41).tolist(), weights=shares, color=colour, alpha=0.55, label=label)
    axes.axvline(0.5, color=_TRUTH, lw=0.8, ls=":")
    axes.set(xlabel="cosine of mouths and sound", ylabel="share of pairs", title=title)
    axes.legend(frameon=False)
    show_light(figure)


def show_matrix(scores: np.ndarray, starts: Sequence[int], title: str) -> None:
    """The cosines of a few windows of one clip as numbers, mouths in rows and sounds in columns."""
    picked = scores[np.ix_(starts, starts)]
    figure, (axes,) = new_panels(1, 5.0, 3.4)
    drawn = axes.imshow(picked, vmin=0, vmax=1, cmap="Blues")
    for (row, column), value in np.ndenumerate(picked):
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else _TRUTH)
    axes.set(xticks=range(len(starts)), yticks=range(len(starts)), xticklabels=starts, yticklabels=starts)
    axes.set(xlabel="first frame of the sound", ylabel="first frame of the mouths", title=title)
    figure.colorbar(drawn, label="cosine", shrink=0.8)
    show_light(figure)


def show_line(points: Mapping[float, float], xlabel: str, ylabel: str, title: str, level: float | None = None) -> None:
    """A line through points x -> y, with a dotted level where given."""
    figure, (axes,) = new_panels(1, 6.5, 2.8)
    axes.plot(list(points), list(points.values()), "o-", color=SERIES[0])
    if level is not None:
        _draw_level(axes, level)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.grid(alpha=0.3)
    show_light(figure)


def show_near_and_short(experts: Mapping[str, Mapping[str, float]]) -> None:
    """Compares experts where a long window is worth most, in two panels: sounds that are nearly right, and short clips.

    experts: label -> figures as `ablation_measures.expert_figures` gives them. Dotted: chance.
    """
    figure, (near, short) = new_panels(2, 4.2, 3.2)
    for (label, found), colour in zip(experts.items(), SERIES, strict=False):
        near.plot(APART, [found[f"apart_{n}"] for n in APART], "o-", color=colour, label=label)
        short.plot([n / TRAINING_FPS for n in CUTS], [found[f"exact_{n}"] for n in CUTS], "o-", color=colour)
    _draw_level(near, 0.5)
    _draw_level(short, 1 / (2 * MAX_SHIFT + 1))
    near.set(xlabel="frames between the two sounds", ylabel="right one chosen", title="Two sounds to choose from")
    short.set(xlabel="seconds of the clip", ylabel="offset exact", title="Short clips", ylim=(0, 1.05))
    near.legend(fontsize=8, frameon=False)
    show_light(figure)


def show_bars(values: Mapping[str, float], xlabel: str, title: str, level: float | None = None) -> None:
    """Bars with their numbers, the first on top, and a dotted level where given, such as chance."""
    names = list(values)[::-1]
    figure, (axes,) = new_panels(1, 6.5, 0.9 + 0.32 * len(names))
    bars = axes.barh(names, [values[name] for name in names], color=SERIES[0])
    axes.bar_label(bars, fmt="%.2f", padding=3)
    if level is not None:
        axes.axvline(level, color=_TRUTH, lw=1, ls=":")
    axes.set(xlabel=xlabel, title=title)
    axes.margins(x=0.12)
    show_light(figure)


def show_curves(curves: Mapping[str, sync.SyncCurve], title: str) -> None:
    """Offset curves: mean score of mouths and sound for each shift of the sound; the best is marked."""
    show_light(sync_figure(curves, title))


def delayed(clip: Clip, frames: int) -> Clip:
    """The clip with its sound `frames` later (negative: earlier); what leaves at one end returns at the other."""
    columns = round(frames * WINDOW / FRAMES)
    return Clip(clip.frames, np.roll(clip.mel, columns, axis=1), clip.truth)


def curve(expert: nn.Module, clip: Clip) -> sync.SyncCurve:
    """The clip's offset curve, as the expert judges it."""
    return sync.offset_curve(sync.load_expert(expert, "cpu"), clip.frames[: clip.starts + FRAMES - 1], clip.mel)


def speak(generator: Weights, clip: Clip, mel: np.ndarray) -> np.ndarray:
    """The clip's face speaking a sound, with one frame of the clip as reference: uint8 (n, 96, 96, 3) BGR."""
    return Dubber.load(generator).speak(clip.frames[:], mel)


def show_mouths(rows: Mapping[str, np.ndarray], moments: Sequence[int] = range(10, 46, 4)) -> None:
    """Lower halves of faces over time, a row for each entry: name -> uint8 (n, 96, 96, 3) frames."""
    from IPython.display import Image, display

    height = _CELL * 56 // 96
    sheet = np.full((len(rows) * (height + 4), _NAMES + len(moments) * (_CELL + 2), 3), _PAPER, np.uint8)
    for number, (name, frames) in enumerate(rows.items()):
        top = number * (height + 4)
        put_text(sheet, name, 4, top + (height - _TEXT) // 2, _TEXT, _INK)
        for column, moment in enumerate(moments):
            left = _NAMES + column * (_CELL + 2)
            lower = cv2.resize(frames[moment, 40:], (_CELL, height), interpolation=cv2.INTER_CUBIC)
            sheet[top : top + height, left : left + _CELL] = lower
    display(Image(data=cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()))


def show_openings(rows: Mapping[str, np.ndarray], new: Clip, old: Clip, title: str) -> None:
    """Opening of mouths over time, as read by the mouth meter, with the truth of the new and of the old words."""
    ruler = models.load("classroom_meter", network="mouth_meter")
    figure, panels = new_panels(len(rows), 9.0 / len(rows), 2.8)
    for (name, frames), colour, axes in zip(rows.items(), SERIES, panels, strict=False):
        seconds = np.arange(len(frames)) / TRAINING_FPS
        axes.plot(seconds, new.known_truth()[: len(frames), 0], color=_TRUTH, lw=1, label="new words, truth")
        axes.plot(seconds, old.known_truth()[: len(frames), 0], color="#aaaaaa", lw=0.8, ls=":", label="old words")
        axes.plot(seconds, measure(ruler, frames)[:, 0], color=colour, label="generated")
        axes.set(xlabel="seconds", title=name, ylim=(-0.5, 15))
    panels[0].set_ylabel("opening, pixels of 96")
    panels[0].legend(fontsize=8, frameon=False, loc="upper right")
    figure.suptitle(title)
    show_light(figure)


def figures(generator: Weights, clips: Sequence[Clip], expert: Weights = "classroom_expert") -> dict[str, float]:
    """Seven figures of a generator, on talkers whose truth is known, each speaking the next one's words.

    opening, new words / old words: correlation of the mouth's opening with the truth of either (medians over clips).
    amplitude: spread of the opening over that of the truth. box / pasting: error in the mouth box on the clip's own
    words, over that of pasting the reference mouth. sharpness: gradient energy of lower faces, the truth's = 1.
    confidence, sync loss: the expert's figures for the new words. Only the first 60 frames of each clip count, without
    the reference frame.
    """
    dubber, judge = Dubber.load(generator), sync.load_expert(expert, "cpu", measure="cosine")
    ruler = models.load("classroom_meter", network="mouth_meter")
    rows = []
    for clip, other in zip(clips, [*clips[1:], clips[0]], strict=True):
        short = clip.beginning(_JUDGED)
        found = measure_talker(dubber, judge, ruler, short, other)
        rows.append(found | {"box_over_paste": found["box_l1"] / found["box_paste"]})
    return {
        title: float((np.median if key.startswith("opening") else np.mean)([row[key] for row in rows]))
        for title, key in _FIGURES.items()
    }


def show_figures(stages: Mapping[str, Mapping[str, float]]) -> None:
    """Prints the figures of generators as a table, a line for each."""
    columns = {name: max(5, len(name)) for name in next(iter(stages.values()))}  # and how wide they are
    first = max(len(name) for name in stages)
    print(" " * first, *(name.rjust(width) for name, width in columns.items()), sep="  ")
    for name, values in stages.items():
        print(name.ljust(first), *(f"{values[key]:.2f}".rjust(width) for key, width in columns.items()), sep="  ")
