"""Where the tests find things: the repository, reference outputs, and real files where there are any."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SHARED = ROOT.parent / "shared"  # beside the repository; tests that need it are skipped where it is absent
