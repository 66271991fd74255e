"""Evaluation: does the mouth follow the speech, and is it still a mouth?"""

from w2l.evaluate.classroom import evaluate_classroom
from w2l.evaluate.sync import SyncCurve, sync_curve

__all__ = ["SyncCurve", "evaluate_classroom", "sync_curve"]
