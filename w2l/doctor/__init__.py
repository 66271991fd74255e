"""Why does it not learn: a clip store is measured, and the likely causes are told with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use

# Imported on first use: they load torch, which takes seconds.
_HOMES = {
    "Diagnosis": "w2l.doctor.causes",
    "Finding": "w2l.doctor.causes",
    "Signs": "w2l.doctor.signs",
    "diagnose": "w2l.doctor.causes",
    "examine": "w2l.doctor.signs",
    "read_case": "w2l.doctor.cases",
}

if TYPE_CHECKING:
    from w2l.doctor.cases import read_case as read_case
    from w2l.doctor.causes import Diagnosis as Diagnosis
    from w2l.doctor.causes import Finding as Finding
    from w2l.doctor.causes import diagnose as diagnose
    from w2l.doctor.signs import Signs as Signs
    from w2l.doctor.signs import examine as examine

__all__ = ["Diagnosis", "Finding", "Signs", "diagnose", "examine", "read_case"]

__getattr__ = on_first_use(__name__, _HOMES)
