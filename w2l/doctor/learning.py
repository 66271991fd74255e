"""Signs of learning: at which rates a fresh expert learns one batch of these clips by heart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from w2l.base.progress import progress_bar
from w2l.data.clip import Clip
from w2l.doctor.limits import LEARNED, RATE_STEPS
from w2l.train.data import TrainingData
from w2l.train.engine.options import RunOptions
from w2l.train.engine.sanity import memorise
from w2l.train.expert import ExpertTrainer
from w2l.train.settings import ExpertConfig

RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_CLIPS, _WINDOWS, _WIDTH = 4, 4, 0.125  # of the batch, and the widest network tried: enough to tell, quick on a laptop
_SEED = 99


@dataclass(frozen=True)
class Sweep:
    """losses: rate -> the losses of one batch while it is learned by heart, until they have halved."""

    losses: dict[float, list[float]]

    def works(self, rate: float) -> bool:
        """Whether the loss has halved in time."""
        return self.losses[rate][-1] <= LEARNED * self.losses[rate][0]

    @property
    def quickest(self) -> float:
        """The rate that took the fewest steps, or else got farthest."""
        return min(self.losses, key=lambda rate: (not self.works(rate), len(self.losses[rate]), self.losses[rate][-1]))

    def fits(self, rate: float) -> bool:
        """Whether this rate and all those between it and the quickest work. At rates that are far too high one batch
        is learned by heart now and then, because batch norm undoes the size of the weights."""
        low, high = sorted((rate, self.quickest))
        return all(self.works(one) for one in self.losses if low <= one <= high)

    def numbers(self) -> dict[str, float]:
        """`rate_lowest`, `rate_highest`: of those that fit, NaN where none does; `batch_fall`: what is left of the
        first loss at the quickest."""
        left, fitting = self.losses[self.quickest], [rate for rate in self.losses if self.fits(rate)]
        ends = {"rate_lowest": min(fitting, default=math.nan), "rate_highest": max(fitting, default=math.nan)}
        return {"batch_fall": left[-1] / left[0], **ends}


def sweep(
    clips: Sequence[Clip],
    config: ExpertConfig,
    device: str = "cpu",
    rates: Sequence[float] = RATES,
    progress: bool = False,
) -> Sweep | None:
    """Learns one batch by heart at each rate, with a fresh network of the settings' kind, but no wider than 0.125.

    The settings' own rate is tried too. None where no clip is long enough for a batch.
    """
    small = replace(config, width=min(config.width, _WIDTH), clips=_CLIPS, windows=_WINDOWS, pairs="all", augment=False)
    long = [clip for clip in clips if clip.starts > small.windows]
    if not long:
        return None
    options = RunOptions(Path("unused"), device=device, amp="off", progress=False, sanity=False)
    with torch.random.fork_rng():
        trainer = ExpertTrainer(small, TrainingData(long, long[:1], "examined"), options)
        drawn = trainer.draw(np.random.default_rng([_SEED, config.seed]), 0, 1)
        batch = {key: torch.from_numpy(value).to(trainer.device) for key, value in drawn.items()}
        bar = progress_bar(sorted({*rates, config.learning_rate}), desc="learning rates", unit="rate", show=progress)
        return Sweep({rate: memorise(trainer, batch, rate, RATE_STEPS, math.inf) for rate in bar})
