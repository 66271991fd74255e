"""Where and how fast a training runs, apart from what is learned."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from w2l.base import files
from w2l.base.choices import choice, documented
from w2l.errors import W2LError


@documented
@dataclass(frozen=True)
class RunOptions:
    """The run folder of a training, and how the training is computed; nothing here changes what is learned.

    Raises W2LError when the folder is a file.
    """

    folder: Path
    device: str = choice("auto", "where to compute: auto, cpu, cuda, mps")
    amp: str = choice("auto", "precision of convolutions: auto, off (float32), bf16 or fp16")
    accumulate: int = choice(
        1, "compute each batch in this many parts, one after the other, to save memory", metavar="N"
    )
    compile: bool = choice(False, "compile the networks with torch.compile")
    workers: int | None = choice(
        None, "processes that draw batches", parse=int, metavar="N", default_help="chosen for the device"
    )
    save_every: int | None = choice(
        None, "steps between checkpoints", parse=int, metavar="STEPS", default_help="about every 2 minutes"
    )
    keep: int = choice(3, "checkpoints to keep besides the best", metavar="N")
    copy_to: Path | None = choice(
        None,
        "a folder, such as one on a mounted Drive, to copy the run folder to, and to restore it from when it is empty",
        parse=Path,
        metavar="FOLDER",
        default_help="none",
    )
    sanity: bool = choice(
        True,
        "check data, expert and network before a new training",
        "--no-sanity",
        option_help="skip the checks before a new training",
    )
    progress: bool = choice(True, "show a progress bar", "--quiet", option_help="no progress bar")

    def __post_init__(self) -> None:
        if self.folder.is_file():  # told before clips are made, which takes minutes
            raise W2LError(f"{self.folder} is a file, not a run folder; choose another folder.")

    def result(self, name: str, *inputs: str | os.PathLike[str] | None) -> Path:
        """Where the trained weights of this network go. Raises W2LError, before the training, for one of its inputs."""
        path = self.folder / f"{name}.safetensors"
        with files.keeping(*(given for given in inputs if given is not None)):
            files.check_output(path)
        return path
