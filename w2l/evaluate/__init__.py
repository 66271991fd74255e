"""Evaluation: does the mouth follow the speech, and is it still a mouth?"""

from w2l.evaluate.classroom import evaluate_classroom
from w2l.evaluate.clip import ClipSync, sync_curve
from w2l.evaluate.report import Report, report_clips, report_corpus, report_pairs
from w2l.evaluate.rows import Instruments

__all__ = [
    "ClipSync",
    "Instruments",
    "Report",
    "evaluate_classroom",
    "report_clips",
    "report_corpus",
    "report_pairs",
    "sync_curve",
]
