"""The model card of the classroom weights: what they are, how they were made, what they can do, measured."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from w2l import models, paths
from w2l.evaluate.classroom import table
from w2l.train.expert import ExpertConfig
from w2l.train.generator import GeneratorConfig
from w2l.train.losses import MOUTH_BOX
from w2l.train.meter import MeterConfig

_CONFIGS: dict[str, type] = {"expert": ExpertConfig, "generator": GeneratorConfig, "meter": MeterConfig}

_HEAD = """# The classroom weights

Small networks trained by this kit on its own synthetic talker corpus: drawn faces, synthesised voices, no real person.
They show every step of the Wav2Lip recipe within class time. They know drawn faces only: on a photograph they paint a
drawn mouth. For real faces use the published weights.

Licence: that of the kit. Intended use: teaching. Outputs are marked as synthetic by the kit; keep the mark.
"""


def write(
    path: str | os.PathLike[str], figures: dict[str, float], split: str, count: int, names: dict[str, str]
) -> Path:
    """Writes the card as Markdown: training facts read from the weight files, figures as measured. Returns the path."""
    parts = [_HEAD, "## How they were made\n"]
    for role, name in names.items():
        parts.append(_facts(role, name, models.load(name)))
    today = time.strftime("%Y-%m-%d", time.gmtime())
    rows, columns = MOUTH_BOX
    parts += [
        f"\n## What they do: {count} {split} talkers, unseen faces and unseen voices\n",
        table(figures),
        f"\nMeasured {today} on {paths.machine()} by `w2l evaluate corpus --split {split} --clips {count}`.",
        "Each face is driven by the next talker's speech (swapped) and by its own (matched), with the clip's middle",
        "frame as reference. Openings and widths in generated faces are read by the mouth meter. The mouth box is rows",
        f"{rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1} of the crop.",
        "Settings were chosen on the validation split.\n",
    ]
    with paths.atomic(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf8")
    return Path(path)


def _facts(role: str, name: str, model: Any) -> str:
    """One bullet: size, data, settings, minutes, machine, date, and the command that remakes the file."""
    meta = model.meta
    count = sum(p.numel() for p in model.parameters()) / 1e6
    settings = ", ".join(f"{key} {value}" for key, value in meta.get("training", {}).items())
    command = _command(role, meta.get("training", {}))
    made = f"{meta.get('minutes', '?')} minutes on {meta.get('machine', '?')}, {meta.get('date', '?')}"
    return (
        f"- **{name}** ({meta['network']}, width {meta['width']:g}, {count:.2f} M parameters): "
        f"{meta.get('data', 'unknown data')}; {settings}; {made}. Remade by `{command}`."
    )


def _command(role: str, settings: dict[str, Any]) -> str:
    """The command that trains with these settings: those that differ from the defaults are named."""
    usual = asdict(_CONFIGS[role]())
    changed = [f"{key}={value}" for key, value in settings.items() if usual.get(key) != value]
    return f"w2l train {role}" + (f" --set {' '.join(changed)}" if changed else "")
