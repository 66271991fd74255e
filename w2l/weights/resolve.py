"""From a name to a weight file: every command, function and notebook calls `find`.

A name is that of bundled weights (``classroom``), of published ones (``wav2lip_gan``), or a path. Published weights are
searched for in the kit itself (the face detector), the folders and files of ``$W2L_WEIGHTS``, the cache, the folder
``w2l`` of a mounted Google Drive, and the data sets attached to an OpenBayes or Kaggle container. `acquire` fetches and
checks them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from w2l.base import paths
from w2l.errors import W2LError
from w2l.weights.registry import REGISTRY, Entry, describe_file

CLASSROOM = "classroom"  # the bundled generator that dubs
BUNDLED = {  # name -> what it is; small, trained on synthetic talkers, under the licence of the code
    CLASSROOM: "the generator that dubs by default; another name of classroom_generator_gan",
    "classroom_generator": "the generator trained on pixels, then with the expert",
    "classroom_generator_l1": "the generator trained on pixels alone",
    "classroom_generator_gamed": "a generator that fools the expert and draws no mouth, for teaching",
    "classroom_expert": "lip-sync expert",
    "classroom_judge": "a lip-sync expert of drawn talkers, from which the ablation's experts start",
    "classroom_quality_disc": "visual quality discriminator",
    "classroom_meter": "the mouth meter, which reads opening and width off a face",
}
PUBLISHED = ("wav2lip", "wav2lip_gan")  # the generators of the registry
# generators of larger faces -> the one that draws those that are small in the frame as well, and faster
FOR_SMALL_FACES = {"sharp": CLASSROOM}
_BUNDLED_FILES = {CLASSROOM: "classroom_generator_gan"}  # where the file is named differently from the weights


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The weight file for a name or path; a known name takes precedence over a file called the same.

    name_or_path: a bundled name (``classroom``, ``classroom_expert``), a name in `REGISTRY`, or a path, which is
    returned as it is. Nothing is fetched. Raises W2LError when there is no such file, and when a file with the name of
    published weights has the wrong size: the error says what it is instead (a web page, a git-LFS pointer, truncated).
    """
    name = os.fspath(name_or_path)
    bundled = _bundled_folder() / f"{_BUNDLED_FILES.get(name, name)}.safetensors"
    if bundled.parent == _bundled_folder() and os.path.isfile(bundled):
        return bundled
    if name in BUNDLED:
        raise W2LError(f"the {name} weights are missing ({bundled}); install w2l again from its repository.")
    if name in REGISTRY:
        return find_published(REGISTRY[name])
    if os.path.isfile(name):
        return Path(name)
    if os.path.isdir(name):
        raise W2LError(f"{name} is a folder, not a weight file; give a file in it.")
    known = ", ".join([*BUNDLED, *REGISTRY])
    raise W2LError(f"there are no weights {name!r}; give a weight file or one of the names {known}.")


def called(name_or_path: str | os.PathLike[str]) -> str:
    """What these weights are called in reports and in the metadata of weights made from them.

    The name itself, or the file's name without its folders.
    """
    return Path(name_or_path).name


def places() -> list[Path]:
    """Where published weights are searched for, in order, existing or not; ``$W2L_WEIGHTS`` may name files too."""
    named = [Path(part).expanduser() for part in os.environ.get("W2L_WEIGHTS", "").split(os.pathsep) if part]
    bound = [folder for one in paths.inputs() for folder in (one, *paths.folders_in(one))]
    return [paths.data() / "detector", *named, fetched(), paths.drive(), *bound]


def locate(name: str) -> Path | None:
    """The file of a name in the registry if one of the right size is on this machine, else None; nothing is fetched.

    Raises W2LError for a name that is not in the registry.
    """
    entry = entry_of(name)
    return next((path for path in candidates(entry) if path.stat().st_size == entry.bytes), None)


def status(name: str) -> str:
    """``"here"``, ``"wrong"`` (only files of another size) or ``"absent"``, for a name in the registry."""
    if locate(name):
        return "here"
    return "wrong" if any(candidates(entry_of(name))) else "absent"


def fetched() -> Path:
    """The folder in the cache that fetched weights go to."""
    return paths.cache() / "weights"


def _bundled_folder() -> Path:
    return paths.data() / "weights"


def entry_of(name: str) -> Entry:
    """The entry of a name in the registry. Raises W2LError for a name that is not in it."""
    if name not in REGISTRY:
        raise W2LError(f"no published weights are called {name!r}; there are {', '.join(REGISTRY)}.")
    return REGISTRY[name]


def candidates(entry: Entry) -> Iterator[Path]:
    """The files that have the name of an entry's file, right or wrong, in the order of `places`."""
    names = (entry.file, *entry.also)
    for place in places():
        for path in (place, *(place / name for name in names)):
            if path.name in names and path.is_file():
                yield path


def find_published(entry: Entry) -> Path:
    """The first file of an entry that has the right size; otherwise raises W2LError, which says what a wrong one is."""
    if path := locate(entry.name):
        return path
    for path in candidates(entry):
        what = describe_file(path, entry.bytes)
        raise W2LError(
            f"{path} is not the weights {entry.name} but {what}; delete it and run 'w2l weights fetch {entry.name}'."
        )
    raise W2LError(
        f"the weights {entry.name} are not on this machine; run 'w2l weights fetch {entry.name}', or put {entry.file} "
        f"into {fetched()} or into a folder named by W2L_WEIGHTS."
    )
