"""A diagnosis in words, as JSON, and as a table of clips."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from w2l.base.files import write_text
from w2l.doctor.causes import Diagnosis

FILES = ("doctor.json", "doctor.csv")


def to_text(diagnosis: Diagnosis) -> str:
    """What a user reads: what was looked at, the causes, the likeliest first, and notes."""
    signs = diagnosis.signs
    numbers, case = signs.numbers, signs.case
    lines = [
        f"{case.name}: {len(signs.clips)} clips looked at; {numbers['speakers']:.0f} speakers and "
        f"{numbers['minutes']:.1f} minutes in training, {numbers['held_out_speakers']:.0f} speakers for validation"
    ]
    if "offset" in numbers:
        lines.append(
            f"sync by {signs.expert}: {numbers['in_sync']:.0%} of the clips stand out, offset {numbers['offset']:+.0f} "
            f"in {numbers['same_offset']:.0%} of those, confidence {numbers['confidence']:.2f}"
        )
        lines += _by_source(diagnosis)
    if not math.isnan(numbers["mouth_x"]):
        lines.append(
            f"crops: mouth at x {numbers['mouth_x']:.0f}, y {numbers['mouth_y']:.0f} of 96, "
            f"{numbers['mouth_width']:.0f} wide, its opening varies by {numbers['opening']:.1f}; "
            f"{numbers['repeated']:.0%} of the frames repeated"
        )
    lines.append(f"sound: loud parts at {numbers['level']:.0f} dB of mel")
    if "batch_fall" in numbers:
        lines.append(
            f"learning: one batch by heart at rates from {numbers['rate_lowest']:g} to {numbers['rate_highest']:g}"
        )
    if not diagnosis.findings:
        lines.append("\nnothing found: these clips can be learned from.")
    for number, one in enumerate(diagnosis.findings, 1):
        lines.append(f"\n{number}. {one}")
    return "\n".join([*lines, *(f"\nnote: {note}" for note in diagnosis.notes)])


def _by_source(diagnosis: Diagnosis) -> list[str]:
    """Sources of several clips whose offset is another than the usual one, the worst few."""
    usual = diagnosis.signs.numbers["offset"]
    offsets: dict[str, list[int]] = {}
    for one in diagnosis.signs.clips:
        if one.source and one.sync is not None and one.sync.stands_out:
            offsets.setdefault(one.source, []).append(one.sync.curve.offset)
    odd = {
        source: round(sum(own) / len(own))
        for source, own in offsets.items()
        if len(own) > 1 and round(sum(own) / len(own)) != usual
    }
    told = sorted(odd.items(), key=lambda one: -abs(one[1] - usual))[:_SOURCES]
    return [f"  {source}: offset {offset:+d} in {len(offsets[source])} clips" for source, offset in told]


_SOURCES = 5


def to_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as JSON values; numbers that could not be measured are null."""
    signs = diagnosis.signs
    return {
        "store": signs.case.name,
        "expert": signs.expert,
        "findings": [asdict(one) for one in diagnosis.findings],
        "notes": list(diagnosis.notes),
        "numbers": {key: None if math.isnan(value) else shortened(value) for key, value in signs.numbers.items()},
        "sweep": {}
        if signs.sweep is None
        else {f"{rate:g}": [shortened(loss) for loss in losses] for rate, losses in signs.sweep.losses.items()},
    }


def shortened(value: float) -> float:
    """A number to four digits."""
    return float(f"{value:.4g}")


def write(diagnosis: Diagnosis, folder: Path) -> tuple[Path, Path]:
    """Writes doctor.json, and doctor.csv with a row for each clip; returns their paths."""
    rows = [one.row() for one in diagnosis.signs.clips]
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    told = json.dumps(to_dict(diagnosis), indent=1, ensure_ascii=False) + "\n"
    return write_text(folder / FILES[0], told), write_text(folder / FILES[1], text.getvalue())
