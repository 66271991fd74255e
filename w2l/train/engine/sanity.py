"""A few seconds of checks before hours of training: can it learn at all, is the data in sync, does the expert know it?

Networks, gate and random numbers are left as they were.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from w2l import models
from w2l.data.clip import Clip
from w2l.errors import W2LError
from w2l.sync.curve import accuracy, pairs_curve
from w2l.sync.experts import load_expert
from w2l.sync.scorer import pair_cosines
from w2l.train.engine.trainer import Batch, Trainer
from w2l.train.judge import Judge

_STEPS, _SECONDS, _RATE = 40, 8.0, 1e-3  # of overfitting one batch
_CLIPS, _FRAMES = 8, 34
_KNOWS = 0.6  # accuracy from which an expert's offsets are trusted; chance is 0.5
_OTHER_SEED = 99  # so that the batch differs from those in training


@dataclass(frozen=True)
class Check:
    """One question, its answer (None: unknown), and what that means."""

    name: str
    holds: bool | None
    said: str

    def __str__(self) -> str:
        return f"sanity: {'ok' if self.holds else 'NOT OK' if self.holds is False else 'unknown'}: {self.said}"


def checks(trainer: Trainer) -> list[Check]:
    """The checks that apply to this training; nothing in it is changed."""
    with torch.random.fork_rng():
        return [overfits(trainer), *_in_sync(trainer)]


def overfits(trainer: Trainer) -> Check:
    """Whether the main network can memorise one small batch in a few seconds."""
    values = memorise(trainer, _small_batch(trainer))
    first, last = np.mean(values[:2]), np.mean(values[-2:])
    said = f"the loss of one batch goes from {first:.3g} to {last:.3g} in {len(values)} steps"
    if last < (0.95 if "start" in trainer.metadata else 0.8) * first:
        return Check("overfit", True, said)
    if len(values) < _STEPS:
        return Check("overfit", None, f"{said}: this machine is too slow to tell")
    return Check("overfit", False, f"{said}: a network that cannot memorise one batch learns nothing from many")


def memorise(
    trainer: Trainer, batch: Batch, rate: float = _RATE, steps: int = _STEPS, seconds: float = _SECONDS
) -> list[float]:
    """The losses of the main network while it learns one batch at this rate, until they have halved, for at most so
    many steps and seconds. The network is left as it was."""
    network = trainer.network
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=rate)
    values: list[float] = []
    until = time.monotonic() + seconds
    network.train()
    while len(values) < steps and (len(values) < 5 or (time.monotonic() < until and values[-1] > values[0] / 2)):
        loss = trainer.main_loss(batch, trainer.steps - 1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    network.load_state_dict(before)
    for parameter in network.parameters():
        parameter.grad = None
    return values


def _small_batch(trainer: Trainer) -> Batch:
    rng = np.random.default_rng([_OTHER_SEED, trainer.config.seed])
    try:
        drawn = trainer.draw(rng, trainer.steps - 1, 4)
    except W2LError:  # cannot be split
        drawn = trainer.draw(rng, trainer.steps - 1, 1)
    return {key: torch.from_numpy(value).to(trainer.device) for key, value in drawn.items()}


def _in_sync(trainer: Trainer) -> list[Check]:
    """What an expert says about the training clips: the one that will judge, or for talker clips the bundled one."""
    if not trainer.uses_sound:
        return []
    judge, clips = trainer.judge, trainer.data.train
    if judge is None and clips[0].truth is not None:
        try:
            bundled = models.load("classroom_expert", network="syncnet")
            judge = Judge(bundled, trainer.device, trainer.precision)
        except W2LError:
            pass
    if judge is None:
        return [Check("in sync", None, "whether sound and picture are in sync cannot be checked without an expert")]
    return judged(judge, clips, own=trainer.judge is not None)


def judged(judge: Judge, clips: Sequence[Clip], own: bool = True) -> list[Check]:
    """Whether the expert tells in-sync windows of these clips from others, and finds their sound in time.

    own: whether it is the expert that this training uses.
    """
    picked = clips[:: max(1, len(clips) // _CLIPS)][:_CLIPS]
    expert = load_expert(judge.network, judge.device)
    scores = [pair_cosines(expert, clip.beginning(_FRAMES).frames[:], clip.mel) for clip in picked]
    offsets = [pairs_curve(one).offset for one in scores]
    usual = max(set(offsets), key=offsets.count)
    right = float(np.mean([accuracy(one, usual) for one in scores]))
    who = "the expert" if own else "the bundled expert"
    said = f"{who} judges {right:.0%} of the window pairs of {len(picked)} clips right (chance: 50%)"
    said += f" with the sound moved by {usual} frames" if usual else ""
    found = []
    if right >= _KNOWS:
        found.append(Check("expert", True, said))
    elif own:
        meaning = "its sync loss would teach nothing; check the data's sync, or train an expert on these clips first"
        found.append(Check("expert", False, f"{said}: {meaning}"))
    exact = offsets.count(0)
    said = f"the sound of {exact} of {len(picked)} clips is in sync"
    if right < _KNOWS:
        found.append(Check("in sync", None if own else False, f"{said}, but the expert does not know these clips"))
    elif exact >= len(picked) / 2:
        found.append(Check("in sync", True, said))
    else:
        late = f"median {np.median(offsets):+.0f} frames, positive: sound late"
        found.append(Check("in sync", False, f"{said} ({late}); correct it in preprocessing"))
    return found
