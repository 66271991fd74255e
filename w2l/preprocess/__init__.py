"""Preprocessing: from raw clips to a clip store: 25 a second, tracked, cropped, in sync, split by speaker."""

from w2l.preprocess.clip import Settings
from w2l.preprocess.report import Report
from w2l.preprocess.run import preprocess
from w2l.preprocess.sources import LAYOUTS

__all__ = ["LAYOUTS", "Report", "Settings", "preprocess"]
