"""What a weight file tells of its training."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from w2l.base import device


def training_facts(config: Any, facts: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Settings, data, what it started from, minutes (of all resumed runs together), machine and date."""
    return {
        **facts,
        "training": asdict(config),
        "minutes": round(seconds / 60, 1),
        "machine": device.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
