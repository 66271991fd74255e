"""The recorder's page: what microphone.js draws, and the messages between it and the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

_HERE = Path(__file__).parent


class Microphone(anywidget.AnyWidget):
    """Records in the browser. All of its code comes with the kit, and what it hears goes to the kernel alone.

    It sends files in pieces, {take, name, piece, count, data (base64)}, and {delete: True}. `answer` is what the kernel
    says to that: {take, text, bad, here}; an empty take: to whoever looks. here: whether there is a recording.
    """

    _esm = "".join((_HERE / name).read_text(encoding="utf8") for name in ("sound.js", "microphone.js"))
    _css = (_HERE / "microphone.css").read_text(encoding="utf8")
    seconds = traitlets.Float(10.0).tag(sync=True)
    answer: Any = traitlets.Dict().tag(sync=True)
