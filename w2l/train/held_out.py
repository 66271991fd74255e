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
from w2l.evaluate.held_out import Driven, Dubber, driven, measure_swapped
from w2l.faces.crop import CROP_SIZE
from w2l.sync.experts import load_expert
from w2l.train.engine.trainer import Batch
from w2l.train.judge import Judge
from w2l.train.losses import gradient_energy, mouth_l1

Generate = Callable[[Batch], tuple[torch.Tensor, torch.Tensor]]

_MATCHED, _PASS = 32, 16  # clips for pixel errors, and clips in one pass
_SPOKEN, _SPOKEN_FRAMES = 4, 45  # clips driven by another's words, and frames of each
_SHOWN, _MOMENTS = 6, 3  # clips on a sheet, and frames of each


class HeldOut:
    """Held-out clips, whose frames have `size` pixels, on a device; every measurement uses the same windows."""

    def __init__(self, clips: Sequence[Clip], device: torch.device, size: int = CROP_SIZE) -> None:
        self.clips, self.device, self.size = clips[:_MATCHED], device, size
        self.meter = _meter(self.clips)

    def measure(self, generate: Generate, judge: Judge | None) -> dict[str, float]:
        """Held-out numbers.

        l1, mouth_l1: errors on matched speech. sharpness: gradient energy of lower faces over that of the truth. sync,
        with a judge: its loss on those windows. On clips driven by another's words, means over clips, as measured by
        `evaluate.held_out.measure_swapped`: confidence, with a judge; opening_r, where the true mouths are known.
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
        expert = load_expert(judge.network, self.device) if judge else None
        dubber = Dubber(lambda *inputs: self._faces(generate, Driven(*inputs)), size=self.size)
        rows = []
        for clip, other in zip(self.clips[:_SPOKEN], [*self.clips[1:], self.clips[0]], strict=False):
            short = clip.beginning(min(_SPOKEN_FRAMES, len(other.beginning(_SPOKEN_FRAMES))))
            rows.append(measure_swapped(dubber.speak(short.frames[:], other.mel), short, other, expert, self.meter))
        names = {"held_out_confidence": "confidence_new", "held_out_opening_r": "opening_r_new"}
        return {name: float(np.mean([row[key] for row in rows])) for name, key in names.items() if key in rows[0]}

    @torch.no_grad()
    def _faces(self, generate: Generate, given: Driven) -> np.ndarray:
        """Generated faces, uint8 (k, size, size, 3), as a `Dubber` takes them."""
        generated, _ = generate(self._batch(_windows(given)))
        return generated.mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    @torch.no_grad()
    def samples(self, generate: Generate) -> tuple[dict[str, torch.Tensor], int]:
        """Faces for a sheet, by name, and how many make a row; own words, with the middle frame as reference."""
        drawn: dict[str, list[torch.Tensor]] = {"reference": [], "input": [], "generated": [], "truth": []}
        for clip in self.clips[:_SHOWN]:
            at = np.linspace(2, clip.starts - 2, _MOMENTS).astype(int)
            batch = self._batch(_windows(driven(clip.frames[:], clip.mel, at)))
            generated, target = generate(batch)
            masked = target.clone()
            masked[:, :, self.size // 2 :] = 0
            reference = batch["reference"][:, 0].permute(0, 3, 1, 2) / 255
            for name, faces in zip(drawn, (reference, masked, generated, target), strict=True):
                drawn[name].append(faces)
        return {name: torch.cat(faces) for name, faces in drawn.items()}, _MOMENTS

    def _batch(self, arrays: dict[str, np.ndarray]) -> Batch:
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}


def _windows(given: Driven) -> dict[str, np.ndarray]:
    """A generator's input as a batch of one-frame windows, as in training."""
    return {"target": given.crops[:, None], "reference": given.references[:, None], "mels": given.windows[:, None]}


def _meter(clips: Sequence[Clip]) -> nn.Module | None:
    """The bundled mouth meter; None where a clip's truth is not known or the meter is missing."""
    if any(clip.truth is None for clip in clips):
        return None
    try:
        return models.load("classroom_meter", network="mouth_meter")
    except W2LError:
        return None
