"""Where and how fast a training runs, apart from what is learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """Where a training runs and how fast; none of it says what is learned.

    amp: ``auto``, ``off``, ``bf16`` or ``fp16`` (see `precision.Precision`). accumulate: parts that a batch is computed
    in, one after the other, where the whole does not fit into memory. compile: let torch.compile write the kernels.
    workers: processes that draw batches, None: as many as help. save_every: steps between checkpoints, None: about
    every two minutes. keep: how many checkpoints are kept besides the best. copy_to: a folder that the run folder is
    copied to in the background, such as one on a mounted Drive; an empty run folder is restored from there. sanity:
    whether a fresh training first checks itself (`sanity`). progress: whether there is a progress bar.
    """

    folder: Path
    device: str = "auto"
    amp: str = "auto"
    accumulate: int = 1
    compile: bool = False
    workers: int | None = None
    save_every: int | None = None
    keep: int = 3
    copy_to: Path | None = None
    sanity: bool = True
    progress: bool = True
