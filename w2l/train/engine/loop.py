"""The training loop: sanity checks, then steps, numbers and checkpoints, and resuming exactly where it stopped."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

import torch

from w2l.base import device, files
from w2l.base.progress import progress_bar, tell
from w2l.errors import W2LError
from w2l.train.engine import distributed
from w2l.train.engine.checkpoints import Checkpoints
from w2l.train.engine.loader import batches
from w2l.train.engine.log import Log
from w2l.train.engine.sanity import checks
from w2l.train.engine.trainer import Trainer

_LOG_EVERY = 10  # steps
_SAVE_SECONDS = 120.0


def fit(trainer: Trainer) -> float:
    """Trains to the end, or resumes from the run folder's newest checkpoint; returns the seconds of all runs together.

    Afterwards the networks are in eval mode, with averaged weights if `ema` is set. Writes what `checkpoints` lists.
    On a CPU in float32 the weights are bit for bit the same however often a training was killed and started again:
    each batch has its own random numbers (seed, step, part), and a checkpoint holds everything that the next step
    depends on. Ctrl-C finishes the step, saves, says how to resume, and raises KeyboardInterrupt; a second Ctrl-C does
    not wait. Raises W2LError when the folder's checkpoint belongs to other settings, when the disk is full (the last
    checkpoint stays as it is), and when the loss is no longer a number.
    """
    return _Loop(trainer).fit()


class _Loop:
    """A training in progress."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.options, self.settings = trainer, trainer.options, trainer.settings
        self.first = distributed.rank() == 0
        copy_to = self.options.copy_to if self.first else None
        self.checkpoints = Checkpoints(self.options.folder, self.options.keep, copy_to, self.tell)
        self.step, self.seconds, self.best, self.last_save = 0, 0.0, math.nan, time.monotonic()
        self.saved: int | None = None

    def tell(self, sentence: str) -> None:
        """Prints a message without breaking the progress bar; only the first process prints."""
        if self.first:
            tell(sentence)

    def fit(self) -> float:
        """The whole training, or what is left of it; returns the seconds it took in all."""
        self.resume()
        log = Log(self.options.folder if self.first else None, self.step)
        try:
            if self.first:
                self.write_settings()
            if self.step == 0 and self.options.sanity:
                for check in distributed.from_first(checks(self.trainer) if self.first else []):
                    self.tell(str(check))
            bar = progress_bar(  # begun after the checks, whose time is none of the steps'
                desc=self.trainer.name, unit="step", total=self.trainer.steps, initial=self.step,
                show=self.options.progress and self.first,
            )  # fmt: skip
            with closing(bar) as self.bar, _patient() as interrupted:
                self.steps(log, interrupted)
        finally:
            self.checkpoints.close()
            log.close()
        self.trainer.swap_ema()
        self.trainer.eval()
        return self.seconds

    def steps(self, log: Log, interrupted: threading.Event) -> None:
        """Runs all steps; logs, evaluates and saves in between, and saves and stops after an interrupted step."""
        trainer, clock = self.trainer, time.monotonic()
        if self.step == 0 and 0 in trainer.evaluate_at:
            log.add(0, self.evaluate())
        for parts in batches(trainer, self.step):
            log.gather(trainer.train_step(parts, self.step))
            self.step += 1
            self.bar.update()
            self.seconds, clock = self.seconds + time.monotonic() - clock, time.monotonic()
            evaluating = self.is_time_to_evaluate()
            stopping = distributed.anyone(interrupted.is_set(), trainer.device)
            saving = evaluating or stopping or self.is_time_to_save()
            if saving or self.step % _LOG_EVERY == 0:
                numbers = self.check(log.means())
                self.bar.set_postfix({key: f"{value:.3g}" for key, value in numbers.items()}, refresh=False)
                numbers |= self.evaluate() if evaluating else {}
                log.add(self.step, numbers)
                if saving:
                    self.save(log, self.is_best(numbers))
                else:
                    log.flush_soon()
            if stopping:
                self.tell(f"stopped at step {self.step} of {trainer.steps}; run the same command again to resume.")
                raise KeyboardInterrupt("told")  # so that the command line does not say it again

    def evaluate(self) -> dict[str, float]:
        """Evaluates on held-out data, writes samples, and prints the numbers and any advice."""
        trainer = self.trainer
        numbers: dict[str, float] = {}
        with trainer.averaged():
            if self.first:
                trainer.eval()
                numbers = trainer.evaluate(self.step)
                trainer.show(self.options.folder / "sheets" / f"step_{self.step:09d}.png")
            numbers = distributed.from_first(numbers)
        advice = trainer.observe(self.step, numbers)
        self.tell(f"step {self.step}: " + ", ".join(f"{key} {value:.4g}" for key, value in numbers.items()))
        for sentence in advice:
            self.tell(f"  {sentence}")
        return numbers

    def check(self, numbers: dict[str, float]) -> dict[str, float]:
        """The numbers; W2LError when one of them is infinite or NaN."""
        if not all(math.isfinite(value) for value in numbers.values()):
            raise W2LError(
                f"the loss of {self.trainer.name} is no longer a number at step {self.step}; lower the learning rate, "
                "or train in float32 (--amp off), and start again in another folder."
            )
        return numbers

    def is_time_to_evaluate(self) -> bool:
        every = self.trainer.config.evaluate_every
        at_end = self.step == self.trainer.steps
        return at_end or self.step in self.trainer.evaluate_at or (every > 0 and self.step % every == 0)

    def is_time_to_save(self) -> bool:
        if self.options.save_every:
            return self.step % self.options.save_every == 0
        return self.first and time.monotonic() - self.last_save > _SAVE_SECONDS

    def is_best(self, numbers: dict[str, float]) -> bool:
        """Whether these are the best held-out figures so far; if so, they are remembered."""
        name, more = self.trainer.best
        if name not in numbers:
            return False
        better = numbers[name] > self.best if more else numbers[name] < self.best
        if math.isnan(self.best) or better:
            self.best = numbers[name]
            return True
        return False

    def save(self, log: Log, best: bool) -> None:
        """Writes log and checkpoint; raises W2LError if it cannot, and leaves the last checkpoint as it is."""
        self.last_save = time.monotonic()
        if not self.first:
            return
        try:
            log.flush()
            self.checkpoints.save(self.state(), self.step, best)
        except (OSError, W2LError) as error:
            kept = (
                "there is no checkpoint yet" if self.saved is None else f"the checkpoint of step {self.saved} is intact"
            )
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise W2LError(
                f"step {self.step} cannot be saved ({reason}), so the training stopped; {kept}: make room and run the "
                "same command again."
            ) from error
        self.saved = self.step

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        trainer = self.trainer
        networks = {name: learner.network.state_dict() for name, learner in trainer.learners.items()}
        main = next(iter(networks))
        return {
            "state_dict": networks.pop(main),  # the name under which code that reads weights finds them
            "others": networks,
            "name": trainer.name,
            "config": json.dumps(self.settings, sort_keys=True),
            "speed": json.dumps(self.speed()),
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "learners": {name: learner.state() for name, learner in trainer.learners.items()},
            "ema": trainer.ema.state_dict() if trainer.ema else {},
            "trainer": trainer.state(),
            "random": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],
        }

    def speed(self) -> dict[str, Any]:
        """The options of the run that change the last bits of the numbers."""
        trainer = self.trainer
        return {"precision": trainer.precision.name, "parts": trainer.parts, "device": trainer.device.type}

    def resume(self) -> None:
        """Resumes from the folder's newest checkpoint, if there is one; W2LError if its settings differ."""
        saved, trainer = self.checkpoints.latest(), self.trainer
        if saved is None:
            return
        wanted = json.loads(json.dumps(self.settings))
        began = asdict(type(trainer.chosen)()) | json.loads(saved["config"])  # a setting newer than it had its default
        if saved["name"] != trainer.name or began != wanted:
            raise W2LError(
                f"{self.options.folder} holds a training of {saved['name']} with other settings "
                f"({_difference(began, wanted)}); use those again, or choose another --out folder."
            )
        if json.loads(saved["speed"]) != self.speed():
            self.tell(
                f"it began with {saved['speed']}, so the results will not be bit-identical to those of a single run."
            )
        networks = saved["others"] | {next(iter(trainer.learners)): saved["state_dict"]}
        for name, learner in trainer.learners.items():
            learner.network.load_state_dict(networks[name])
            learner.restore(saved["learners"][name])
        if trainer.ema:
            trainer.ema.load_state_dict(saved["ema"])
        trainer.restore(saved["trainer"])
        self.step, self.seconds, self.best = saved["step"], saved["seconds"], saved["best"]
        self.saved = self.step
        torch.set_rng_state(saved["random"][0])
        if len(saved["random"]) == 1 + torch.cuda.device_count() > 1:
            torch.cuda.set_rng_state_all(saved["random"][1:])
        self.tell(f"{trainer.name} resumes from step {self.step} of {trainer.steps}.")

    def write_settings(self) -> None:
        """settings.json: what is trained, how, and where."""
        metadata = {
            "training": self.trainer.name,
            "settings": self.settings,
            "speed": self.speed(),
            "processes": distributed.world(),
            "machine": device.machine(),
            "torch": torch.__version__,
        }
        files.write_text(self.options.folder / "settings.json", json.dumps(metadata, indent=2) + "\n")


@contextmanager
def _patient() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C or SIGTERM into an event, so that the step can finish; the second acts immediately."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals can be caught only there
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


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The settings that differ, as `name was, now is`."""
    names = [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
    return ", ".join(f"{n} {before.get(n)}, now {now.get(n)}" for n in names) or "another kind of training"
