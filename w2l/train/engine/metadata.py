"""What a weight file says about its training."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from w2l import weights
from w2l.base import device


def training_metadata(config: Any, metadata: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Settings, data, what it started from, minutes (of all resumed runs together), machine and date.

    A meter that taught is told as `weights.called` names it, without its folder.
    """
    settings = asdict(config)
    if "meter" in settings:
        settings["meter"] = weights.called(settings["meter"])
    return {
        **metadata,
        "training": settings,
        "minutes": round(seconds / 60, 1),
        "machine": device.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
