"""Where weights lie on this machine, and how the published ones are fetched and checked.

Looked for in order: an explicit path, the bundled ones, what ``$W2L_WEIGHTS`` names, the cache, the folder ``w2l`` of a
mounted Google Drive, the inputs bound to an OpenBayes or Kaggle container.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from w2l.base import files, paths
from w2l.base.files import hash_of
from w2l.errors import W2LError
from w2l.weights.fetch import fetch_file
from w2l.weights.registry import REGISTRY as REGISTRY
from w2l.weights.registry import Entry as Entry
from w2l.weights.registry import describe_file

CLASSROOM = "classroom"  # the bundled generator that dubs
BUNDLED = {  # name -> what it is; small, trained on drawn faces, under the licence of the code
    CLASSROOM: "generator: pixels, then the expert",
    "classroom_generator_l1": "the generator after pixels alone",
    "classroom_generator_gan": "the generator sharpened by the quality discriminator",
    "classroom_generator_gamed": "a generator that fools the expert and draws no mouth: for teaching",
    "classroom_expert": "lip-sync expert",
    "classroom_judge": "an earlier lip-sync expert, which judges the ablation's runs",
    "classroom_quality_disc": "visual quality discriminator",
    "classroom_meter": "mouth meter: reads opening and width off a face",
}
PUBLISHED = ("wav2lip", "wav2lip_gan")  # the generators of the registry
_DRIVE = Path("/content/drive/MyDrive/w2l")
_INPUTS = (Path("/openbayes/input"), Path("/hyperai/input"), Path("/kaggle/input"))


def places() -> list[Path]:
    """Where published weights are looked for, in order, whether there or not; ``$W2L_WEIGHTS`` may name files too."""
    named = [Path(part).expanduser() for part in os.environ.get("W2L_WEIGHTS", "").split(os.pathsep) if part]
    bound = [folder for inputs in _INPUTS for one in _folders(inputs) for folder in (one, *_folders(one))]
    return [*named, _folder(), _DRIVE, *bound]


def locate(name: str) -> Path | None:
    """The file of a name in the registry, of the right size, or None when no place holds one; nothing is fetched.

    Raises W2LError for a name that is not in the registry.
    """
    entry = _entry(name)
    return next((path for path in _candidates(entry) if path.stat().st_size == entry.bytes), None)


def status(name: str) -> str:
    """``"here"``, ``"wrong"`` (only files of another size) or ``"absent"``, for a name in the registry."""
    if locate(name):
        return "here"
    return "wrong" if any(_candidates(_entry(name))) else "absent"


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a bundled name (``classroom``), of a name in `REGISTRY`, or of a path, which is returned as it is.

    Nothing is fetched. Raises W2LError when there is no such file here, and when a published one has another size than
    it should: the error names what it is instead (a web page, a git-LFS pointer, truncated ...).
    """
    name = os.fspath(name_or_path)
    stem = "classroom_generator" if name == CLASSROOM else name  # known by both names
    if name in BUNDLED or stem == "classroom_generator":
        path = paths.data() / "weights" / f"{stem}.safetensors"
        if not path.is_file():
            raise W2LError(f"the {name} weights are missing ({path}); install w2l again from its repository.")
        return path
    if name in REGISTRY:
        return _find_published(REGISTRY[name])
    if not Path(name).is_file():
        known = ", ".join([*BUNDLED, *REGISTRY])
        raise W2LError(f"no such weights: {name}; give a checkpoint file or one of {known}.")
    return Path(name)


def verify(name: str) -> Path:
    """The file that `find` gives for a name in the registry, once its sha256 is found right.

    Reads all of it (a second for 400 MB). Raises W2LError when it is absent or another file than the published one.
    """
    entry = _entry(name)
    path = _find_published(entry)
    if _hash(path, known=False) != entry.sha256:
        raise _other(path, entry)
    return path


def accepted(name: str) -> bool:
    """Whether the licence of these weights asks for nothing, or has been accepted on this machine."""
    licence = _entry(name).licence
    if not licence.ask:
        return True
    with suppress(OSError, ValueError):
        return licence.text in _acceptances().read_text(encoding="utf8").splitlines()
    return False


def fetch(name: str, accept_licence: bool = False, progress: bool = True) -> Path:
    """The file of a name in the registry, fetched into the cache unless a right one is here already.

    accept_licence: True says that you accept the terms (see `Entry.licence`); asked for weights that are for research
    only, remembered afterwards. progress: shows a bar. An interrupted download goes on where it ended. ``$W2L_MIRROR``
    is tried first: the address of a folder with the files under their own names, or, with ``{url}`` in it, an address
    in which every mirror's own is put.

    Raises W2LError when the licence is not accepted, when no mirror gave the right file (and what to do then), when a
    file in a folder of yours is another than its name says, and when the disk is full or may not be written.
    """
    if name in BUNDLED:
        return find(name)
    entry = _entry(name)
    target = _folder() / entry.file
    for path in _candidates(entry):
        if path.stat().st_size == entry.bytes:
            if _hash(path) == entry.sha256:
                return path
            if path != target:
                raise _other(path, entry)
    _accept(entry, accept_licence)
    fetch_file(target, _mirrors(entry), entry.bytes, entry.sha256, entry.drive_id, progress)
    _remember(target, entry.sha256)
    return target


# ---------------------------------------------------------------- here or not


def _folder() -> Path:
    """Where fetched weights go."""
    return paths.cache() / "weights"


def _folders(parent: Path) -> list[Path]:
    with suppress(OSError), os.scandir(parent) as found:
        return sorted(Path(one.path) for one in found if one.is_dir())
    return []


def _entry(name: str) -> Entry:
    if name not in REGISTRY:
        raise W2LError(f"no published weights are called {name!r}; there are {', '.join(REGISTRY)}.")
    return REGISTRY[name]


def _candidates(entry: Entry) -> Iterator[Path]:
    """The files that bear the entry's name, in the order of `places`."""
    names = (entry.file, *entry.also)
    for place in places():
        for path in (place, *(place / name for name in names)):
            if path.name in names and path.is_file():
                yield path


def _find_published(entry: Entry) -> Path:
    if path := locate(entry.name):
        return path
    for path in _candidates(entry):
        what = describe_file(path, entry.bytes)
        raise W2LError(
            f"{path} is not the weights {entry.name} but {what}; delete it and run 'w2l weights fetch {entry.name}'."
        )
    raise W2LError(
        f"the weights {entry.name} are not on this machine; run 'w2l weights fetch {entry.name}', or put {entry.file} "
        f"into {_folder()} or into a folder named by W2L_WEIGHTS."
    )


def _other(path: Path, entry: Entry) -> W2LError:
    return W2LError(
        f"{path} has the size of the weights {entry.name} but another content (its sha256 is not {entry.sha256}); "
        f"delete it and run 'w2l weights fetch {entry.name}'."
    )


def _hash(path: Path, known: bool = True) -> str:
    """The sha256 of a file; `known`: as remembered, when its size and time of change are still the same."""
    memory = _memory().get(str(path.resolve()))
    if known and memory and memory[:2] == _stamp(path):
        return memory[2]
    found = hash_of(path)
    _remember(path, found)
    return found


def _remember(path: Path, sha256: str) -> None:
    with suppress(OSError, W2LError), files.atomic(_folder() / "verified.json") as temporary:
        temporary.write_text(json.dumps({**_memory(), str(path.resolve()): [*_stamp(path), sha256]}), encoding="utf8")


def _memory() -> dict[str, list]:
    with suppress(OSError, ValueError):
        found = json.loads((_folder() / "verified.json").read_text(encoding="utf8"))
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
    with files.atomic(_acceptances()) as temporary:
        temporary.write_text(f"{before}{entry.licence.text}\n", encoding="utf8")
