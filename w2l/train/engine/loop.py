"""The training loop: sanity first, then steps, numbers and checkpoints, and resuming exactly where it stopped."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from tqdm import tqdm

from w2l.base import device, files
from w2l.errors import W2LError
from w2l.train.engine import distributed
from w2l.train.engine.checkpoints import Checkpoints
from w2l.train.engine.loader import batches
from w2l.train.engine.log import Log
from w2l.train.engine.sanity import checks
from w2l.train.engine.step import Descent
from w2l.train.engine.task import Run, Task, evaluating

_LOG_EVERY = 10  # steps
_SAVE_SECONDS = 120.0


def run(task: Task, run: Run) -> float:
    """Trains to the end, or goes on from the folder's newest checkpoint; returns the seconds of all runs together.

    The task's networks are trained then, in eval mode, with averaged weights where `ema` asks for them. Writes what
    `checkpoints` lists. On a CPU in float32 the weights are bit for bit the same however often a training was killed
    and started again: each batch comes from random numbers of its own (seed, step, part), and a checkpoint holds all
    that the next step depends on. Ctrl-C ends the step, saves, says how to go on, and raises KeyboardInterrupt; a
    second Ctrl-C does not wait. Raises W2LError when the folder's checkpoint belongs to other settings, when the disk
    is full (the last checkpoint stays as it is), and when the loss is no longer a number.
    """
    return _Loop(task, run).go()


class _Loop:
    """A training that runs."""

    def __init__(self, task: Task, run: Run) -> None:
        self.task, self.run = task, run
        self.first = distributed.rank() == 0
        self.bar = tqdm(desc=task.name, unit="step", disable=not (run.progress and self.first), total=task.steps)
        self.checkpoints = Checkpoints(run.folder, run.keep, run.copy_to if self.first else None, self.tell)
        self.descent = Descent(task, run)
        self.step, self.seconds, self.best, self.last_save = 0, 0.0, math.nan, time.monotonic()
        self.saved: int | None = None

    def tell(self, sentence: str) -> None:
        """Says something without spoiling the bar; only the first process speaks."""
        if self.first:
            tqdm.write(sentence)

    def go(self) -> float:
        """The whole training, or what is left of it; the seconds it took in all."""
        self.resume()
        log = Log(self.run.folder if self.first else None, self.step)
        self.bar.update(self.step)
        try:
            if self.first:
                self.write_settings()
            if self.step == 0 and self.run.sanity:
                for check in distributed.from_first(checks(self.task) if self.first else []):
                    self.tell(str(check))
            with _patient() as interrupted:
                self.steps(log, interrupted)
        finally:
            self.bar.close()
            self.checkpoints.close()
            log.close()
        if self.descent.average:
            self.descent.average.swap()
        evaluating([player.network for player in self.task.players.values()])
        return self.seconds

    def steps(self, log: Log, interrupted: threading.Event) -> None:
        """Steps to the end; logs, looks and saves in between, and after the step in which it was interrupted."""
        clock = time.monotonic()
        if self.step == 0 and 0 in self.task.looks:
            log.add(0, self.look())
        for parts in batches(self.task, self.run, self.step):
            log.gather(self.descent.step(parts, self.step))
            self.step += 1
            self.bar.update()
            self.seconds, clock = self.seconds + time.monotonic() - clock, time.monotonic()
            every = self.task.config["evaluate_every"]
            at_end, at_look = self.step == self.task.steps, self.step in self.task.looks
            looking = at_end or at_look or (every > 0 and self.step % every == 0)
            stopping = distributed.anyone(interrupted.is_set(), self.task.device)
            saving = looking or stopping or self.is_time_to_save()
            if saving or self.step % _LOG_EVERY == 0:
                numbers = self.check(log.means())
                self.bar.set_postfix({key: f"{value:.3g}" for key, value in numbers.items()}, refresh=False)
                numbers |= self.look() if looking else {}
                log.add(self.step, numbers)
                if saving:
                    self.save(log, self.is_best(numbers))
                else:
                    log.flush_soon()
            if stopping:
                self.tell(f"stopped at step {self.step} of {self.task.steps}; give the same command again to go on.")
                raise KeyboardInterrupt

    def look(self) -> dict[str, float]:
        """Evaluates on held-out data, shows samples, and says what there is to say."""
        networks = [player.network for player in self.task.players.values()]
        numbers: dict[str, float] = {}
        with self.descent.averaged():
            if self.first:
                evaluating(networks)
                numbers = self.task.evaluate(self.step)
                self.task.show(self.run.folder / "sheets" / f"step_{self.step:09d}.png")
            numbers = distributed.from_first(numbers)
        advice = self.task.observe(self.step, numbers)
        self.tell(f"step {self.step}: " + ", ".join(f"{key} {value:.4g}" for key, value in numbers.items()))
        for sentence in advice:
            self.tell(f"  {sentence}")
        return numbers

    def check(self, numbers: dict[str, float]) -> dict[str, float]:
        """The numbers; W2LError when they are none."""
        if not all(math.isfinite(value) for value in numbers.values()):
            raise W2LError(
                f"the loss of {self.task.name} is no longer a number at step {self.step}; lower the learning rate, or "
                "train in float32 (--amp off), and start again in another folder."
            )
        return numbers

    def is_time_to_save(self) -> bool:
        if self.run.save_every:
            return self.step % self.run.save_every == 0
        return self.first and time.monotonic() - self.last_save > _SAVE_SECONDS

    def is_best(self, numbers: dict[str, float]) -> bool:
        """Whether these are the best held-out figures so far, which are then remembered."""
        name, more = self.task.best
        if name not in numbers:
            return False
        better = numbers[name] > self.best if more else numbers[name] < self.best
        if math.isnan(self.best) or better:
            self.best = numbers[name]
            return True
        return False

    def save(self, log: Log, best: bool) -> None:
        """Writes log and checkpoint; W2LError, with what is left whole, where they cannot be written."""
        self.last_save = time.monotonic()
        if not self.first:
            return
        try:
            log.flush()
            self.checkpoints.save(self.state(), self.step, best)
        except (OSError, W2LError) as error:
            kept = "no checkpoint yet" if self.saved is None else f"the checkpoint of step {self.saved} is whole"
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise W2LError(
                f"step {self.step} cannot be saved ({reason}), so the training stopped; there is {kept}: make room "
                "and give the same command again."
            ) from error
        self.saved = self.step

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""
        networks = {name: player.network.state_dict() for name, player in self.task.players.items()}
        main = next(iter(networks))
        return {
            "state_dict": networks.pop(main),  # under this name any reader of weights finds them
            "others": networks,
            "name": self.task.name,
            "config": json.dumps(self.task.config, sort_keys=True),
            "speed": json.dumps(self.speed()),
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "descent": self.descent.state(),
            "task": self.task.state(),
            "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
        }

    def speed(self) -> dict[str, Any]:
        """What of the run's settings changes the last bits of the numbers."""
        return {"precision": self.task.precision.name, "parts": self.descent.parts, "device": self.task.device.type}

    def resume(self) -> None:
        """Goes on from the folder's newest checkpoint, if there is one; W2LError if it is of other settings."""
        saved = self.checkpoints.latest()
        if saved is None:
            return
        wanted = json.dumps(self.task.config, sort_keys=True)
        if saved["name"] != self.task.name or saved["config"] != wanted:
            raise W2LError(
                f"{self.run.folder} holds a training of {saved['name']} with other settings "
                f"({_difference(saved['config'], wanted)}); give those again, or choose another --out folder."
            )
        if json.loads(saved["speed"]) != self.speed():
            self.tell(f"it began with {saved['speed']}; it goes on with other last digits than undisturbed.")
        main, *others = self.task.players
        self.task.players[main].network.load_state_dict(saved["state_dict"])
        for name in others:
            self.task.players[name].network.load_state_dict(saved["others"][name])
        self.descent.restore(saved["descent"])
        self.task.restore(saved["task"])
        self.step, self.seconds, self.best = saved["step"], saved["seconds"], saved["best"]
        self.saved = self.step
        torch.set_rng_state(saved["random"][0])
        if len(saved["random"]) == 1 + torch.cuda.device_count() > 1:
            torch.cuda.set_rng_state_all(saved["random"][1:])
        self.tell(f"{self.task.name} goes on from step {self.step} of {self.task.steps}.")

    def write_settings(self) -> None:
        """settings.json: what is trained, how, and where."""
        facts = {
            "training": self.task.name,
            "settings": self.task.config,
            "speed": self.speed(),
            "processes": distributed.world(),
            "machine": device.machine(),
            "torch": torch.__version__,
        }
        with files.atomic(self.run.folder / "settings.json") as temporary:
            temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf8")


@contextmanager
def _patient() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C, or polite kill, into an event, so that no step is torn; the second one acts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only there are signals to catch
        yield asked
        return

    def note(signum: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _difference(before: str, now: str) -> str:
    """The settings that are not alike, as `name was, now is`."""
    a, b = json.loads(before), json.loads(now)
    names = [name for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {a.get(name)}, now {b.get(name)}" for name in names) or "another kind of training"
