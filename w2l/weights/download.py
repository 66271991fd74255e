"""Downloads of large files that end whole or not at all: resumed, checked, and taken from one mirror after another.

What arrives goes to ``NAME.part`` beside the target; it takes the target's name when its size and sha256 are right.
"""

from __future__ import annotations

import errno
import inspect
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2l.base.files import hash_of as hash_of
from w2l.errors import W2LError
from w2l.weights.registry import describe
from w2l.weights.registry import describe_file as describe_file

if TYPE_CHECKING:
    import requests

TIMEOUTS = (10.0, 30.0)  # seconds: to connect, and between two pieces of an answer
PAUSES = (1.0, 3.0, 9.0)  # seconds before each further try at a mirror whose connection broke
_PIECE = 1 << 16
_ENOUGH = 1 << 20  # bytes: a connection that brought as many has earned a fresh set of tries
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Refused(Exception):
    """Why a mirror does not give the file; the next one is tried."""


class _Broken(Exception):
    """How a connection ended; the same mirror may go on from there. `reached`: it had answered before."""

    def __init__(self, reason: str, reached: bool = True) -> None:
        super().__init__(reason)
        self.reached = reached


@dataclass(frozen=True)
class _Job:
    """The file that is wanted, and whether to show a bar meanwhile."""

    target: Path
    size: int
    sha256: str
    progress: bool

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def tag(self) -> Path:
        """The address and the ETag under which the part was begun: a server can tell whether its file is the same."""
        return self.target.with_name(f"{self.target.name}.part.etag")

    @property
    def drive(self) -> Path:
        """The folder in which gdown keeps its own part."""
        return self.target.with_name(f".{self.target.name}.drive")

    def have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def drop(self) -> None:
        self.part.unlink(missing_ok=True)
        self.tag.unlink(missing_ok=True)
        shutil.rmtree(self.drive, ignore_errors=True)


def fetch_file(
    target: Path, mirrors: Sequence[str], size: int, sha256: str, drive_id: str = "", progress: bool = True
) -> None:
    """Puts the file of `size` bytes with that sha256 (hexadecimal) at `target`, from the first mirror that has it.

    mirrors: http or https addresses, tried in order; drive_id: that of a file on Google Drive, tried last. Nothing is
    fetched when `target` is right already; another process that fetches the same file is waited for. Whatever ends
    this, an interrupt too, what has arrived stays in ``NAME.part``, and the next call goes on from there.
    Raises W2LError when every mirror failed (what happened at each, a line each, and what to do by hand), when the
    disk is full, and when the folder cannot be written.
    """
    job = _Job(target, size, sha256, progress)
    failures = []
    with _disk_errors_told(job), _alone(job):
        if target.is_file() and target.stat().st_size == size and hash_of(target) == sha256:
            return
        for url in mirrors:
            try:
                _take(job, url)
                return
            except _Refused as reason:
                failures.append(f"  {url}: {reason}")
        if drive_id:
            try:
                _take_from_drive(job, drive_id)
                return
            except _Refused as reason:
                failures.append(f"  https://drive.google.com/uc?id={drive_id}: {reason}")
    raise W2LError(
        "\n".join([f"cannot fetch {target.name}, because every mirror failed:", *failures])
        + f"\nDownload {target.name} by hand ({size} bytes, sha256 {sha256}) and put it into {target.parent} or into a "
        "folder named by W2L_WEIGHTS; or set W2L_MIRROR to a mirror that you can reach."
    )


# ---------------------------------------------------------------- one mirror


def _take(job: _Job, url: str) -> None:
    """Completes the part from one mirror and gives it the target's name."""
    begun = job.have() > 0
    _complete(job, url)
    try:
        _finish(job)
    except _Refused:
        if not begun:
            raise
        _complete(job, url)  # the beginning, from elsewhere, may be the wrong half: all of it from this mirror
        _finish(job)


def _finish(job: _Job) -> None:
    """Renames a part that is right; throws away one that is not."""
    found = hash_of(job.part)
    if found != job.sha256:
        what = describe_file(job.part, job.size)
        job.drop()
        raise _Refused(f"{what} (sha256 {found[:12]}..., not {job.sha256[:12]}...)")
    with job.part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(job.part, job.target)
    job.drop()


def _complete(job: _Job, url: str) -> None:
    """Lets the part grow to its full size, trying again where the connection breaks."""
    tries, brought = 0, 0
    while True:
        before = job.have()
        try:
            _receive(job, url)
            return
        except _Broken as broken:
            more = max(0, job.have() - before)
            brought += more
            tries = 1 if more >= _ENOUGH else tries + 1
            if tries > len(PAUSES) or not (broken.reached or brought):
                raise _Refused(str(broken)) from broken
        time.sleep(PAUSES[tries - 1])


def _receive(job: _Job, url: str) -> None:
    """One request, for what the part still lacks; returns when the part has its full size."""
    import requests
    from tqdm import tqdm

    have, size = job.have(), job.size
    if have > size:
        job.drop()
        have = 0
    if have == size:
        return
    with _answer(job, url, have) as answer:
        have = _start(job, answer, have)
        _need_room(job, size - have)
        look: dict[str, Any] = {"unit": "B", "unit_scale": True, "unit_divisor": 1024, "desc": job.target.name}
        bar = tqdm(total=size, initial=have, disable=not job.progress, **look)
        try:
            with bar:
                pieces = answer.iter_content(_PIECE)
                if not have:
                    first = next(pieces, b"")
                    _check_first(job, first, answer)
                    _note_tag(job, url, answer.headers.get("ETag", ""))
                    have = _append(job, first, 0)
                    bar.update(have)
                for piece in pieces:
                    have = _append(job, piece, have)
                    bar.update(len(piece))
        except requests.RequestException as error:
            raise _Broken(f"{_reason(error)} after {have} of {size} bytes") from error
    if have < size:
        raise _Broken(f"the connection closed after {have} of {size} bytes")


@contextmanager
def _answer(job: _Job, url: str, have: int) -> Iterator[requests.Response]:
    import requests

    headers = {"Accept-Encoding": "identity", "User-Agent": "w2l"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag := _tag(job, url):
            headers["If-Range"] = tag
    try:
        answer = requests.get(url, headers=headers, stream=True, timeout=TIMEOUTS)
    except (requests.RequestException, ValueError) as error:  # ValueError: an address that is none
        raise _Broken(_reason(error), reached=False) from error
    with answer:
        yield answer


def _start(job: _Job, answer: requests.Response, have: int) -> int:
    """The byte at which the answer begins: `have`, or 0 when the server sends all of the file."""
    status = answer.status_code
    if status == 200:
        return 0
    if status == 206 and have:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
        if found and found[2] not in ("*", str(job.size)):
            raise _Refused(f"another file of {found[2]} bytes, not {job.size}")
        if found and int(found[1]) == have:
            return have
        job.drop()
        raise _Broken("the server sent another range than was asked for")
    if status == 416:
        raise _Refused(f"another file, shorter than the {have} bytes that are here already")
    reason = f"HTTP status {status} {answer.reason or ''}".rstrip()
    raise _Broken(reason) if status >= 500 or status == 429 else _Refused(reason)


def _check_first(job: _Job, piece: bytes, answer: requests.Response) -> None:
    """Refuses, before anything is written, what its beginning or its announced size shows to be another file."""
    length = answer.headers.get("Content-Length", "")
    announced = int(length) if length.isdigit() else None
    junk = piece.lstrip().startswith((b"<", b"version https://git-lfs"))
    if junk or announced not in (None, job.size):
        raise _Refused(describe(piece, len(piece) if announced is None else announced, job.size))


def _append(job: _Job, piece: bytes, have: int) -> int:
    """Writes a piece at byte `have` of the part, its end; returns the new length."""
    end = have + len(piece)
    if end > job.size:
        job.drop()
        raise _Refused(f"another file of more than {job.size} bytes")
    with job.part.open("ab" if have else "wb") as file:
        file.write(piece)
    return end


def _take_from_drive(job: _Job, drive_id: str) -> None:
    """The same from Google Drive, by gdown, which knows the pages in between; it resumes in a folder of its own."""
    import gdown

    # gdown 6 can wait a limited time and try again; gdown 5 cannot.
    newer: dict[str, Any] = {"timeout": TIMEOUTS, "retries": len(PAUSES)}
    known = inspect.signature(gdown.download).parameters
    options = {name: value for name, value in newer.items() if name in known}
    output = job.drive / job.target.name
    job.drive.mkdir(exist_ok=True)
    _need_room(job, job.size)
    try:
        gdown.download(
            id=drive_id, output=str(output), quiet=not job.progress, use_cookies=False, resume=True, **options
        )
    except Exception as error:  # gdown lets through those of requests and bs4 besides its own
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        raise _Refused(_reason(error)) from error
    if not output.is_file():
        raise _Refused("gdown gave no file")
    os.replace(output, job.part)
    _finish(job)


def _reason(error: Exception) -> str:
    """An error of requests or gdown in a few words."""
    from requests import exceptions

    if isinstance(error, exceptions.Timeout) or "timed out" in str(error).lower():
        return "no answer in time"
    for kind, words in (
        (exceptions.ChunkedEncodingError, "the connection broke"),
        (exceptions.ProxyError, "no connection through the proxy"),
        (exceptions.SSLError, "no trusted connection (TLS)"),
        (exceptions.ConnectionError, "no connection"),
    ):
        if isinstance(error, kind):
            return words
    if re.search(r"quota|many accesses|too many users", str(error), re.IGNORECASE):
        return "Google Drive says that it was downloaded too often lately, or is not shared"
    return " ".join(str(error).split())[:200] or type(error).__name__


# ---------------------------------------------------------------- beside the part


def _note_tag(job: _Job, url: str, tag: str) -> None:
    job.tag.unlink(missing_ok=True)
    if tag.startswith('"'):  # a weak tag, W/"...", promises no equal bytes
        job.tag.write_text(f"{url}\n{tag}", encoding="utf8")


def _tag(job: _Job, url: str) -> str:
    with suppress(OSError, ValueError):
        noted, tag = job.tag.read_text(encoding="utf8").split("\n")
        return tag if noted == url else ""
    return ""


def _need_room(job: _Job, missing: int) -> None:
    if shutil.disk_usage(job.target.parent).free < missing:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _disk_errors_told(job: _Job) -> Iterator[None]:
    """Makes the folder; turns what the disk refuses into one sentence."""
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise W2LError(
                f"the disk is full: {job.target.name} needs {job.size / 2**20:.1f} MiB in {job.target.parent}; free "
                "some space, or set W2L_CACHE to a folder on another disk."
            ) from error
        reason = error.strerror or error
        raise W2LError(f"cannot write {job.target}: {reason}; set W2L_CACHE to a folder you may write to.") from error


@contextmanager
def _alone(job: _Job) -> Iterator[None]:
    """Holds the lock of that file, waiting for whoever has it; the system takes it back from a process that dies."""
    from filelock import FileLock, Timeout

    name = job.target.name
    lock = FileLock(job.target.with_name(f".{name}.lock"))
    # Without locks, as on some network disks, two downloads into one part give a wrong hash and are thrown away.
    with suppress(NotImplementedError):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if job.progress:
                print(f"another process is fetching {name}; waiting for it", file=sys.stderr)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
