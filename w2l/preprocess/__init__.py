"""Preprocessing: turns raw clips into a clip store: 25 frames a second, tracked, cropped, in sync, split by speaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use

if TYPE_CHECKING:
    from w2l.preprocess.report import PreprocessReport as PreprocessReport
    from w2l.preprocess.run import preprocess as preprocess
    from w2l.preprocess.settings import LAYOUTS as LAYOUTS
    from w2l.preprocess.settings import PreprocessSettings as PreprocessSettings

# Imported on first use: the command line needs only the settings, and must start fast.
_HOMES = {
    "LAYOUTS": "w2l.preprocess.settings",
    "PreprocessReport": "w2l.preprocess.report",
    "PreprocessSettings": "w2l.preprocess.settings",
    "Report": "w2l.preprocess.report:PreprocessReport",  # former names, which can still be used
    "Settings": "w2l.preprocess.settings:PreprocessSettings",
    "preprocess": "w2l.preprocess.run",
}

__all__ = ["LAYOUTS", "PreprocessReport", "PreprocessSettings", "preprocess"]

__getattr__ = on_first_use(__name__, _HOMES)
