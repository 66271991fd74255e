"""A report on clips: rows, their means with intervals, Fréchet distances, and all that the figures depend on."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from w2l.base import device, files
from w2l.base.version import __version__
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber
from w2l.evaluate.metrics import frechet, mouth
from w2l.evaluate.metrics.bootstrap import Estimate, mean_interval
from w2l.evaluate.rows import (
    COLUMNS,
    Column,
    Instruments,
    Row,
    Truth,
    compare,
    guarded,
    measure_clip,
    measure_pair,
    sync_figures,
)
from w2l.evaluate.sources import Pair
from w2l.sync.clip import summarise
from w2l.sync.scorer import Scorer


@dataclass
class Report:
    """What was measured. settings: choices and the sha256 of all weights; distances: by the features' name."""

    title: str
    rows: list[Row]
    settings: dict[str, Any]
    distances: dict[str, float] = field(default_factory=dict)

    @property
    def columns(self) -> list[Column]:
        """Those that some row has a figure for."""
        return [column for column in COLUMNS if any(column.key in row.figures for row in self.rows)]

    def mean(self, key: str) -> Estimate:
        """Of a column over the rows that have it; the rows of a talker are drawn together for the interval."""
        values = [row.figures.get(key, math.nan) for row in self.rows]
        return mean_interval(values, groups=[row.talker or number for number, row in enumerate(self.rows)])

    @property
    def frame_cost(self) -> float:
        """Milliseconds of work for a frame; NaN where nothing was measured."""
        frames = sum(row.frames for row in self.rows)
        return 1000 * sum(row.seconds for row in self.rows) / frames if frames else math.nan

    def cells(self) -> list[list[str]]:
        """The table: a header, a line for each row, and three at the end: mean, and its 95 % interval over clips."""
        columns = self.columns
        table = [["clip", *(column.title for column in columns)]]
        for row in self.rows:
            values = [row.figures.get(column.key, math.nan) for column in columns]
            shown = [_number(value, column.digits) for value, column in zip(values, columns, strict=True)]
            table.append([row.name, *shown])
        estimates = [(self.mean(column.key), max(1, column.digits)) for column in columns]
        for name, part in (("mean", "mean"), ("95 % from", "low"), ("to", "high")):
            table.append([name, *(_number(getattr(estimate, part), digits) for estimate, digits in estimates)])
        return table

    def remarks(self) -> list[str]:
        """What is to be said in sentences: faults and notes by clip, distances, cost."""
        said = [f"{row.name}: {row.fault}" for row in self.rows if row.fault]
        said += [f"{row.name}: {note}" for row in self.rows for note in row.notes]
        for name, value in self.distances.items():
            said.append(f"Fréchet distance of real and generated faces, features {name}: {value:.4g}")
        if math.isfinite(self.frame_cost):
            said.append(f"{sum(row.frames for row in self.rows)} frames measured, {self.frame_cost:.1f} ms each")
        return said

    def to_text(self) -> str:
        """For a terminal."""
        table = self.cells()
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]
        return "\n".join([self.title, "", *lines, "", *self.remarks()])

    def to_markdown(self) -> str:
        """A document."""
        head, *lines = self.cells()
        table = ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines)]
        meanings = [f"- **{column.title}**: {column.meaning}" for column in self.columns]
        settings = [f"- {name}: {value}" for name, value in self.settings.items()]
        said = [f"- {remark}" for remark in self.remarks()]
        parts = [f"# {self.title}", "", *table, "", *said, "", "## Columns", "", *meanings]
        return "\n".join([*parts, "", "## Settings", "", *settings, ""])

    def to_csv(self) -> str:
        """Every figure unrounded, with faults and notes."""
        columns = self.columns
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["clip", *(column.key for column in columns), "frames", "fault", "notes"])
        for row in self.rows:
            values = [row.figures.get(column.key, "") for column in columns]
            writer.writerow([row.name, *values, row.frames, row.fault, " ".join(row.notes)])
        return out.getvalue()

    def to_json(self) -> str:
        """Rows, means and settings, for programs."""
        means = {column.key: asdict(self.mean(column.key)) for column in self.columns}
        rows = [
            {"clip": row.name, "fault": row.fault, "notes": row.notes, "frames": row.frames, **row.figures}
            for row in self.rows
        ]
        facts = {"title": self.title, "settings": self.settings, "distances": self.distances}
        return json.dumps(_without_nan({**facts, "means": means, "rows": rows}), indent=1) + "\n"

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes report.html, .md, .csv and .json into a folder; returns their paths."""
        from w2l.evaluate.report.page import to_html

        texts = {
            "html": to_html(self),
            "md": self.to_markdown(),
            "csv": self.to_csv(),
            "json": self.to_json(),
        }
        written = []
        for kind, text in texts.items():
            path = Path(folder) / f"report.{kind}"
            with files.atomic(path) as temporary:
                temporary.write_text(text, encoding="utf8")
            written.append(path)
        return written


def report_clips(
    clips: Sequence[Path], tools: Instruments, protocol: str = "auto", which: str = "main", progress: bool = False
) -> Report:
    """One row for each clip, by itself."""
    work = [(path.name, lambda path=path: measure_clip(path, tools, protocol, which)) for path in clips]
    return _collect("Sync of clips", work, tools, {"protocol": protocol, "face": which}, progress)


def report_pairs(pairs: Sequence[Pair], tools: Instruments, protocol: str = "auto", progress: bool = False) -> Report:
    """One row for each generated clip beside its real one."""
    work = [(pair.name, lambda pair=pair: measure_pair(pair, tools, protocol)) for pair in pairs]
    return _collect("Generated clips beside the real ones", work, tools, {"protocol": protocol}, progress)


def report_corpus(
    tools: Instruments,
    generator: str = "classroom_generator",
    split: str = "validation",
    count: int = 10,
    progress: bool = False,
) -> Report:
    """The generator on talkers of the corpus: each face driven by its own speech (pixels compared), and by the next
    talker's (the mouth compared with the truth of those words); the middle frame is the reference."""
    if count < 2:
        raise W2LError(f"{count} talkers cannot swap their speech; give at least 2.")
    clips = corpus(split, count, progress=progress)
    dubber = Dubber.load(generator)
    work = []
    for number, (clip, other) in enumerate(zip(clips, [*clips[1:], clips[0]], strict=True)):
        own = (f"{split} {number}", clip, number)
        swapped = (f"{split} {number}, words of {(number + 1) % count}", other, (number + 1) % count)
        for name, speaker, whose in (own, swapped):
            closures = _closures(split, whose, len(speaker))
            work.append(
                (
                    name,
                    lambda name=name, talker=own[0], clip=clip, speaker=speaker, closures=closures: _corpus_row(
                        name, talker, clip, speaker, dubber.speak(clip.frames, speaker.mel), closures, tools
                    ),
                )
            )
    settings = {"generator": generator, "split": split, "talkers": count, "mel_shift": dubber.mel_shift}
    return _collect("The generator on talkers it never saw", work, tools, settings, progress)


def _corpus_row(
    name: str,
    talker: str,
    clip: Clip,
    speaker: Clip,
    made: np.ndarray,
    closures: list[tuple[float, float]],
    tools: Instruments,
) -> Row:
    scorer = Scorer(tools.expert, speaker.mel)
    scorer.add([tools.expert.resize(frame) for frame in made])
    found = summarise(scorer.finish(), tools.expert, name)
    row = Row(name, figures=sync_figures(found), talker=talker, notes=found.notes, sync=found)
    truth = Truth(speaker.known_truth()[:, :2], closures)
    return compare(row, [(clip.frames, made)], tools, truth, same_speech=speaker is clip)


def _closures(split: str, number: int, frames: int) -> list[tuple[float, float]]:
    from w2l import talker

    phones, _ = talker.speech(talker.make_speaker(split, number), seconds=frames / 25)
    return mouth.bilabial_times([one._asdict() for one in phones])


def _collect(
    title: str,
    work: Iterable[tuple[str, Callable[[], Row]]],
    tools: Instruments,
    settings: dict[str, Any],
    progress: bool,
) -> Report:
    todo = list(work)
    if not todo:
        raise W2LError("there is nothing to measure; give at least one clip.")
    rows = [guarded(name, one) for name, one in tqdm(todo, desc="evaluate", unit="clip", disable=not progress)]
    facts = {**settings, **tools.facts(), "w2l": __version__, "machine": device.machine()}
    facts["date"] = time.strftime("%Y-%m-%d", time.gmtime())
    report = Report(title, rows, facts)
    for name in dict.fromkeys(itertools.chain.from_iterable(row.moments for row in rows)):
        sides = [row.moments[name] for row in rows if name in row.moments]
        real, made = (frechet.together(side[i] for side in sides) for i in (0, 1))
        if min(real.count, made.count) > 1:
            report.distances[name] = frechet.frechet(real, made)
    return report


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _without_nan(value: Any) -> Any:
    """The same with null for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
