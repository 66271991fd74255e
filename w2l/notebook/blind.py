"""The blind comparison as a widget: two results side by side, without their names, and a choice."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from w2l import video
from w2l.errors import W2LError
from w2l.notebook import canvas
from w2l.notebook.plots import to_bytes
from w2l.notebook.votes import Vote, arrange, preferences, read_votes, write_votes

_KEYS = {"l": "left", "1": "left", "r": "right", "2": "right", "=": "", "0": ""}
_SIDE = 320  # pixels


class BlindTest:
    """Which looks more as if it is saying these words? One pair at a time; each vote is saved immediately.

    pairs: name of the pair -> {method: its file, other method: its file}, mp4 or pictures. votes: the CSV file; pairs
    that this rater has already voted on there are not shown again. rater: any name for the voter. Order and sides are
    random, and the files' names are not shown. Vote by mouse, or by keyboard: l, r or = in the field (or Tab and Space
    on the buttons). Raises W2LError for a pair that does not have two files.
    """

    def __init__(
        self,
        pairs: Mapping[str, Mapping[str, str | os.PathLike[str]]],
        votes: str | os.PathLike[str],
        rater: str = "anonymous",
        seed: int = 0,
    ) -> None:
        self._files = {name: {method: Path(path) for method, path in pair.items()} for name, pair in pairs.items()}
        for name, pair in self._files.items():
            if len(pair) != 2 or not all(path.is_file() for path in pair.values()):
                raise W2LError(
                    f"the pair {name} needs two methods with a file each, not {list(pair)}; make them first."
                )
        self.path, self.rater = Path(votes), rater
        self.votes = read_votes(self.path) if self.path.exists() else []
        known = {(vote.pair, frozenset((vote.left, vote.right))) for vote in self.votes if vote.rater == rater}
        order = arrange([(name, *pair) for name, pair in self._files.items()], rater, seed)  # type: ignore[misc]
        self._open = [one for one in order if (one[0], frozenset(one[1:])) not in known]
        self._since = time.monotonic()
        self._make_widgets()
        self._show()

    def _make_widgets(self) -> None:
        self.said = widgets.HTML()
        self.stage = widgets.HBox()
        self.buttons = {
            side: widgets.Button(description=label, tooltip=f"key: {key}")
            for side, label, key in (("left", "left", "l"), ("", "no difference", "="), ("right", "right", "r"))
        }
        for side, button in self.buttons.items():
            button.on_click(lambda _, side=side: self.vote(side))
        self.key = widgets.Text(
            placeholder="or type l, r or =", layout=widgets.Layout(width="150px"), continuous_update=True
        )
        self.key.observe(self._on_key, names="value")
        self.controls = widgets.HBox([*self.buttons.values(), self.key])
        self.box = widgets.VBox([self.said, self.stage, self.controls])

    def vote(self, side: str) -> None:
        """Records a choice, "left", "right" or "" for no difference, and shows the next pair."""
        if not self._open:
            return
        pair, left, right = self._open.pop(0)
        choice = {"left": left, "right": right}.get(side, "")
        seconds = round(time.monotonic() - self._since, 1)
        self.votes.append(Vote(self.rater, pair, left, right, choice, seconds))
        write_votes(self.path, self.votes)
        self._show()

    def _on_key(self, change: dict[str, Any]) -> None:
        typed = str(change["new"]).strip().lower()
        if typed:
            self.key.value = ""
            if typed[-1] in _KEYS:
                self.vote(_KEYS[typed[-1]])

    def _show(self) -> None:
        if not self._open:
            lines = "<br>".join(str(one) for one in preferences(self.votes))
            self.said.value = f"<b>Thank you.</b> {len(self.votes)} votes are in {self.path.name}.<br>{lines}"
            self.stage.children = ()
            self.controls.layout.display = "none"
            return
        pair, left, right = self._open[0]
        done = len(self._files) - len(self._open)
        self.said.value = f"<b>Pair {done + 1} of {len(self._files)}.</b> Which mouth speaks these words?"
        files = self._files[pair]
        self.stage.children = tuple(_player(files[m], side) for m, side in ((left, "left"), (right, "right")))
        self._since = time.monotonic()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        name = self._open[0] if self._open else None
        if name is None:
            return canvas.bundle(self.box)
        firsts = [next(video.read_frames(self._files[name[0]][method], max_frames=1)) for method in name[1:]]
        picture = canvas.beside(*(canvas.enlarge(first, _SIDE) for first in firsts))
        return canvas.bundle(self.box, *to_bytes(picture))


def _player(path: Path, side: str) -> widgets.Widget:
    """A player or a picture that does not reveal its source."""
    data = path.read_bytes()
    if path.suffix.lower() == ".mp4":
        shown: Any = widgets.Video(value=data, format="mp4", autoplay=False, loop=False, width=str(_SIDE))
    else:
        shown = widgets.Image(value=data, format=path.suffix.lstrip(".").lower(), width=str(_SIDE))
    return widgets.VBox([widgets.HTML(f"<b>{side}</b>"), shown], layout=widgets.Layout(margin="0 12px 0 0"))
