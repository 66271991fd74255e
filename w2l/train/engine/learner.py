"""A network in training: forward, backward and optimizer step, in mixed precision, in parts, across processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from w2l.models.fast.generate import channels_last
from w2l.train.engine import distributed
from w2l.train.engine.batch_norm import PartStatistics
from w2l.train.engine.compiled import Compiled
from w2l.train.engine.precision import Precision, new_scaler


class Learner:
    """A network with its optimizer, the scheduler of its learning rate, and the scaler of its loss.

    It is used like plain PyTorch::

        learner.zero_grad()
        for batch in parts:  # one part, the whole batch, unless it is split to save memory or across processes
            learner.backward(loss_of(learner(batch)))
        learner.step(number)

    schedule: gives the learning rate at a step. parts: how many parts a batch has, over all processes; losses are
    divided by it, so that with two parts the result is bit for bit the same whichever process computes which part.
    frozen_norm: whether batch norm keeps its statistics, as in eval mode. compile: use torch.compile for the forward
    pass.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Callable[[int], float],
        precision: Precision,
        parts: int = 1,
        betas: tuple[float, float] = (0.9, 0.999),
        frozen_norm: bool = False,
        compile: bool = False,
    ) -> None:
        self.network, self.schedule, self.precision, self.parts = network, schedule, precision, parts
        self.frozen_norm = frozen_norm
        self.forward: Callable[..., Any] = Compiled(network) if compile else network
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = _adam(self.parameters, schedule(0), betas)
        self.scaler = new_scaler(precision)
        self.statistics: PartStatistics | None = None
        self.has_gradients = False

    def __call__(self, *inputs: torch.Tensor) -> Any:
        """The network's output in float32, computed in mixed precision. inputs: (B, C, H, W)."""
        inputs = tuple(one.contiguous(memory_format=torch.channels_last) for one in inputs)  # as the weights
        if not self.network.training:
            return self.precision(self.network, *inputs)
        if self.statistics:
            self.statistics.collect()  # those of the previous part
        return self.precision(self.forward, *inputs)

    def zero_grad(self) -> None:
        """Begins a step: switches to train mode and clears the gradients."""
        self.network.train(not self.frozen_norm)
        self.optimizer.zero_grad(set_to_none=True)
        self.statistics = PartStatistics(self.network) if self.parts > 1 else None
        self.has_gradients = False

    def backward(self, loss: torch.Tensor) -> None:
        """Adds the gradients of one part's loss, which is scaled up in float16, or small gradients would vanish."""
        self.scaler.scale(loss / self.parts).backward()
        self.has_gradients = True

    def step(self, number: int, clip: float = 0.0) -> None:
        """Updates the weights by the gradients of all parts and processes, clipped to norm `clip` (0: no limit)."""
        if self.statistics:
            self.statistics.apply(self.parts)
        if not self.has_gradients:
            return
        distributed.add_up([p.grad for p in self.parameters if p.grad is not None])
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule(number)
        if clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.parameters, clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep besides the network."""
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def to_device(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, with weights channels-last, the order in which convolutions read them fastest."""
    return channels_last(network.to(device))


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """A context in which the network passes gradients on to its input, but its own weights get none."""
    learned = [p for p in network.parameters() if p.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)


def _adam(parameters: list[nn.Parameter], rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam in one fused kernel, or, where this torch or device has none, in a few kernels for all weights together."""
    try:
        return torch.optim.Adam(parameters, lr=rate, betas=betas, fused=True)
    except RuntimeError:
        return torch.optim.Adam(parameters, lr=rate, betas=betas, foreach=True)
