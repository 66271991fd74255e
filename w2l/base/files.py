"""Files: written atomically and never over an input, names that fit, the hash of their content."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from w2l.errors import W2LError

AnyPath = str | os.PathLike[str]

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_ADVICE = {
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "its links lead in a circle; remove them, or choose another name",
}
_LONGEST_NAME = 255  # bytes, where the system does not say
_LONGEST_TEMPORARY = 100  # bytes of a temporary name, where the file's own name is shorter; all file systems take it
_RANDOM = 8  # characters in a temporary name that tell it from others

# The files that are being read, as device and inode: they may have other names (links, another case, relative paths).
_inputs: Counter[tuple[int, int]] = Counter()


@contextmanager
def keeping(*inputs: AnyPath) -> Iterator[None]:
    """While the block runs, no file is written over one of these, whatever its name is: `atomic` raises W2LError.

    Paths without a file are ignored.
    """
    known = [_identity(status) for path in inputs if (status := _status(path)) is not None]
    _inputs.update(known)
    try:
        yield
    finally:
        _inputs.subtract(known)


def check_output(path: AnyPath) -> Path:
    """The file that will be written at this path: where it is a symbolic link, the file that it leads to.

    Raises W2LError when it is one of the inputs (see `keeping`), a folder or a device, or when no file can have its
    name.
    """
    try:
        target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
        status = os.stat(target)
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise W2LError(f"cannot write {os.fspath(path)}: {_reason(error)}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise W2LError(f"cannot write {path}: it is a folder; give the name of a file.")
    if not stat.S_ISREG(status.st_mode):
        raise W2LError(f"cannot write {path}: it is a device or a pipe; give the name of a file.")
    if _inputs[_identity(status)] > 0:
        raise W2LError(f"{path} is both input and output; give the result another name.")
    return target


@contextmanager
def atomic(path: AnyPath) -> Iterator[Path]:
    """Yields a temporary path (same suffix), which becomes the file ``path`` on success and is removed on failure.

    Creates the parent folder. A symbolic link stays one; the file that it leads to is written. Raises W2LError, before
    the block runs, when ``path`` cannot be written; see `check_output`.
    """
    target, suffix = check_output(path), Path(path).suffix
    temporary = target.with_name(f"{_prefix(target, suffix)}{secrets.token_hex(_RANDOM // 2)}{suffix}")
    try:
        try:
            Path(os.path.realpath(target.parent)).mkdir(parents=True, exist_ok=True)
            temporary.touch(exist_ok=False)  # in this block, so that an interrupt at any moment leaves nothing
        except OSError as error:
            raise W2LError(f"cannot write {path}: {_reason(error)}.") from error
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        raise W2LError(f"cannot write {path}: {error.strerror}; free some space or choose another folder.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_text(path: AnyPath, text: str) -> Path:
    """Writes a text file in UTF-8, atomically; returns its path.

    Line ends stay as they are. Of a file name that is not UTF-8, each byte that is wrong is written as an escape.
    """
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode("utf8", "backslashreplace"))
    return Path(path)


def fitting(path: AnyPath) -> Path:
    """The path; its name is shortened if the file system takes none of that length. For names made of other names.

    A shortened name ends in digits of the hash of the whole one, so that different names stay different.
    """
    path = Path(path)
    most = _longest_name(path.parent)
    if len(os.fsencode(path.name)) <= most:
        return path
    end = f"-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]}{path.suffix}"
    return path.with_name(_cut(path.stem, most - len(os.fsencode(end))) + end)


def hash_of(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _status(path: AnyPath) -> os.stat_result | None:
    with suppress(OSError, ValueError):
        return os.stat(path)
    return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _reason(error: OSError | ValueError) -> str:
    """What is wrong with a path, and what to do."""
    if not isinstance(error, OSError):
        return f"{error}; choose another name"
    return f"{error.strerror or error}; {_ADVICE.get(error.errno or 0, 'choose a folder you may write to')}"


def _prefix(target: Path, suffix: str) -> str:
    """What a temporary name begins with; cut so that the whole fits where the target's name does."""
    most = max(_LONGEST_TEMPORARY, len(os.fsencode(target.name)))
    return f".{_cut(target.stem, most - len(os.fsencode(suffix)) - _RANDOM - 2)}."


def _longest_name(folder: Path) -> int:
    """How many bytes a name in the folder may have; the folder need not exist yet."""
    for place in (folder, *folder.parents):
        with suppress(OSError, ValueError, AttributeError):  # there is no such call on Windows
            return os.pathconf(place, "PC_NAME_MAX")
    return _LONGEST_NAME


def _cut(text: str, most: int) -> str:
    """As many of the first characters as fit into so many bytes."""
    while len(os.fsencode(text)) > most:
        text = text[:-1]
    return text
