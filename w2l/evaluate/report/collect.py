"""Measures and reports: clips on their own, generated clips beside real ones, a generator on held-out talkers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from w2l.base import device
from w2l.base.progress import progress_bar
from w2l.base.version import __version__
from w2l.data.clip import Clip
from w2l.data.corpus import corpus
from w2l.errors import W2LError
from w2l.evaluate.held_out import Dubber
from w2l.evaluate.metrics import frechet, mouth
from w2l.evaluate.report.tables import Report
from w2l.evaluate.rows import (
    ClipRow,
    Instruments,
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
from w2l.talker.cast import DEFAULT_CAST, Cast


def report_clips(
    clips: Sequence[Path],
    tools: Instruments,
    protocol: str = "auto",
    which: str = "main",
    progress: bool = False,
    audio_track: int | None = None,
) -> Report:
    """One row for each clip on its own."""
    work = [(path.name, lambda path=path: measure_clip(path, tools, protocol, which, audio_track)) for path in clips]
    how = {"protocol": protocol, "face": which} | ({} if audio_track is None else {"sound track": audio_track})
    report = _collect("Sync of clips", work, tools, how, progress)
    return replace(report, inputs=tuple(clips))


def report_pairs(pairs: Sequence[Pair], tools: Instruments, protocol: str = "auto", progress: bool = False) -> Report:
    """One row for each generated clip beside its real one."""
    work = [(pair.name, lambda pair=pair: measure_pair(pair, tools, protocol)) for pair in pairs]
    report = _collect("Generated clips beside the real ones", work, tools, {"protocol": protocol}, progress)
    clips = (clip for pair in pairs for clip in (pair.generated, pair.real, pair.speech) if clip is not None)
    return replace(report, inputs=tuple(clips))


def report_corpus(
    tools: Instruments,
    generator: str = "classroom_generator",
    split: str = "validation",
    count: int = 10,
    progress: bool = False,
    cast: Cast = DEFAULT_CAST,
) -> Report:
    """The generator on talkers of the corpus: each face driven by its own speech (pixels compared), and by the next
    talker's (the mouth compared with the truth of those words); the middle frame is the reference."""
    if count < 2:
        raise W2LError(f"{count} talkers cannot swap their speech; give at least 2.")
    dubber = Dubber.load(generator)
    clips = corpus(split, count, progress=progress, cast=cast, size=dubber.size)
    work = []
    for number, (clip, other) in enumerate(zip(clips, [*clips[1:], clips[0]], strict=True)):
        own = (f"{split} {number}", clip, number)
        swapped = (f"{split} {number}, words of {(number + 1) % count}", other, (number + 1) % count)
        for name, speaker, whose in (own, swapped):
            closures = _closures(split, whose, len(speaker), cast)
            work.append(
                (
                    name,
                    lambda name=name, talker=own[0], clip=clip, speaker=speaker, closures=closures: _corpus_row(
                        name, talker, clip, speaker, dubber.speak(clip.frames[:], speaker.mel), closures, tools
                    ),
                )
            )
    settings = {"generator": generator, "split": split, "talkers": count, **cast.facts(), "mel_shift": dubber.mel_shift}
    return _collect("The generator on talkers it has never seen", work, tools, settings, progress)


def _corpus_row(
    name: str,
    talker: str,
    clip: Clip,
    speaker: Clip,
    made: np.ndarray,
    closures: list[tuple[float, float]],
    tools: Instruments,
) -> ClipRow:
    scorer = Scorer(tools.expert, speaker.mel)
    scorer.add([tools.expert.resize(frame) for frame in made])
    found = summarise(scorer.finish(), tools.expert, name)
    row = ClipRow(name, figures=sync_figures(found), talker=talker, notes=found.notes, sync=found)
    truth = Truth(speaker.known_truth()[:, :2], closures)
    return compare(row, [(clip.frames[:], made)], tools, truth, same_speech=speaker is clip)


def _closures(split: str, number: int, frames: int, cast: Cast) -> list[tuple[float, float]]:
    from w2l import talker

    phones, _ = talker.speech(talker.make_speaker(split, number, cast=cast), seconds=frames / 25)
    return mouth.bilabial_times([one._asdict() for one in phones])


def _collect(
    title: str,
    work: Iterable[tuple[str, Callable[[], ClipRow]]],
    tools: Instruments,
    settings: dict[str, Any],
    progress: bool,
) -> Report:
    todo = list(work)
    if not todo:
        raise W2LError("there is nothing to measure; give at least one clip.")
    rows = [guarded(name, one) for name, one in progress_bar(todo, desc="evaluate", unit="clip", show=progress)]
    facts = {**settings, **tools.facts(), "w2l": __version__, "machine": device.machine()}
    facts["date"] = time.strftime("%Y-%m-%d", time.gmtime())
    report = Report(title, rows, facts)
    for name in dict.fromkeys(itertools.chain.from_iterable(row.moments for row in rows)):
        sides = [row.moments[name] for row in rows if name in row.moments]
        real, made = (frechet.together(side[i] for side in sides) for i in (0, 1))
        if min(real.count, made.count) > 1:
            report.distances[name] = frechet.frechet(real, made)
    return report
