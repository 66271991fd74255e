"""All that a user may choose about a dub, in one place: `dub`, `preview` and `batch` take the same words."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from w2l.dubbing.footage import EXTENSIONS
from w2l.errors import W2LError
from w2l.faces import Which
from w2l.video import Framing


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a dub is made. Raises W2LError for values that make no sense, and for those that exclude each other.

    weights: ``classroom`` (bundled, knows drawn faces), ``wav2lip``, ``wav2lip_gan``, or a checkpoint file.

    detector, box (x1, y1, x2, y2 pixels, kept over the whole clip), pads (top, bottom, left, right pixels), smooth,
    gaps, which (the face, of several), cache (keep detections for the next run): as in `track_faces`.

    fps: frames a second of the result; the clip's own when None, 25 for a picture. resize_factor, rotate, crop: what
    of each frame is worked on, as in `video.Framing`; boxes and pads count in those pixels. static: use the first frame
    only. extend: ``pingpong``, ``loop``, ``hold`` or ``trim``, when the speech is longer than the clip.

    feather: only the lower half of the face is replaced, and it fades into the frame; otherwise the whole rectangle.
    match_colour: bring the drawn skin to the real one's colour. gate: the mouth rests in the pauses of the speech.
    parity: as the published code does it, to the pixel, faults included (see `published`); wants fps, feather and
    match_colour left alone, and one speaker.

    label: draw the visible label (the mark in the metadata is always written). sign: add signed content credentials
    where the extra for them is installed.

    batch_size: faces drawn at once. detector_batch_size: frames searched at once. device: ``auto``, ``cpu``,
    ``cuda``...
    """

    weights: str | os.PathLike[str] = "classroom"
    detector: str = "auto"
    which: Which = "main"
    box: Sequence[float] | None = None
    pads: tuple[int, int, int, int] = (0, 10, 0, 0)
    smooth: bool = True
    gaps: str = "pass"
    cache: bool = True
    fps: float | None = None
    resize_factor: int = 1
    rotate: int = 0
    crop: tuple[int, int, int, int] | None = None
    static: bool = False
    extend: str = "pingpong"
    feather: bool = True
    match_colour: bool = True
    gate: bool = False
    parity: bool = False
    label: bool = True
    sign: bool = True
    batch_size: int = 16
    detector_batch_size: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise W2LError(f"a batch of {self.batch_size} faces cannot be drawn; give a batch size of 1 or more.")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise W2LError(f"{self.fps} frames a second is not a frame rate; give a number above 0, such as 25.")
        if self.extend not in EXTENSIONS:
            raise W2LError(f"extend cannot be {self.extend!r}; choose one of {', '.join(EXTENSIONS)}.")
        _ = self.framing

    @property
    def framing(self) -> Framing:
        """What of each frame is worked on."""
        return Framing(self.resize_factor, self.rotate, self.crop, bilinear=self.parity)

    def with_changes(self, **changes: Any) -> Settings:
        """These settings with some of them changed; W2LError names the nearest one to a name there is none of."""
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise W2LError(
                    f"dubs have no setting {name!r}; {f'did you mean {near[0]}?' if near else 'see Settings'}"
                )
        return replace(self, **changes)
