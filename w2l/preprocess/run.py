"""Turns a folder of clips into a clip store, on several processes and machines; a killed run can be resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from w2l.base import files
from w2l.base.parallel import cores, one_thread
from w2l.base.progress import progress_bar
from w2l.data import store
from w2l.data.store import CLIPS, INDEX, OUTCOMES, ClipEntry, write_json
from w2l.errors import W2LError
from w2l.preprocess.clip import Dropped, Made, Maker, facts, size_of
from w2l.preprocess.report import JSON, TABLE, Loss, PreprocessReport
from w2l.preprocess.settings import PreprocessSettings
from w2l.preprocess.sources import Source, assign_splits, find_sources
from w2l.preprocess.workers import run_in_processes

_DEFAULTS = PreprocessSettings()


@dataclass(frozen=True)
class StoreJob:
    """What a worker needs to know: source and target folder, settings, and the facts of those (see `clip.facts`)."""

    source: Path
    target: Path
    settings: PreprocessSettings
    facts: dict[str, Any]

    def start(self) -> Maker:
        """The maker of the clips."""
        return Maker(self.source, self.settings)

    def do(self, maker: Maker, source: Source) -> None:
        """Makes the clips of a source, then records its outcome. Raises W2LError when they cannot be written."""
        clips: list[dict[str, Any]] = []
        lost: list[Dropped] = []
        for one in maker.make(source):
            if isinstance(one, Dropped):
                lost.append(one)
                continue
            file = f"{CLIPS}/{source.key}-{len(clips):03d}.safetensors"
            size, checksum = store.write_clip(self.target / file, one.clip)
            clips.append(_row(one, file, size, checksum))
        for stale in (self.target / CLIPS).glob(f"{source.key}-*"):  # left by an earlier version of the source
            if stale.name not in {Path(row["file"]).name for row in clips}:
                stale.unlink(missing_ok=True)
        self.note(source, clips, lost)

    def give_up(self, source: Source) -> None:
        """Records that a source crashes every process that reads it."""
        self.note(source, [], [Dropped("crashed", "the process that read it crashed twice")])

    def note(self, source: Source, clips: list[dict[str, Any]], lost: list[Dropped]) -> None:
        """Writes the outcome of a source, after everything else."""
        outcome = {
            "source": source.path,
            "size": size_of(self.source, source),
            "fault": source.fault,
            "settings": self.facts,
            "clips": clips,
            "lost": [asdict(one) for one in lost],
        }
        write_json(self.target / OUTCOMES / f"{source.key}.json", outcome)

    def outcome(self, source: Source) -> dict[str, Any] | None:
        """The outcome of a source; None if there is none yet, the source has changed, or a clip's file is incomplete.

        Raises W2LError when it was made with other settings.
        """
        path = self.target / OUTCOMES / f"{source.key}.json"
        try:
            found = json.loads(path.read_text(encoding="utf8"))
            whole = all((self.target / clip["file"]).stat().st_size == clip["bytes"] for clip in found["clips"])
            same = found["size"] == size_of(self.source, source) and found["fault"] == source.fault
            settings = found["settings"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        for name in self.facts:
            if settings.get(name) != self.facts[name]:
                raise W2LError(
                    f"{self.target} holds clips made with {name} {settings.get(name)!r}, not {self.facts[name]!r}; "
                    "choose another folder for the new clips, or delete this one."
                )
        return found if whole and same else None


def preprocess(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    settings: PreprocessSettings = _DEFAULTS,
    layout: str = "auto",
    speakers: str | os.PathLike[str] | None = None,
    processes: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> PreprocessReport:
    """Makes a clip store of all clips in a folder, or resumes an unfinished one.

    source, layout, speakers: as in `find_sources`. settings: how clips are made. processes: how many to use, with a
    thread each (default: one per core; 0: only this one). seed: of the split by speaker. progress: show a bar.

    Under torchrun each process does its share (by RANK and WORLD_SIZE; the machines must see the same folders), and the
    last to finish writes the index and the report; the others do not wait for it. The store does not depend on the
    number of processes, nor on how often they were killed. A source that cannot be used is reported, and the rest are
    still processed. The same call again does what is still to be done.

    Raises W2LError when there are no clips, when the target holds another store, when the expert or the detector is
    missing, and when the disk is full; clips made by then are kept.
    """
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    sources = find_sources(source, layout, speakers)
    job = StoreJob(Path(source), Path(target), settings, facts(settings))
    with files.keeping(*(() if speakers is None else (speakers,))):
        _check_target(job, sources)
    mine = sources[rank::world]
    _sweep(job.target, mine, alone=world == 1)
    todo = [one for one in mine if job.outcome(one) is None]
    if processes is None:
        processes = cores()
    bar = progress_bar(
        total=len(mine), initial=len(mine) - len(todo), desc="preprocess", unit="clip", show=progress and rank == 0
    )
    with bar:
        if processes and todo:
            run_in_processes(job, todo, min(processes, len(todo)), bar.update)
        elif todo:
            with one_thread():  # as in a worker: with more threads the last bits of sums may differ
                maker = job.start()
                for one in todo:
                    job.do(maker, one)
                    bar.update()
    return _finish(job, sources, seed)


def _finish(job: StoreJob, sources: Sequence[Source], seed: int) -> PreprocessReport:
    """Writes index and report when every source has its outcome."""
    outcomes = [job.outcome(source) for source in sources]
    done = sum(outcome is not None for outcome in outcomes)
    if done < len(sources):
        return PreprocessReport(len(sources), done, [], [], job.settings.sure)
    rows = [(source, outcome) for source, outcome in zip(sources, outcomes, strict=True) if outcome]
    splits = assign_splits((source for source, outcome in rows if outcome["clips"]), seed)
    entries = [
        ClipEntry(speaker=one.speaker, split=one.split or splits[one.speaker], source=one.path, **clip)
        for one, outcome in rows
        for clip in outcome["clips"]
    ]
    lost = [Loss(source=one.path, **loss) for one, outcome in rows for loss in outcome["lost"]]
    report = PreprocessReport(len(sources), done, entries, lost, job.settings.sure)
    report.write(job.target)
    store.write_index(job.target, entries, settings=job.facts, seed=seed)
    return report


def _row(made: Made, file: str, size: int, checksum: str) -> dict[str, Any]:
    """The row of a clip in the index, except its source and speaker."""
    return {
        "file": file,
        "bytes": size,
        "sha256": checksum,
        "frames": len(made.clip),
        "start": made.start,
        "offset": made.offset,
        "confidence": made.confidence,
        "shift": made.shift,
    }


def _check_target(job: StoreJob, sources: Sequence[Source]) -> None:
    """Raises W2LError for a folder that holds the clips of other sources, or where an input would be overwritten."""
    if job.target.exists() and not job.target.is_dir():
        raise W2LError(f"{job.target} is a file; give a folder for the store.")
    if job.target.exists() and job.target.samefile(job.source):
        raise W2LError(f"{job.target} holds the clips; give another folder for the store.")
    for name in (INDEX, JSON, TABLE):
        files.check_output(job.target / name)
    there = {path.stem for path in (job.target / OUTCOMES).glob("*.json") if not path.name.startswith(".")}
    if there and not there & {source.key for source in sources}:
        raise W2LError(f"{job.target} holds clips from a folder other than {job.source}; choose another target.")


def _sweep(target: Path, mine: Sequence[Source], alone: bool) -> None:
    """Deletes partial files of killed processes: only those of this share, since other ranks may be running."""
    keys = {source.key for source in mine}
    for folder in (CLIPS, OUTCOMES):
        for path in (target / folder).glob(".*"):
            if any(path.name[1:].startswith(key) for key in keys):
                path.unlink(missing_ok=True)
    if alone:
        for name in (INDEX, JSON, TABLE):
            for path in target.glob(f".{Path(name).stem}.*"):
                path.unlink(missing_ok=True)
