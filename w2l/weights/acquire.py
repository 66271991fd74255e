"""Published weights on this machine: fetched once their licence is accepted, and checked against their sha256."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from w2l.base import files, paths
from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.weights.download import fetch_file
from w2l.weights.registry import Entry
from w2l.weights.resolve import BUNDLED, candidates, entry_of, fetched, find, find_published


def verify(name: str) -> Path:
    """The file of a name in the registry, after a check of its sha256.

    Reads the whole file (a second for 400 MB). Raises W2LError when it is absent or is not the published file.
    """
    entry = entry_of(name)
    path = find_published(entry)
    if _hash(path, known=False) != entry.sha256:
        raise _other(path, entry)
    return path


def accepted(name: str) -> bool:
    """Whether the licence of these weights needs no consent, or has been accepted on this machine."""
    licence = entry_of(name).licence
    if not licence.ask:
        return True
    with suppress(OSError, ValueError):
        return licence.text in _acceptances().read_text(encoding="utf8").splitlines()
    return False


def fetch(name: str, accept_licence: bool = False, progress: bool = True) -> Path:
    """The file of a name in the registry: downloaded into the cache unless a correct one is on this machine.

    accept_licence: True says that you accept the terms (see `Entry.licence`); needed once for weights that are for
    research only, remembered afterwards. progress: shows a bar. An interrupted download is resumed. ``$W2L_MIRROR`` is
    tried first: the address of a folder that holds the files under their own names, or an address with ``{url}`` in
    it, which is replaced by the address of each mirror.

    Raises W2LError when the licence is not accepted, when no mirror had the right file (the message says what to do
    then), when a file in one of your folders is not what its name says, and when the disk is full or cannot be written.
    """
    if name in BUNDLED:
        return find(name)
    entry = entry_of(name)
    target = fetched() / entry.file
    for path in candidates(entry):
        if path.stat().st_size == entry.bytes:
            if _hash(path) == entry.sha256:
                return path
            if path != target:
                raise _other(path, entry)
    _accept(entry, accept_licence)
    fetch_file(target, _mirrors(entry), entry.bytes, entry.sha256, entry.drive_id, progress)
    _remember(target, entry.sha256)
    return target


# ---------------------------------------------------------------- checked, and remembered


def _other(path: Path, entry: Entry) -> W2LError:
    return W2LError(
        f"{path} has the size of the weights {entry.name} but different content (its sha256 is not {entry.sha256}); "
        f"delete it and run 'w2l weights fetch {entry.name}'."
    )


def _hash(path: Path, known: bool = True) -> str:
    """The sha256 of a file. known: use the remembered one if size and modification time are unchanged."""
    memory = _memory().get(str(path.resolve()))
    if known and memory and memory[:2] == _stamp(path):
        return memory[2]
    found = hash_of(path)
    _remember(path, found)
    return found


def _remember(path: Path, sha256: str) -> None:
    known = {**_memory(), str(path.resolve()): [*_stamp(path), sha256]}
    with suppress(OSError, W2LError):
        files.write_text(fetched() / "verified.json", json.dumps(known))


def _memory() -> dict[str, list[Any]]:
    with suppress(OSError, ValueError):
        found = json.loads((fetched() / "verified.json").read_text(encoding="utf8"))
        return found if isinstance(found, dict) else {}
    return {}


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


# ---------------------------------------------------------------- fetching


def _mirrors(entry: Entry) -> list[str]:
    prefix = os.environ.get("W2L_MIRROR", "").strip()
    if not prefix:
        return list(entry.mirrors)
    if not prefix.startswith(("http://", "https://")):
        raise W2LError(
            f"W2L_MIRROR is {prefix!r}; give an address that begins with https:// (for a folder, use W2L_WEIGHTS)."
        )
    if "{url}" in prefix:
        return [*(prefix.replace("{url}", url) for url in entry.mirrors), *entry.mirrors]
    return [f"{prefix.rstrip('/')}/{entry.file}", *entry.mirrors]


def _acceptances() -> Path:
    return paths.cache() / "accepted_licences.txt"


def _accept(entry: Entry, accept: bool) -> None:
    if accepted(entry.name):
        return
    if not accept:
        raise W2LError(
            f"the weights {entry.name} are for {entry.licence.kind}: {entry.licence.text} If you accept that, say so "
            f"once, with 'w2l weights fetch {entry.name} --accept-licence', or accept_licence=True in Python."
        )
    before = _acceptances().read_text(encoding="utf8") if _acceptances().is_file() else ""
    files.write_text(_acceptances(), f"{before}{entry.licence.text}\n")
