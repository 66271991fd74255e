"""Measures a generator in training on held-out speakers: pixel errors, the expert's scores, and mouth movement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from w2l import models
from w2l.data.clip import FRAMES, Clip
from w2l.data.windows import generator_batch
from w2l.errors import W2LError
from w2l.evaluate.held_out import driven
from w2l.evaluate.metrics.mouth import correlation
from w2l.sync.curve import pairs_curve
from w2l.train.engine.trainer import Batch
from w2l.train.judge import Judge, first_frames
from w2l.train.losses import gradient_energy, mouth_l1

Generate = Callable[[Batch], tuple[torch.Tensor, torch.Tensor]]

_MATCHED, _PASS = 32, 16  # clips for pixel errors, and clips in one pass
_SPOKEN, _SPOKEN_FRAMES = 4, 45  # clips driven by another's words, and frames of each
_SHOWN, _MOMENTS = 6, 3  # clips on a sheet, and frames of each


class HeldOut:
    """Held-out clips on a device; every measurement uses the same windows."""

    def __init__(self, clips: Sequence[Clip], device: torch.device) -> None:
        self.clips, self.device = clips[:_MATCHED], device
        self.meter = _meter(self.clips, device)

    def measure(self, generate: Generate, judge: Judge | None) -> dict[str, float]:
        """Held-out numbers.

        l1, mouth_l1: errors on matched speech. sharpness: gradient energy of lower faces over that of the truth. With
        a judge: sync, its loss on those windows, and confidence (`sync.curve`) on clips driven by another's words.
        opening_r: correlation of the mouth's opening with the true one for those words, mean over clips, where known.
        """
        rng = np.random.default_rng(0)
        errors: dict[str, list[float]] = {"l1": [], "mouth_l1": [], "sharpness": [], "sync": []}
        for at in range(0, len(self.clips), _PASS):
            part = self.clips[at : at + _PASS]
            batch = self._batch(generator_batch(part, rng, len(part), FRAMES, augment=False))
            generated, target = generate(batch)
            errors["l1"].append((generated - target).abs().mean().item())
            errors["mouth_l1"].append(mouth_l1(generated, target).item())
            errors["sharpness"].append((gradient_energy(generated) / gradient_energy(target)).item())
            if judge:
                errors["sync"].append(judge.loss(generated, batch["window"]).item())
        numbers = {f"held_out_{name}": float(np.mean(values)) for name, values in errors.items() if values}
        return numbers | self._swapped(generate, judge)

    def _swapped(self, generate: Generate, judge: Judge | None) -> dict[str, float]:
        """Numbers for clips driven by the next clip's words."""
        if len(self.clips) < 2 or not (judge or self.meter):
            return {}
        confidences, correlations = [], []
        for number, clip in enumerate(self.clips[:_SPOKEN]):
            other = self.clips[(number + 1) % len(self.clips)]
            count = min(len(first_frames(one, _SPOKEN_FRAMES)) for one in (clip, other))
            faces, _ = generate(self._batch(_inputs(clip, other.mel, np.arange(count))))
            if judge:
                confidences.append(pairs_curve(judge.scores(faces, other.mel)).confidence)
            if self.meter and other.truth is not None:
                opening = self.meter(faces[:, :, 48:])[:, 0].cpu().numpy()
                correlations.append(correlation(opening, other.truth[:count, 0]))
        found = {"confidence": confidences, "opening_r": correlations}
        return {f"held_out_{name}": float(np.mean(values)) for name, values in found.items() if values}

    @torch.no_grad()
    def samples(self, generate: Generate) -> tuple[dict[str, torch.Tensor], int]:
        """Faces for a sheet, by name, and how many make a row; own words, with the middle frame as reference."""
        drawn: dict[str, list[torch.Tensor]] = {"reference": [], "input": [], "generated": [], "truth": []}
        for clip in self.clips[:_SHOWN]:
            at = np.linspace(2, clip.starts - 2, _MOMENTS).astype(int)
            batch = self._batch(_inputs(clip, clip.mel, at))
            generated, target = generate(batch)
            masked = target.clone()
            masked[:, :, 48:] = 0
            reference = batch["reference"][:, 0].permute(0, 3, 1, 2) / 255
            for name, faces in zip(drawn, (reference, masked, generated, target), strict=True):
                drawn[name].append(faces)
        return {name: torch.cat(faces) for name, faces in drawn.items()}, _MOMENTS

    def _batch(self, arrays: dict[str, np.ndarray]) -> Batch:
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}


def _inputs(clip: Clip, mel: np.ndarray, at: np.ndarray) -> dict[str, np.ndarray]:
    """The frames `at` of a clip, to be driven by a sound, as a batch of one-frame windows."""
    crops, windows, references = driven(clip.frames, mel, at)
    return {"target": crops[:, None], "reference": references[:, None], "mels": windows[:, None]}


def _meter(clips: Sequence[Clip], device: torch.device) -> nn.Module | None:
    """The bundled mouth meter; None where the truth is not known or the meter is missing."""
    if all(clip.truth is None for clip in clips):
        return None
    try:
        return models.load("classroom_meter", network="mouth_meter").to(device)
    except W2LError:
        return None
