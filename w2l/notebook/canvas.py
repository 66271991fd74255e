"""Pictures that follow a control: charts drawn once, moving parts drawn over them; widgets with a fallback picture.

Only core ipywidgets are used, in the ways that versions 7.7 (Colab's) and 8 share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import ipywidgets as widgets
import numpy as np

from w2l.notebook.plots import to_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, PAPER = (48, 42, 38), (150, 140, 132), (255, 255, 255)  # BGR
CHOSEN, OTHER, GOOD = (34, 102, 224), (181, 127, 74), (96, 140, 40)  # BGR: orange, blue, green
WIDGET = "application/vnd.jupyter.widget-view+json"
DESCRIPTION = {"description_width": "initial"}  # labels are never cut off
GAP = 12  # pixels between pictures
_WORDS = "(controls: run this cell to use them)"


class Chart:
    """A matplotlib figure as pixels, and the mapping from points of its axes to pixels.

    Redrawing takes matplotlib a tenth of a second; copying these pixels and drawing a line over them, almost no time.
    """

    def __init__(self, figure: Figure) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self.pixels: np.ndarray = np.asarray(canvas.buffer_rgba())[..., 2::-1].copy()  # HWC uint8 BGR

    def at(self, axes: Axes, x: float, y: float) -> tuple[int, int]:
        """The pixel (from the left, from the top) of a point of the axes."""
        across, up = axes.transData.transform((x, y))
        return round(float(across)), round(self.pixels.shape[0] - float(up))

    def line(self, picture: np.ndarray, axes: Axes, x: float, colour: tuple[int, int, int] = CHOSEN) -> None:
        """Draws a vertical line across the whole axes, in place."""
        low, high = axes.get_ylim()
        cv2.line(picture, self.at(axes, x, low), self.at(axes, x, high), colour, 2, cv2.LINE_AA)

    def frame(self, picture: np.ndarray, axes: Axes, left: float, right: float) -> None:
        """Draws a frame from left to right, as high as the axes, in place."""
        low, high = axes.get_ylim()
        cv2.rectangle(picture, self.at(axes, left, low), self.at(axes, right, high), CHOSEN, 2)


def new_figure(width: float, height: float, rows: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of `width` by `height` inches (of 100 pixels) with axes stacked vertically; pyplot does not know it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False, **options)[:, 0].tolist()
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def beside(*pictures: np.ndarray) -> np.ndarray:
    """Pictures (HWC uint8 BGR) in a row on white, aligned at the top."""
    tallest = max(picture.shape[0] for picture in pictures)
    parts: list[np.ndarray] = []
    for picture in pictures:
        below = tallest - picture.shape[0]
        right = GAP if picture is not pictures[-1] else 0
        parts.append(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT, value=PAPER))
    return np.hstack(parts)


def above(*pictures: np.ndarray) -> np.ndarray:
    """Pictures (HWC uint8 BGR) under one another on white, aligned at the left."""
    widest = max(picture.shape[1] for picture in pictures)
    parts: list[np.ndarray] = []
    for picture in pictures:
        below = GAP if picture is not pictures[-1] else 0
        right = widest - picture.shape[1]
        parts.append(cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT, value=PAPER))
    return np.vstack(parts)


def enlarge(picture: np.ndarray, height: int) -> np.ndarray:
    """The picture resized to a height, smoothly."""
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    shrinks = height < picture.shape[0]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


class Explorer:
    """Controls, and a picture that is redrawn whenever one of them changes.

    As the last line of a cell it shows itself. Where widgets are not drawn (GitHub, a notebook opened without its
    kernel), the picture from when the cell ran is shown instead. Subclasses make their controls and define `draw`.
    """

    def __init__(self, controls: Sequence[widgets.Widget], extra: Sequence[widgets.Widget] = ()) -> None:
        self.image = picture_widget()
        rows = [widgets.HBox(list(controls), layout=widgets.Layout(flex_flow="row wrap"))] if controls else []
        self.box = widgets.VBox([*rows, self.image, *extra])
        for control in controls:
            if not isinstance(control, (widgets.Button, widgets.Play)):
                control.observe(self.refresh, names="value")
        self.refresh()

    def draw(self) -> np.ndarray:
        """The picture for the current controls, HWC uint8 BGR."""
        raise NotImplementedError

    def refresh(self, change: Any = None) -> None:
        """Redraws the picture."""
        put_picture(self.image, self.draw())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return bundle(self.box, bytes(self.image.value), self.image.format)


def picture_widget() -> widgets.Image:
    """A place for pictures, shown at their own size if there is room."""
    return widgets.Image(format="png", layout=widgets.Layout(max_width="100%", align_self="flex-start"))


def put_picture(place: widgets.Image, picture: np.ndarray) -> None:
    """Shows a picture (HWC uint8 BGR) in its place."""
    data, kind = to_bytes(picture)
    with place.hold_sync():
        place.format, place.value = kind, data
    place.layout.width = f"{picture.shape[1]}px"


def bundle(widget: widgets.Widget, picture: bytes = b"", kind: str = "png", words: str = _WORDS) -> dict[str, Any]:
    """What a front end can show: the widget, or else the picture, or else a few words."""
    import base64

    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    shown = {f"image/{kind}": base64.b64encode(picture).decode("ascii")} if picture else {}
    return {WIDGET: view, **shown, "text/plain": words}


def frame_slider(count: int, description: str = "frame") -> widgets.IntSlider:
    """A slider over frames 0 to count - 1; arrow keys move it, and its number can be typed in."""
    return widgets.IntSlider(
        value=0, min=0, max=max(0, count - 1), description=description, style=DESCRIPTION,
        layout=widgets.Layout(width="420px"),
    )  # fmt: skip


def wav_bytes(wav: np.ndarray, rate: int) -> bytes:
    """Sound, float (N,) in [-1, 1], as a 16-bit wav file in memory."""
    import io

    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(wav, -1, 1), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()
