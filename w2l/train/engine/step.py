"""One step of a training: losses, gradients, updates; in mixed precision, in parts, averaged, over processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from w2l.train.engine import distributed
from w2l.train.engine.precision import Precision
from w2l.train.engine.task import Batch, Player, Run, Task


class Descent:
    """Holds the optimisers of a task's players and takes its steps."""

    def __init__(self, task: Task, run: Run) -> None:
        self.task = task
        self.parts = run.accumulate * distributed.world()
        self.movers = {name: _Mover(player, task.precision, run) for name, player in task.players.items()}
        decay = task.config["ema"]
        self.average = Average(next(iter(task.players.values())).network, decay) if decay else None

    def step(self, batches: list[Batch], step: int) -> dict[str, torch.Tensor]:
        """Updates each player in turn with this step's batches; returns the numbers for the log, means over batches.

        Losses are divided by the number of parts before they go back, and gradients only added up after, so that it
        makes no difference to any bit who computes which of two parts.
        """
        sums: dict[str, torch.Tensor] = {}
        for name, mover in self.movers.items():
            mover.begin(split=self.parts > 1)
            moved = False
            for batch in batches:
                loss, numbers = self.task.loss(name, batch, step)
                for key, value in numbers.items():
                    sums[key] = sums.get(key, 0) + value.detach() / len(batches)
                if loss is not None:
                    mover.backward(loss / self.parts)
                    moved = True
                mover.after_part()
            mover.end(step, self.parts, moved, self.task.config["clip"])
        if self.average:
            self.average.update()
        return sums

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep."""
        kept = {name: mover.state() for name, mover in self.movers.items()}
        return {"movers": kept, "average": self.average.shadow if self.average else {}}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        for name, mover in self.movers.items():
            mover.restore(state["movers"][name])
        if self.average:
            for key, value in self.average.shadow.items():
                value.copy_(state["average"][key])

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the first network has its averaged weights, where there are any."""
        if not self.average:
            yield
            return
        self.average.swap()
        try:
            yield
        finally:
            self.average.swap()


class Average:
    """An exponential moving average of a network's weights; its batch norm statistics are taken as they are."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = dict(network.named_parameters())
        self.shadow = {name: value.detach().clone() for name, value in self.live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """One more step."""
        torch._foreach_lerp_(list(self.shadow.values()), list(self.live.values()), 1 - self.decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the averaged weights and the network's own."""
        for name, value in self.live.items():
            kept = value.detach().clone()
            value.copy_(self.shadow[name])
            self.shadow[name].copy_(kept)


class _Mover:
    """A player's optimiser."""

    def __init__(self, player: Player, precision: Precision, run: Run) -> None:
        self.player = player
        player.precision = precision
        player.runner = _Compiled(player.network) if run.compile else player.network
        self.parameters = [p for p in player.network.parameters() if p.requires_grad]
        self.optimiser = _adam(self.parameters, player)
        self.scaler = torch.amp.GradScaler(precision.device.type) if precision.scaled else None
        self.statistics: _Statistics | None = None

    def begin(self, split: bool) -> None:
        """Before a step. split: whether its batch comes in parts, whose batch norm is one."""
        self.player.network.train(not self.player.frozen_norm)
        self.optimiser.zero_grad(set_to_none=True)
        self.statistics = _Statistics(self.player.network) if split else None

    def backward(self, loss: torch.Tensor) -> None:
        """Adds a part's gradients, scaled where float16 needs it."""
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def after_part(self) -> None:
        """Keeps the part's batch norm statistics."""
        if self.statistics:
            self.statistics.take()

    def end(self, step: int, parts: int, moved: bool, clip: float) -> None:
        """Moves the weights, by the gradients of all parts and processes. moved: whether there are any."""
        if self.statistics:
            self.statistics.give(parts)
        if not moved:
            return
        distributed.add_up([p.grad for p in self.parameters if p.grad is not None])
        for group in self.optimiser.param_groups:
            group["lr"] = self.player.rate(step)
        if clip and self.scaler:
            self.scaler.unscale_(self.optimiser)
        if clip:
            nn.utils.clip_grad_norm_(self.parameters, clip)
        if self.scaler:
            self.scaler.step(self.optimiser)
            self.scaler.update()
        else:
            self.optimiser.step()

    def state(self) -> dict[str, Any]:
        return {
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict() if self.scaler else {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state["optimiser"])
        if self.scaler and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def _adam(parameters: list[nn.Parameter], player: Player) -> torch.optim.Adam:
    """Adam in one kernel, or, where this torch or device has none, a few kernels for all weights together."""
    options: dict[str, Any] = {"lr": player.rate(0), "betas": player.betas}
    try:
        return torch.optim.Adam(parameters, fused=True, **options)
    except RuntimeError:
        return torch.optim.Adam(parameters, foreach=True, **options)


class _Statistics:
    """Batch norm's running statistics while a batch is computed in parts: each part starts from the same ones."""

    def __init__(self, network: nn.Module) -> None:
        buffers = list(network.buffers())
        self.floats = [b for b in buffers if b.is_floating_point()]
        self.counts = [b for b in buffers if not b.is_floating_point()]
        self.start = [b.clone() for b in self.floats]
        self.start_counts = [b.clone() for b in self.counts]
        self.total = [torch.zeros_like(b) for b in self.floats]

    @torch.no_grad()
    def take(self) -> None:
        """After a part: remembers by how much it moved them, and moves them back."""
        for total, now, start in zip(self.total, self.floats, self.start, strict=True):
            total += now - start
            now.copy_(start)

    @torch.no_grad()
    def give(self, parts: int) -> None:
        """After the last part: moves them by the mean over all parts of all processes, and counts one batch."""
        distributed.add_up(self.total)
        for total, now, start in zip(self.total, self.floats, self.start, strict=True):
            now.copy_(start + total / parts)
        for count, before in zip(self.counts, self.start_counts, strict=True):
            count.copy_(before + (count > before))


class _Compiled:
    """A network through torch.compile, or, when the compiler fails on this machine, as it is.

    It may fail at the backward pass alone; so the first call is tried both ways before it counts.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.call: Callable[..., Any] = torch.compile(network)
        self.tried = False

    def __call__(self, *inputs: torch.Tensor) -> Any:
        if not self.tried:
            self.tried = True
            self._try(inputs)
        return self.call(*inputs)

    def _try(self, inputs: tuple[torch.Tensor, ...]) -> None:
        """One pass forward and backward, of which nothing stays, batch norm's statistics neither."""
        buffers = [b.clone() for b in self.network.buffers()]
        learned = [p for p in self.network.parameters() if p.requires_grad]
        try:
            with torch.enable_grad():
                out = self.call(*inputs)
                parts = (out,) if isinstance(out, torch.Tensor) else out
                torch.autograd.grad([part.float().sum() for part in parts], learned, allow_unused=True)
        except Exception as error:  # a compiler can fail in any way
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
            print(f"torch.compile does not work here ({reason}); training goes on without it.", file=sys.stderr)
            self.call = self.network
        for buffer, before in zip(self.network.buffers(), buffers, strict=True):
            buffer.copy_(before)
