"""The result of a run: clips kept, clips dropped and why, hours, speakers, offsets; as text, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from w2l.audio import TRAINING_FPS
from w2l.base.files import write_text
from w2l.data.store import SPLITS, ClipEntry, write_json

JSON, TABLE = "report.json", "report.csv"
_BAR = 40  # characters of the longest bar


@dataclass(frozen=True)
class Loss:
    """A stretch that was not kept: reason is one of a few words; 0 frames means the whole source."""

    source: str
    start: int
    frames: int
    reason: str
    detail: str


@dataclass(frozen=True)
class PreprocessReport:
    """The result for all sources, or, while other processes are still working, how many are done.

    sources, done: how many there are, and how many have an outcome. clips: those kept; lost: what was not. sure: the
    lowest confidence at which an offset was trusted.
    """

    sources: int
    done: int
    clips: Sequence[ClipEntry]
    lost: Sequence[Loss]
    sure: float

    @property
    def is_finished(self) -> bool:
        """Whether the store is complete and has its index."""
        return self.done == self.sources

    def offsets(self) -> dict[int, int]:
        """Offset in frames -> number of clips, of those where the expert was sure."""
        sure = [clip.offset for clip in self._judged() if self._is_sure(clip)]
        return dict(sorted(Counter(offset for offset in sure if offset is not None).items()))

    def _judged(self) -> list[ClipEntry]:
        return [clip for clip in self.clips if clip.confidence is not None]

    def _is_sure(self, clip: ClipEntry) -> bool:
        return clip.confidence is not None and clip.confidence >= self.sure

    def figures(self) -> dict[str, Any]:
        """The report as JSON values; the same clips give the same figures, however they were made."""
        judged = self._judged()
        frames = sum(clip.frames for clip in self.clips)
        return {
            "sources": self.sources,
            "kept": {"clips": len(self.clips), "frames": frames, "hours": round(frames / TRAINING_FPS / 3600, 4)},
            "splits": {
                split: {
                    "clips": len(own),
                    "hours": round(sum(clip.frames for clip in own) / TRAINING_FPS / 3600, 4),
                    "speakers": len({clip.speaker for clip in own}),
                }
                for split in SPLITS
                for own in [[clip for clip in self.clips if clip.split == split]]
            },
            "speakers": len({clip.speaker for clip in self.clips}),
            "dropped": dict(Counter(loss.reason for loss in self.lost).most_common()),
            "sync": {
                "judged": len(judged),
                "unsure": sum(not self._is_sure(clip) for clip in judged),
                "shifted": sum(clip.shift != 0 for clip in judged),
                "offsets": {str(offset): count for offset, count in self.offsets().items()},
            },
        }

    def write(self, folder: Path) -> None:
        """Writes report.json, and report.csv with a row for each clip and each loss."""
        write_json(folder / JSON, {**self.figures(), "lost": [asdict(loss) for loss in self.lost]})
        kept = [field.name for field in fields(ClipEntry) if field.name not in ("bytes", "sha256")]
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, [*kept, "reason", "detail"], extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(clip) for clip in self.clips)
        table.writerows(asdict(loss) for loss in self.lost)
        write_text(folder / TABLE, text.getvalue())

    def __str__(self) -> str:
        if not self.is_finished:
            return f"{self.done} of {self.sources} sources are done; other processes are still working on the rest"
        figures = self.figures()
        kept, sync = figures["kept"], figures["sync"]
        lines = [
            f"kept {kept['clips']} clips from {self.sources} sources, {kept['frames'] / TRAINING_FPS / 60:.1f} "
            f"minutes, {figures['speakers']} speakers"
        ]
        for split, own in figures["splits"].items():
            minutes = own["hours"] * 60
            lines.append(f"  {split:10}  {own['clips']:6} clips  {minutes:8.1f} minutes  {own['speakers']:5} speakers")
        if not figures["splits"]["validation"]["clips"]:
            lines.append("no speaker is left for validation: give the clips' speakers, in folders or with --speakers")
        lines += [f"dropped {count:6}: {reason}{self._example(reason)}" for reason, count in figures["dropped"].items()]
        lines += self._sync_lines(sync)
        return "\n".join(lines)

    def _example(self, reason: str) -> str:
        loss = next(loss for loss in self.lost if loss.reason == reason)
        return f" (such as {loss.source}: {loss.detail})"

    def _sync_lines(self, sync: dict[str, Any]) -> list[str]:
        if not sync["judged"]:
            return []
        lines = []
        if offsets := self.offsets():
            lines.append("frames by which the sound is late (where the expert is sure):")
            most = max(offsets.values())
            for offset in range(min(offsets), max(offsets) + 1):
                count = offsets.get(offset, 0)
                lines.append(f"  {offset:+3} {count:6} {'#' * round(_BAR * count / most)}")
        lines.append(f"shifted {sync['shifted']} of {sync['judged']} clips into sync")
        if unsure := sync["unsure"]:
            lines.append(
                f"the expert is unsure about {unsure} clips (confidence under {self.sure}); "
                "nothing was shifted for those"
            )
        return lines
