"""Where weights lie on this machine: the bundled ones, a folder the user names, and the cache."""

from __future__ import annotations

import os
from pathlib import Path

from w2l import paths
from w2l.errors import W2LError

BUNDLED = {"classroom": "classroom_generator.safetensors"}
PUBLISHED = {"wav2lip": "wav2lip.pth", "wav2lip_gan": "wav2lip_gan.pth"}  # the names people know -> the published files


def places() -> list[Path]:
    """The folders in which published weights are looked for, in order: those of ``$W2L_WEIGHTS``, then the cache."""
    named = [Path(part).expanduser() for part in os.environ.get("W2L_WEIGHTS", "").split(os.pathsep) if part]
    return [*named, paths.cache() / "weights"]


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a generator: ``classroom``, ``wav2lip``, ``wav2lip_gan``, or a path.

    Raises W2LError when there is no such file here; nothing is fetched.
    """
    name = os.fspath(name_or_path)
    if name in BUNDLED:
        path = paths.data() / "weights" / BUNDLED[name]
        if not path.is_file():
            raise W2LError(f"the {name} weights are missing ({path}); install w2l again from its repository.")
        return path
    if name in PUBLISHED:
        folders = places()
        for folder in folders:
            if (folder / PUBLISHED[name]).is_file():
                return folder / PUBLISHED[name]
        raise W2LError(
            f"the weights {name} are not on this machine, and fetching them is not built in yet: "
            f"put {PUBLISHED[name]} into {folders[-1]} or into a folder named by W2L_WEIGHTS."
        )
    if not Path(name).is_file():
        known = ", ".join([*BUNDLED, *PUBLISHED])
        raise W2LError(f"no such weights: {name}; give a checkpoint file or one of {known}.")
    return Path(name)
