"""The demo: the bundled presenter speaks the bundled speech, drawn by the bundled weights, without any download."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from w2l.base import paths
from w2l.dubbing.contact_sheet import ContactSheet
from w2l.dubbing.dub import DubResult, dub


@dataclass(frozen=True)
class Demo:
    """The files of the demo, and the result of its dub."""

    video: Path
    sheet: Path
    result: DubResult


def demo(out: str | os.PathLike[str] | None = None, progress: bool = True) -> Demo:
    """Dubs the presenter in ``data/samples`` and writes demo.mp4 and demo.png (the contact sheet) into the folder.

    out: the folder, ``demo`` in the results folder when None. The presenter is no real person, so no consent is needed.
    Raises W2LError when the kit's data is missing or the folder cannot be written.
    """
    folder = Path(out) if out is not None else paths.results() / "demo"
    samples = paths.data() / "samples"
    face, speech = samples / "presenter.mp4", samples / "speech.wav"
    sheet = ContactSheet(speech, title=f"w2l demo: {face.name} speaks {speech.name}, drawn by the classroom weights")
    result = dub(face, speech, folder / "demo.mp4", progress=progress, watch=sheet)
    return Demo(result.path, sheet.write(folder / "demo.png"), result)
