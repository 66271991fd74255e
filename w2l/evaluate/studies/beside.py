"""Generators side by side on the same faces of unseen talkers, at full size: how sharp, how real, how much in sync.

A generator of smaller faces is measured as a dub uses it: it sees them reduced, and what it draws is enlarged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import nn

from w2l import models
from w2l.base.progress import progress_bar
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber, measure_faces
from w2l.evaluate.metrics import frechet
from w2l.evaluate.metrics.frechet import Moments, SmallFeatures
from w2l.evaluate.metrics.quality import Jitter, gradient_energy
from w2l.evaluate.metrics.teeth import teeth_shown
from w2l.faces.crop import mouth_box
from w2l.sync.experts import Expert, load_expert
from w2l.talker.cast import DEFAULT_CAST, Cast

FIGURES = {
    "mouth_sharpness": "gradient energy of the mouth box, own words, over that of the truth, median over clips",
    "frechet": "Fréchet distance of the kit's features at this size, faces with swapped words from real ones",
    "box_over_paste": "mouth-box L1, own words, over pasting the reference mouth",
    "teeth": "share of the frames whose truth shows over four rows (of 96) of teeth in which the drawn mouth does",
    "teeth_frames": "how many frames that is",
    "narrow_teeth": "the same for over two rows",
    "narrow_teeth_frames": "how many frames that is",
    "jitter_ratio": "jitter of the mouth box, own words, over that of the truth, median over clips",
    "opening_r_new": "opening against the truth of swapped words, median over clips",
    "width_r_new": "the same for width",
    "amplitude": "spread of the opening over that of the truth, median over clips",
    "confidence_new": "expert's confidence, swapped words, mean over clips",
}
_MEANS = ("confidence_new", "box_l1", "box_paste")  # over clips; of the other figures of a clip the median counts


def compare(
    generators: Sequence[str],
    expert: str = "classroom_expert",
    meter: str = "classroom_meter",
    split: str = "test",
    count: int = 48,
    progress: bool = True,
    cast: Cast = DEFAULT_CAST,
) -> dict[str, dict[str, float]]:
    """Generator -> its `FIGURES`, on `count` talkers whose faces have the size of the first generator's.

    generators, expert, meter: names or files. Each face says its own words and those of the next talker, with its
    middle frame, which is not measured, as reference. Raises W2LError for fewer than 2 talkers.
    """
    if count < 2:
        raise W2LError(f"{count} talkers cannot swap their speech; give at least 2.")
    dubbers = {name: Dubber.load(name) for name in generators}
    judge, ruler = load_expert(expert, "cpu", measure="cosine"), models.load(meter, network="mouth_meter")
    clips = corpus(split, count, progress=progress, cast=cast, size=next(iter(dubbers.values())).size)
    found = {name: _Figures(dubber, judge, ruler) for name, dubber in dubbers.items()}
    for number in progress_bar(range(count), desc="evaluate", unit="clip", show=progress):
        for one in found.values():
            one.add(clips[number], clips[(number + 1) % count])
    return {name: one.figures() for name, one in found.items()}


class _Figures:
    """The figures of one generator, clip by clip."""

    def __init__(self, dubber: Dubber, judge: Expert, ruler: nn.Module) -> None:
        self._dubber, self._judge, self._ruler = dubber, judge, ruler
        self._features = SmallFeatures()
        self._rows: list[dict[str, float]] = []
        self._moments: list[tuple[Moments, Moments]] = []
        self._teeth = {"teeth": (4, np.zeros(2, int)), "narrow_teeth": (2, np.zeros(2, int))}

    def add(self, clip: Clip, other: Clip) -> None:
        """Measures a clip that says its own words and another's."""
        real = clip.frames[:]
        swapped, matched = (self._dubber.speak(real, words.mel) for words in (other, clip))
        row = measure_faces(matched, swapped, clip, other, self._judge, self._ruler)
        keep = np.arange(len(clip)) != len(clip) // 2
        box = mouth_box(clip.size)
        row["mouth_sharpness"] = gradient_energy(matched[keep], box) / gradient_energy(real[keep], box)
        row["jitter_ratio"] = _jitter(matched) / _jitter(real)
        self._rows.append(row)
        self._moments.append((Moments.of(self._features(real[keep])), Moments.of(self._features(swapped[keep]))))
        for rows, counts in self._teeth.values():
            counts += teeth_shown(real[keep], matched[keep], clip.known_truth()[keep, 0], rows)

    def figures(self) -> dict[str, float]:
        """By the keys of `FIGURES`."""
        columns = {key: np.array([row[key] for row in self._rows]) for key in self._rows[0]}
        one = {key: float((np.nanmean if key in _MEANS else np.nanmedian)(values)) for key, values in columns.items()}
        one["box_over_paste"] = one["box_l1"] / one["box_paste"]
        one["frechet"] = frechet.frechet(*(frechet.together(each[i] for each in self._moments) for i in (0, 1)))
        for name, (_, (seen, there)) in self._teeth.items():
            one |= {name: seen / there if there else math.nan, f"{name}_frames": float(there)}
        return {key: one[key] for key in FIGURES}


def _jitter(faces: np.ndarray) -> float:
    one = Jitter()
    one.add(faces)
    return one.value()


def table(found: dict[str, dict[str, float]]) -> str:
    """The figures as a Markdown table, a column for each generator."""
    lines = [f"| figure | {' | '.join(found)} |", "|---" * (1 + len(found)) + "|"]
    for key, meaning in FIGURES.items():
        lines.append(f"| {meaning} | {' | '.join(f'{one[key]:.4g}' for one in found.values())} |")
    return "\n".join(lines)
