"""Many dubs in one run: every face with every speech, or the rows of a table; dubs that exist already are kept."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2l.base import files
from w2l.base.tables import named, read_table
from w2l.dubbing.dub import dub
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError
from w2l.marking import mark
from w2l.video.files import FACES, SPEECHES, files_in

REPORT = "batch.csv"
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
    faces: str | os.PathLike[str],
    speeches: str | os.PathLike[str],
    out: str | os.PathLike[str],
    suffix: str = ".mp4",
    left_out: Callable[[list[Path]], object] | None = None,
) -> list[DubJob]:
    """Every face with every speech; each is a file, or a folder whose files with a known suffix are taken.

    Results are written to the folder ``out`` as face-speech.mp4; where that is the folder of the faces, those that are
    there from another run are no faces. A name too long for the file system is shortened. left_out: called with the
    files of a folder that are of no known kind. Raises W2LError when a folder holds no such files.
    """
    given = [_files(faces, FACES, "faces"), _files(speeches, SPEECHES, "speeches")]
    if left_out is not None:
        left_out(list(dict.fromkeys(path for _, others in given for path in others)))
    ways = [(face, speech) for face in given[0][0] for speech in given[1][0]]
    jobs = [DubJob(f, s, files.fitting(Path(out) / f"{f.stem}-{s.stem}{suffix}")) for f, s in ways]
    made = _results({*given[0][0], *given[1][0]}, jobs)
    return _checked(job for job in jobs if job.face not in made and job.audio not in made)


def read_csv(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> list[DubJob]:
    """The rows of a table with the columns face, audio and, if wanted, out.

    Paths of faces and speeches are relative to the table's folder, results go to the folder ``out``. Raises W2LError
    when the file is not such a table.
    """
    jobs = []
    folder = Path(path).parent
    for row in read_table(path, _COLUMNS[:2], "holds no jobs"):
        face, audio, name = (row.get(column, "") for column in _COLUMNS)
        if not face or not audio:
            missing = "audio" if face else "face"
            raise W2LError(f"row {row['row']} of {path} has no {missing}; fill it in or drop the row.")
        given = named(folder, face), named(folder, audio)
        target = Path(out) / (name.replace("\\", "/") or f"{given[0].stem}-{given[1].stem}.mp4")
        jobs.append(DubJob(*given, target if name else files.fitting(target)))
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
                with suppress(W2LError) if len(outcomes) < len(jobs) else nullcontext():  # the next may be written
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
    except Exception as error:  # whatever a damaged file does: the other jobs are made
        return Outcome(job, "failed", said=f"{type(error).__name__}: {error}")
    return Outcome(job, "done", result.seconds["total"], " ".join(result.notes))


def _files(place: str | os.PathLike[str], endings: Sequence[str], what: str) -> tuple[list[Path], list[Path]]:
    place = Path(place)
    if not place.is_dir():
        return [place], []
    found, others = files_in(place, endings)
    if not found:
        raise W2LError(f"the folder {place} holds no {what} (files ending in {' '.join(endings)}); give another.")
    return found, others


def _results(given: Iterable[Path], jobs: Sequence[DubJob]) -> set[Path]:
    """Which of these files an earlier run made: they have the name of a job's result, and carry the mark of one."""
    outs = {os.path.realpath(job.out) for job in jobs}
    made = set()
    for path in given:
        with suppress(W2LError, OSError):
            if os.path.realpath(path) in outs and mark.read(path).synthetic:
                made.add(path)
    return made


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
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([*_COLUMNS, "status", "seconds", "said"])
    for outcome in outcomes:
        job = outcome.job
        table.writerow([job.face, job.audio, job.out, outcome.status, f"{outcome.seconds:.1f}", outcome.said])
    files.write_text(path, text.getvalue())
