"""Uploads your own files from your computer to where the notebook runs: on Colab and everywhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from w2l.base import files, paths
from w2l.notebook import canvas

_MOST = 8 << 20  # bytes: Jupyter's servers cut the connection at messages of more than 10 MB, and a file is one message
_UNSAFE = re.compile(r"[^\w.\- ]+")


class Upload:
    """A button that uploads a file into a folder; `path` is the file's path, None until then.

    folder: where it goes; made if needed. accept: which kinds the file dialog offers. ask: on Colab, open its own
    dialog, which blocks the notebook until it is answered; elsewhere the button never blocks.
    """

    def __init__(self, folder: str | Path, accept: str = "video/*,audio/*,image/*", ask: bool = False) -> None:
        self.folder = Path(folder)
        self.path: Path | None = None
        self.said = widgets.HTML(
            f"Nothing is here yet. This button takes up to {_MOST >> 20} MB; put larger files beside the notebook with "
            "the file browser, and give their names."
        )
        self.button = widgets.FileUpload(accept=accept, multiple=False, description="choose a file")
        self.button.observe(self._arrived, names="value")
        self._colab = paths.platform() == "colab"
        self.box = self.said if self._colab else widgets.VBox([self.button, self.said])
        if self._colab and ask:
            self._ask_colab()
        elif self._colab:
            self.said.value = "On Colab, tick <i>UPLOAD</i> in the cell above, run that cell, then run this one again."

    def keep(self, name: str, data: bytes) -> Path:
        """Writes the file into the folder, whole or not at all, under a name without unusual characters."""
        self.path = self.folder / (_UNSAFE.sub("_", Path(name.replace("\\", "/")).name).lstrip(".") or "upload")
        with files.atomic(self.path) as temporary:
            temporary.write_bytes(data)
        self.said.value = f"<b>{self.path.name}</b> is here: {len(data) / 2**20:.1f} MB."
        return self.path

    def _arrived(self, change: dict[str, Any]) -> None:
        for name, data in _files(change["new"]):
            if len(data) == 0:
                self.said.value = (
                    f"{name} arrived empty. This button takes files of up to {_MOST >> 20} MB: put it beside the "
                    "notebook with the file browser, and give its name."
                )
            else:
                self.keep(name, data)

    def _ask_colab(self) -> None:
        from google.colab import files

        for name, data in files.upload().items():
            self.keep(name, data)
            if Path(name).is_file() and Path(name).resolve() != (self.path or Path()).resolve():
                Path(name).unlink()  # Colab has put a copy of its own into the current folder

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return canvas.bundle(self.box)


def _files(value: Any) -> list[tuple[str, bytes]]:
    """Names and contents of what a FileUpload holds: a dict in ipywidgets 7, a tuple in 8."""
    if isinstance(value, dict):
        return [(name, bytes(one["content"])) for name, one in value.items()]
    return [(one["name"], bytes(one["content"])) for one in value]
