"""Many dubs in one run: every face with every speech, or the rows of a table; dubs that exist already are kept."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2l.base import files
from w2l.base.choices import seconds_of
from w2l.base.tables import named, read_table
from w2l.dubbing.dub import dub
from w2l.dubbing.settings import Settings
from w2l.dubbing.typed import TypedSpeech
from w2l.errors import W2LError
from w2l.marking import mark
from w2l.video.files import FACES, SPEECHES, files_in

REPORT = "batch.csv"
_COLUMNS = ("face", "audio", "out")
_TYPED = ("face", "say")


@dataclass(frozen=True)
class DubJob:
    """One dub to make; audio: the speech, a file or a typed text.

    soundtrack, start, end: as in `Settings`, for this dub alone. table: the file that says so, if it says anything that
    is in no other file.
    """

    face: Path
    audio: Path | TypedSpeech
    out: Path
    soundtrack: Path | None = None
    start: float | None = None
    end: float | None = None
    table: Path | None = None

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that it is made of."""
        speech = None if isinstance(self.audio, TypedSpeech) else self.audio
        return tuple(path for path in (self.face, speech, self.soundtrack, self.table) if path is not None)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of this dub alone."""
        own = {"soundtrack": self.soundtrack, "start": self.start, "end": self.end}
        return {name: value for name, value in own.items() if value is not None}

    @property
    def is_done(self) -> bool:
        """Whether the result is there, and newer than what it is made of."""
        try:
            made = self.out.stat().st_mtime_ns
            return all(made > given.stat().st_mtime_ns for given in self.sources)
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
    speeches: str | os.PathLike[str] | TypedSpeech,
    out: str | os.PathLike[str],
    suffix: str = ".mp4",
    left_out: Callable[[list[Path]], object] | None = None,
) -> list[DubJob]:
    """Every face with every speech; each is a file, or a folder whose files with a known suffix are taken.

    The speech may also be one typed text.

    Results are written to the folder ``out`` as face-speech.mp4; where that is the folder of the faces, those that are
    there from another run are no faces. A name too long for the file system is shortened. left_out: called with the
    files of a folder that are of no known kind. Raises W2LError when a folder holds no such files.
    """
    found, others = _files(faces, FACES, "faces")
    said: Sequence[Path | TypedSpeech] = [speeches] if isinstance(speeches, TypedSpeech) else []
    if not isinstance(speeches, TypedSpeech):
        said, more = _files(speeches, SPEECHES, "speeches")
        others = [*others, *more]
    if left_out is not None:
        left_out(list(dict.fromkeys(others)))
    ways = [(face, speech) for face in found for speech in said]
    jobs = [DubJob(f, s, files.fitting(Path(out) / f"{f.stem}-{s.stem}{suffix}")) for f, s in ways]
    made = _results({*found, *(one for one in said if isinstance(one, Path))}, jobs)
    return _checked(job for job in jobs if not made & set(job.sources))


def read_csv(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> list[DubJob]:
    """The rows of a table with the columns face, audio and, if wanted, out.

    Instead of audio, or in rows without it, the column say holds a text, and voice, if wanted, who says it (see
    `w2l.say`). The columns soundtrack, start and end are settings for their row alone; times are written as seconds or
    as 1:15. Paths of faces, speeches, sound tracks and voices are relative to the table's folder, results go to the
    folder ``out``. Raises W2LError when the file is not such a table.
    """
    jobs = []
    folder = Path(path).parent
    for row in _rows(path):
        face, audio, name = (row.get(column, "") for column in _COLUMNS)
        text = row.get("say", "")
        if not face or not (audio or text):
            missing = "face" if not face else "audio, and no text to say" if "say" in row else "audio"
            raise W2LError(f"row {row['row']} of {path} has no {missing}; fill it in or drop the row.")
        if audio and text:
            raise W2LError(f"row {row['row']} of {path} has both audio and a text to say; leave one empty.")
        voice = row.get("voice", "")
        voice = str(named(folder, voice)) if voice.lower().endswith(".onnx") else voice
        speech = TypedSpeech(text, voice or None) if text else named(folder, audio)
        shown = named(folder, face)
        target = Path(out) / (name.replace("\\", "/") or f"{shown.stem}-{speech.stem}.mp4")
        other, times = row.get("soundtrack", ""), _times(row, path)
        table = Path(path) if text or any(time is not None for time in times) else None
        target = target if name else files.fitting(target)
        jobs.append(DubJob(shown, speech, target, named(folder, other) if other else None, *times, table))
    return _checked(jobs)


def _times(row: dict[str, str], path: str | os.PathLike[str]) -> tuple[float | None, float | None]:
    """Where the part of the face's clip begins and ends."""
    try:
        start, end = (seconds_of(text) if (text := row.get(name, "")) else None for name in ("start", "end"))
    except W2LError as error:
        raise W2LError(f"row {row['row']} of {path}: {error}.") from error
    return start, end


def _rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    with suppress(W2LError):
        return read_table(path, _TYPED, "holds no jobs")
    return read_table(path, _COLUMNS[:2], "holds no jobs")


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
    with files.keeping(*(path for job in jobs for path in job.sources)):  # also those of the other jobs
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
        with ExitStack() as stack:
            speech, said = job.audio, tuple[str, ...]()
            if isinstance(speech, TypedSpeech):
                typed = stack.enter_context(speech.as_file())
                speech, said = typed.path, typed.notes
            result = dub(job.face, speech, job.out, progress=progress, **settings | job.settings)
    except W2LError as error:
        return Outcome(job, "failed", said=str(error))
    except Exception as error:  # whatever a damaged file does: the other jobs are made
        return Outcome(job, "failed", said=f"{type(error).__name__}: {error}")
    return Outcome(job, "done", result.seconds["total"], " ".join([*said, *result.notes]))


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
