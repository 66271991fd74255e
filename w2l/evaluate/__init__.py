"""Evaluation: does the mouth follow the speech, and is it still a mouth?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use

# Imported on first use: `metrics` and `held_out` belong to lower wings, and training imports them without the rest.
_HOMES = {
    "ClipSync": "w2l.sync.clip",
    "Instruments": "w2l.evaluate.rows",
    "Report": "w2l.evaluate.report.tables",
    "evaluate_classroom": "w2l.evaluate.held_out",
    "report_clips": "w2l.evaluate.report.collect",
    "report_corpus": "w2l.evaluate.report.collect",
    "report_pairs": "w2l.evaluate.report.collect",
    "sync_curve": "w2l.sync.clip",
}

if TYPE_CHECKING:
    from w2l.evaluate.held_out import evaluate_classroom as evaluate_classroom
    from w2l.evaluate.report.collect import report_clips as report_clips
    from w2l.evaluate.report.collect import report_corpus as report_corpus
    from w2l.evaluate.report.collect import report_pairs as report_pairs
    from w2l.evaluate.report.tables import Report as Report
    from w2l.evaluate.rows import Instruments as Instruments
    from w2l.sync.clip import ClipSync as ClipSync
    from w2l.sync.clip import sync_curve as sync_curve

__all__ = sorted(_HOMES)

__getattr__ = on_first_use(__name__, _HOMES)
