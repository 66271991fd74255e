"""Clips that are spoiled as you choose, what the doctor says about them, and what an expert makes of such clips."""

from __future__ import annotations

import html
import threading
from typing import Any

import ipywidgets as widgets
import numpy as np

from w2l.doctor import curves, report
from w2l.doctor.causes import diagnose
from w2l.doctor.clinic import SPOILS, Pool, Spoil, make_case
from w2l.doctor.signs import Tools, examine
from w2l.errors import W2LError
from w2l.evaluate.report.figures import loss_figure
from w2l.notebook import canvas
from w2l.notebook.canvas import DESCRIPTION, Chart
from w2l.talker.cast import Cast

_SHOWN, _TALL = 8, 96  # frames of the first clip, and their height in pixels
_SETTINGS = ("rate high", "rate low", "small batch")  # causes that lie in a training's settings, not in its clips
_OFFERED = {  # those that need no clips beside `Pool.clips`
    one.name: one for one in SPOILS if not one.filmed and one.speakers is None and one.cause not in _SETTINGS
}


class DoctorPanel:
    """Choose what is wrong with some clips, and ask `w2l doctor`.

    Below are eight frames in a row of one of the clips and, where the kit has them, the loss of an expert that learned
    from clips spoiled so, beside one that learned from healthy ones (grey). cast, count: whose clips; they are of
    validation talkers, made once and then cached.
    """

    def __init__(self, cast: Cast, count: int = 24) -> None:
        self.pool, self._tools = Pool("validation", 0, count, cast), Tools(remember=True)
        self.fault = widgets.Dropdown(
            options=[(one.title, one.name) for one in _OFFERED.values()],
            description="what is wrong",
            style=DESCRIPTION,
            layout=widgets.Layout(width="420px"),
        )
        self.ask = widgets.Button(description="ask the doctor", icon="stethoscope")
        self.said = widgets.HTML()
        self.image = canvas.picture_widget()
        self.box = widgets.VBox([widgets.HBox([self.fault, self.ask]), self.said, self.image])
        self.text = ""
        self.fault.observe(self._choose, names="value")
        self.ask.on_click(self._start)
        self._choose()

    def examine(self, fault: str | None = None) -> str:
        """What the doctor says about the clips; fault: one of those offered, instead of the chosen one."""
        if fault is not None:
            self.fault.value = fault
        self.text = report.to_text(diagnose(examine(self._case, self._tools, learning=False, progress=False)))
        self.said.value = f"<pre style='white-space: pre-wrap'>{html.escape(self.text)}</pre>"
        return self.text

    @property
    def spoil(self) -> Spoil:
        """The fault that is chosen."""
        return _OFFERED[self.fault.value]

    def _choose(self, change: Any = None) -> None:
        self.said.value = self.text = ""
        self._case = make_case(self.spoil, self.pool, seed=0)
        frames = self._case.clips[-1].clip.frames[20 : 20 + _SHOWN]
        strip = np.hstack([canvas.enlarge(frame, _TALL) for frame in frames])
        curve = _losses(self.spoil)
        canvas.put_picture(self.image, strip if curve is None else canvas.above(strip, curve))

    def _start(self, button: Any) -> None:
        self.ask.disabled, self.fault.disabled = True, True
        self.said.value = "looking at the clips …"
        threading.Thread(target=self._examine, daemon=True).start()

    def _examine(self) -> None:
        try:
            self.examine()
        except W2LError as error:
            self.said.value = html.escape(str(error))
        finally:
            self.ask.disabled, self.fault.disabled = False, False

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return canvas.bundle(self.box, bytes(self.image.value), self.image.format)


def _losses(spoil: Spoil) -> np.ndarray | None:
    """The stored losses of an expert on clips spoiled so, as a picture; None where there are none."""
    try:
        lines = curves.lines(curves.read())
    except W2LError:
        return None
    drawn = lines.get(spoil.title, []) if spoil.cause else next(iter(lines.values()), [])[:1]  # the healthy one's
    return Chart(loss_figure({spoil.title: drawn})).pixels if drawn else None
