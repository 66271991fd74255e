"""Many dubs in one run: every face with every speech, or the rows of a table; dubs that exist already are kept."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2l.base import files
from w2l.dubbing.dub import dub
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError
from w2l.video.files import ANIMATIONS, PICTURES, SOUNDS, VIDEOS

REPORT = "batch.csv"
_FACES = (*VIDEOS, *ANIMATIONS, *PICTURES)
_SPEECHES = (*SOUNDS, *VIDEOS)
_COLUMNS = ("face", "audio", "out")


@dataclass(frozen=True)
class DubJob:
    """One dub to make."""

    face: Path
    audio: Path
    out: Path

    @property
    def is_done(self) -> bool:
        """Whether the result is there, and newer than what it is made of."""
        try:
            made = self.out.stat().st_mtime_ns
            return all(made > given.stat().st_mtime_ns for given in (self.face, self.audio))
        except OSError:
            return False


@dataclass(frozen=True)
class Outcome:
    """How a job ended: ``done``, ``was there`` or ``failed``."""

    job: DubJob
    status: str
    seconds: float = 0.0
    said: str = ""  # the notes of a result, or what was wrong


def every_pair(
    faces: str | os.PathLike[str], speeches: str | os.PathLike[str], out: str | os.PathLike[str], suffix: str = ".mp4"
) -> list[DubJob]:
    """Every face with every speech; each is a file, or a folder whose files with a known suffix are taken.

    Results are written to the folder ``out`` as face-speech.mp4. Raises W2LError when a folder holds no such files.
    """
    pairs = [(f, s) for f in _files(faces, _FACES, "faces") for s in _files(speeches, _SPEECHES, "speeches")]
    return _checked(DubJob(face, speech, Path(out) / f"{face.stem}-{speech.stem}{suffix}") for face, speech in pairs)


def read_csv(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> list[DubJob]:
    """The rows of a table with the columns face, audio and, if wanted, out.

    Paths of faces and speeches are relative to the table's folder, results go to the folder ``out``. Raises W2LError
    when the file is not such a table.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise W2LError(f"{path} cannot be read as a table ({error}); give a CSV file in UTF-8.") from error
    if not rows or not {"face", "audio"} <= rows[0].keys():
        raise W2LError(
            f"{path} holds no jobs; give a CSV file whose first row names the columns face, audio (and out)."
        )
    jobs = []
    for number, row in enumerate(rows, 2):
        face, audio, name = ((row.get(column) or "").strip() for column in _COLUMNS)
        if not face or not audio:
            raise W2LError(f"row {number} of {path} has no {'audio' if face else 'face'}; fill it in or drop the row.")
        name = name or f"{Path(face).stem}-{Path(audio).stem}.mp4"
        jobs.append(DubJob(path.parent / face, path.parent / audio, Path(out) / name))
    return _checked(jobs)


def run(
    jobs: Sequence[DubJob], again: bool = False, progress: bool = True, report: str | os.PathLike[str] | None = None,
    told: Callable[[Outcome], object] | None = None, **settings: Any,
) -> list[Outcome]:  # fmt: skip
    """Makes the dubs one after the other; one that fails is reported, and the rest still run.

    again: also make those that exist already. report: a CSV file, rewritten after each job. told: called with each
    outcome. settings: those of `dub`; they are checked before the first job. Finished dubs are kept when the run is
    interrupted.
    """
    Settings().with_changes(**settings)
    outcomes: list[Outcome] = []
    with files.keeping(*(path for job in jobs for path in (job.face, job.audio))):  # also those of the other jobs
        if report is not None:
            files.check_output(report)
        for job in jobs:
            outcomes.append(_run_one(job, again, progress, settings))
            if report is not None:
                _write(report, outcomes)
            if told is not None:
                told(outcomes[-1])
    return outcomes


def _run_one(job: DubJob, again: bool, progress: bool, settings: dict[str, Any]) -> Outcome:
    if job.is_done and not again:
        return Outcome(job, "was there")
    try:
        result = dub(job.face, job.audio, job.out, progress=progress, **settings)
    except W2LError as error:
        return Outcome(job, "failed", said=str(error))
    return Outcome(job, "done", result.seconds["total"], " ".join(result.notes))


def _files(place: str | os.PathLike[str], endings: Sequence[str], what: str) -> list[Path]:
    place = Path(place)
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.iterdir() if path.suffix.lower() in endings and path.is_file())
    if not found:
        raise W2LError(f"the folder {place} holds no {what} (files ending in {' '.join(endings)}); give another.")
    return found


def _checked(jobs: Iterable[DubJob]) -> list[DubJob]:
    """The jobs. Raises W2LError when two of them would write the same file."""
    jobs, seen = list(jobs), dict[str, DubJob]()
    for job in jobs:
        other = seen.setdefault(os.path.normcase(job.out), job)
        if other is not job:
            both = f"{other.face} with {other.audio} and {job.face} with {job.audio}"
            raise W2LError(f"{both} would both be written to {job.out}; rename one, or use a table with an out column.")
    return jobs


def _write(path: str | os.PathLike[str], outcomes: Sequence[Outcome]) -> None:
    with files.atomic(path) as temporary, temporary.open("w", newline="", encoding="utf8") as file:
        table = csv.writer(file)
        table.writerow([*_COLUMNS, "status", "seconds", "said"])
        for outcome in outcomes:
            job = outcome.job
            table.writerow([job.face, job.audio, job.out, outcome.status, f"{outcome.seconds:.1f}", outcome.said])
