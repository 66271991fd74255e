"""Files: written atomically, identified by the hash of their content."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from w2l.errors import W2LError

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path in the same folder (same suffix), renamed to ``path`` on success, removed on failure.

    Creates the parent folder. Raises W2LError, before the block runs, when ``path`` cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise W2LError(f"cannot write {target}: it is a folder; give the name of a file.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise W2LError(
            f"cannot write {target}: {error.strerror or error}; choose a folder you may write to."
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        _give_usual_mode(temporary)
        os.replace(temporary, target)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        raise W2LError(f"cannot write {target}: {error.strerror}; free some space or choose another folder.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _give_usual_mode(path: Path) -> None:
    """Gives the file the mode an ordinary ``open`` would have given it (mkstemp makes it private)."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def hash_of(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
