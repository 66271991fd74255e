"""Downloads of large files: resumed, checked, and tried from one mirror after another.

Data is written to ``NAME.part`` beside the target, and renamed to the target once its size and sha256 are right.
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
from w2l.base.progress import can_draw, progress_bar
from w2l.errors import W2LError
from w2l.weights.registry import describe
from w2l.weights.registry import describe_file as describe_file

if TYPE_CHECKING:
    import requests

TIMEOUTS = (10.0, 30.0)  # seconds: to connect, and between two pieces of the response
PAUSES = (1.0, 3.0, 9.0)  # seconds before each retry of a mirror whose connection broke
_PIECE = 1 << 16
_ENOUGH = 1 << 20  # bytes: after a connection has delivered this many, the count of retries starts again
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Refused(Exception):
    """Why a mirror cannot provide the file; the next one is tried."""


class _Broken(Exception):
    """How a connection broke; the same mirror may resume. `reached`: whether it had answered before."""

    def __init__(self, reason: str, reached: bool = True) -> None:
        super().__init__(reason)
        self.reached = reached


@dataclass(frozen=True)
class _Job:
    """The file to download, and whether to show a progress bar."""

    target: Path
    size: int
    sha256: str
    progress: bool

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def tag(self) -> Path:
        """Keeps the address and ETag of the partial file, so that a server can tell whether its own has changed."""
        return self.target.with_name(f"{self.target.name}.part.etag")

    @property
    def drive(self) -> Path:
        """The folder in which gdown keeps its partial file."""
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
    """Downloads the file of `size` bytes with that sha256 (hexadecimal) to `target`, from the first mirror that has it.

    mirrors: http or https addresses, tried in order; drive_id: of a file on Google Drive, tried last. Nothing is
    downloaded when `target` is already correct; when another process is downloading the same file, this one waits.
    After any failure or interrupt the partial file stays, and the next call resumes it.
    Raises W2LError when every mirror failed (with a line for each, and what to do by hand), when the disk is full, and
    when the folder cannot be written.
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
    """Completes the partial file from one mirror and renames it."""
    begun = job.have() > 0
    _complete(job, url)
    try:
        _finish(job)
    except _Refused:
        if not begun:
            raise
        _complete(job, url)  # the first part, from elsewhere, may be wrong: download everything from this mirror
        _finish(job)


def _finish(job: _Job) -> None:
    """Renames the partial file if it is right; deletes it otherwise."""
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
    """Downloads until the partial file has its full size, retrying when the connection breaks."""
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
    """One request for the missing bytes; returns when the partial file has its full size."""
    import requests

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
        bar = progress_bar(total=size, initial=have, show=job.progress, **look)
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
    except (requests.RequestException, ValueError) as error:  # ValueError: not a valid address
        raise _Broken(_reason(error), reached=False) from error
    with answer:
        yield answer


def _start(job: _Job, answer: requests.Response, have: int) -> int:
    """The byte at which the answer begins: `have`, or 0 when the server sends the whole file."""
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
        raise _Broken("the server sent a different range from the one requested")
    if status == 416:
        raise _Refused(f"another file, shorter than the {have} bytes that are here already")
    reason = f"HTTP status {status} {answer.reason or ''}".rstrip()
    raise _Broken(reason) if status >= 500 or status == 429 else _Refused(reason)


def _check_first(job: _Job, piece: bytes, answer: requests.Response) -> None:
    """Refuses a wrong file by its first bytes or its announced size, before anything is written."""
    length = answer.headers.get("Content-Length", "")
    announced = int(length) if length.isdigit() else None
    junk = piece.lstrip().startswith((b"<", b"version https://git-lfs"))
    if junk or announced not in (None, job.size):
        raise _Refused(describe(piece, len(piece) if announced is None else announced, job.size))


def _append(job: _Job, piece: bytes, have: int) -> int:
    """Appends a piece at byte `have`, the end of the partial file; returns the new length."""
    end = have + len(piece)
    if end > job.size:
        job.drop()
        raise _Refused(f"another file of more than {job.size} bytes")
    with job.part.open("ab" if have else "wb") as file:
        file.write(piece)
    return end


def _take_from_drive(job: _Job, drive_id: str) -> None:
    """Downloads from Google Drive with gdown, which handles its confirmation pages and resumes in its own folder."""
    import gdown

    # gdown 6 can wait a limited time and try again; gdown 5 cannot.
    newer: dict[str, Any] = {"timeout": TIMEOUTS, "retries": len(PAUSES)}
    known = inspect.signature(gdown.download).parameters
    options = {name: value for name, value in newer.items() if name in known}
    options["quiet"] = not (job.progress and can_draw())
    output = job.drive / job.target.name
    job.drive.mkdir(exist_ok=True)
    _need_room(job, job.size)
    try:
        gdown.download(id=drive_id, output=str(output), use_cookies=False, resume=True, **options)
    except Exception as error:  # gdown raises errors of requests and bs4 besides its own
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        raise _Refused(_reason(error)) from error
    if not output.is_file():
        raise _Refused("gdown returned no file")
    os.replace(output, job.part)
    _finish(job)


def _reason(error: Exception) -> str:
    """An error of requests or gdown, in a few words."""
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


# ---------------------------------------------------------------- beside the partial file


def _note_tag(job: _Job, url: str, tag: str) -> None:
    job.tag.unlink(missing_ok=True)
    if tag.startswith('"'):  # a weak tag, W/"...", does not promise equal bytes
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
    """Makes the folder; turns errors of the disk into a W2LError."""
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
    """Holds the lock of that file, after waiting for its owner; the system releases it when a process dies."""
    from filelock import FileLock, Timeout

    name = job.target.name
    lock = FileLock(job.target.with_name(f".{name}.lock"))
    # Some network disks have no locks: two downloads into one file then give a wrong hash and are deleted.
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
