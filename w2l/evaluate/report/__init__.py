"""Reports: what they are made of (`collect`), their tables, figures and page."""

from __future__ import annotations

from importlib import import_module

# Imported on first use: drawing a figure does not need torch.
_HOMES = {
    "Report": "w2l.evaluate.report.tables",
    "report_clips": "w2l.evaluate.report.collect",
    "report_corpus": "w2l.evaluate.report.collect",
    "report_pairs": "w2l.evaluate.report.collect",
}


def __getattr__(name: str) -> object:
    """Imports a public name of this package when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
