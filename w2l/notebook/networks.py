"""Networks drawn with their real shapes, and a machine's roofline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

    from w2l.bench.stages import Figures

_BLUE, _ORANGE, _GREEN, _INK = "#9fc0dc", "#f0b08a", "#a9cf9b", "#2a2a2a"
_COLOURS = {"face encoder": _BLUE, "sound encoder": _GREEN, "decoder": _ORANGE}

Stages = dict[str, list[tuple[int, ...]]]


def trace(network: nn.Module, mel: torch.Tensor, face: torch.Tensor) -> Stages:
    """The shapes (channels, height, width) that the parts of a generator or an expert put out, found by running it.

    mel, face: as the network takes them, a batch of one. Consecutive equal shapes are listed once. Keys: "face
    encoder", "sound encoder", and the generator's "decoder"; each encoder begins with its input.
    """
    import torch

    parts: Mapping[str, Any] = {
        "face encoder": getattr(network, "face_encoder_blocks", None) or network.face_encoder,
        "sound encoder": network.audio_encoder,
        "decoder": getattr(network, "face_decoder_blocks", ()),
    }
    found: Stages = {"face encoder": [tuple(face.shape[1:])], "sound encoder": [tuple(mel.shape[1:])], "decoder": []}
    hooks = []
    for name, blocks in parts.items():
        for block in blocks:
            hooks.append(block.register_forward_hook(lambda _, __, out, name=name: _note(found[name], out)))
    try:
        with torch.inference_mode():
            out = network(mel, face)
    finally:
        for hook in hooks:
            hook.remove()
    if found["decoder"]:
        found["decoder"].append(tuple(out.shape[1:]))
    return {name: shapes for name, shapes in found.items() if shapes}


def _note(shapes: list[tuple[int, ...]], out: torch.Tensor) -> None:
    shape = tuple(out.shape[1:])
    if shapes[-1:] != [shape]:
        shapes.append(shape)


def show_network(stages: Stages, title: str) -> None:
    """Draws what `trace` found, a row for each part: a box's height shows its picture's height, its width channels."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    columns = max(len(shapes) for shapes in stages.values())
    figure, axes = plt.subplots(figsize=(1.25 * columns, 1.9 * len(stages)), layout="constrained")
    for row, (name, shapes) in enumerate(stages.items()):
        base = -1.9 * row
        axes.text(-0.1, base + 1.42, name, fontsize=11, weight="bold", color=_INK)
        for column, (channels, height, width) in enumerate(shapes):
            tall = 0.1 + 0.9 * np.log2(1 + height) / np.log2(97)
            wide = 0.08 + 0.72 * np.log2(1 + channels) / np.log2(1025)
            axes.add_patch(Rectangle((1.25 * column, base), wide, tall, fc=_COLOURS[name], ec=_INK, lw=0.8))
            axes.text(1.25 * column, base + tall + 0.05, f"{height}×{width}", fontsize=9, color=_INK)
            axes.text(1.25 * column, base - 0.2, f"{channels} ch.", fontsize=9, color=_INK)
            if column:
                axes.annotate(
                    "", (1.25 * column - 0.04, base + 0.1), (1.25 * column - 0.3, base + 0.1),
                    arrowprops={"arrowstyle": "->", "color": "#888888"},
                )  # fmt: skip
    axes.set(xlim=(-0.2, 1.25 * columns), ylim=(-1.9 * (len(stages) - 1) - 0.4, 1.75), title=title)
    axes.axis("off")
    plt.show()
    plt.close(figure)


def count_numbers(network: nn.Module) -> int:
    """How many parameters a network has."""
    return sum(parameter.numel() for parameter in network.parameters())


def show_roofline(figures: Figures) -> None:
    """Draws how close each generator comes to this machine's fastest matrix product in the same number format."""
    import matplotlib.pyplot as plt

    rows = [stage for stage in figures.stages if stage.gflops is not None and stage.share_of_peak][::-1]
    names = [f"{stage.name.removeprefix('generate, ')}\n{stage.note.split(',')[0]}" for stage in rows]
    rates = [stage.gflops or 0.0 for stage in rows]
    peaks = [rate / (stage.share_of_peak or 1) for rate, stage in zip(rates, rows, strict=True)]
    figure, axes = plt.subplots(figsize=(7.5, 0.6 + 0.5 * len(rows)), layout="constrained")
    axes.barh(names, peaks, color="#e3e3e3", label="matrix product: what the machine can do")
    bars = axes.barh(names, rates, color="#4a7fb5", label="the generator")
    words = [f" {rate:.0f}, {stage.share_of_peak:.0%}" for rate, stage in zip(rates, rows, strict=True)]
    axes.bar_label(bars, words, padding=2, fontsize=9)
    axes.set(title="How close to what this machine can do?", xlabel="10⁹ operations a second")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2, frameon=False, fontsize=9)
    plt.show()
    plt.close(figure)
