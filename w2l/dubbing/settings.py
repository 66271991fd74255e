"""The choices that a user has about a dub: the keywords of `dub`, `preview` and `batch`, and their command lines."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from w2l.base.choices import choice, documented, seconds_of, whole_number, yes_or_no
from w2l.errors import W2LError

if TYPE_CHECKING:
    from w2l.faces import Which
    from w2l.video import Framing

EXTENSIONS = ("pingpong", "loop", "hold", "trim")
REFERENCES = ("closed", "own")
_GAPS = ("pass", "hold", "interpolate", "error")  # as `faces.GAPS`, repeated so that the command line starts fast
_SIDES = ("TOP", "BOTTOM", "LEFT", "RIGHT")
_FACE, _FRAMES, _MOUTH = "the face", "the frames", "the mouth"


def _box(sides: list[int]) -> tuple[int, int, int, int] | None:
    """--box comes as top, bottom, left, right; the library takes x1, y1, x2, y2."""
    if sides == [-1, -1, -1, -1]:  # how the published code says that there is none
        return None
    top, bottom, left, right = sides
    if not (0 <= top < bottom and 0 <= left < right):
        raise W2LError(f"--box {top} {bottom} {left} {right} is not a box: it takes TOP BOTTOM LEFT RIGHT in pixels.")
    return left, top, right, bottom


def _crop(sides: list[int]) -> tuple[int, int, int, int]:
    """--crop likewise; 0 -1 0 -1 is the whole frame."""
    top, bottom, left, right = sides
    return left, top, right, bottom


@documented
@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """How faces are found and followed, and which part of each frame is used."""

    detector: str = choice(
        "auto",
        "how faces are found: yunet or s3fd",
        group=_FACE,
        default_help="auto, which is yunet",
    )
    pads: tuple[int, int, int, int] = choice(
        (0, 10, 0, 0),
        "pixels added to the face box at the top, bottom, left and right",
        group=_FACE,
        parse=int,
        convert=tuple,
        nargs=4,
        metavar=_SIDES,
        default_help="0 10 0 0",
    )
    box: Sequence[float] | None = choice(
        None,
        "a fixed face box, x1, y1, x2, y2 in pixels, for the whole clip; no face is searched for",
        group=_FACE,
        option_help="a fixed face box in pixels; no face is searched for",
        parse=int,
        convert=_box,
        nargs=4,
        metavar=_SIDES,
    )
    smooth: bool = choice(
        True,
        "smooth the face box over time",
        "--nosmooth",
        group=_FACE,
        option_help="do not smooth the face box over time",
    )
    gaps: str = choice(
        "pass",
        "frames without a face: pass them unchanged, hold the last box, interpolate, or stop with an error",
        group=_FACE,
        choices=_GAPS,
    )
    which: Which = choice(
        "main",
        "which of several faces: main, largest, centre, a number from w2l track, or a point X,Y",
        group=_FACE,
    )
    detector_batch_size: int | None = choice(
        None,
        "frames searched at once (s3fd)",
        "--face_det_batch_size",
        "--face-det-batch-size",
        group=_FACE,
        parse=whole_number,
        metavar="N",
    )
    cache: bool = choice(
        True,
        "remember the faces that are found, so that the next run on the clip need not search",
        "--no-cache",
        group=_FACE,
        option_help="search for the faces anew, and do not remember them for the next run",
    )
    resize_factor: int = choice(
        1,
        "divide width and height by this; boxes and pads are in pixels of the smaller frame",
        "--resize_factor",
        "--resize-factor",
        group=_FRAMES,
        parse=whole_number,
        metavar="N",
    )
    rotate: int = choice(
        0,
        "turn the frames clockwise by 90, 180 or 270 degrees",
        group=_FRAMES,
        option_help="turn the frames clockwise by 90 (without a number), 180 or 270 degrees",
        convert=lambda degrees: degrees % 360,
        nargs="?",
        const=90,
        metavar="DEGREES",
    )
    crop: tuple[int, int, int, int] | None = choice(
        None,
        "cut this out of each frame: x1, y1, x2, y2 in pixels; a negative x2 or y2 means the right or bottom edge",
        group=_FRAMES,
        option_help="cut this out of each frame; -1 means the bottom or right edge",
        parse=int,
        convert=_crop,
        nargs=4,
        metavar=_SIDES,
    )
    fps: float | None = choice(
        None,
        "frames per second of the result",
        group=_FRAMES,
        parse=float,
        default_help="the clip's; a picture: 25",
    )
    start: float | None = choice(
        None,
        "use the clip from this moment on, in seconds; the speech and a sound track are used from their own beginning",
        group=_FRAMES,
        option_help="use the clip from this moment on, in seconds or as 1:15; the speech and a sound track are used "
        "from their own beginning",
        parse=seconds_of,
        metavar="TIME",
        default_help="the clip's",
    )
    end: float | None = choice(
        None,
        "use the clip up to this moment, in seconds",
        group=_FRAMES,
        option_help="use the clip up to this moment",
        parse=seconds_of,
        metavar="TIME",
        default_help="the clip's",
    )
    device: str = choice("auto", "auto, cpu, cuda, cuda:1, mps", group=_FRAMES)

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise W2LError(f"{self.fps} frames a second is not a frame rate; give a number above 0, such as 25.")
        if isinstance(self.detector, str) and self.detector != "auto":  # or an object that finds faces
            from w2l.faces.detectors import check_name  # here, as in `framing`

            check_name(self.detector)
        _ = self.framing
        if self.start is not None or self.end is not None:
            from w2l.video.excerpt import check_times  # here, as in `framing`

            check_times(self.start, self.end)

    @property
    def framing(self) -> Framing:
        """The part of each frame that is used."""
        from w2l.video import Framing  # here, because the command line lists the choices without loading OpenCV

        return Framing(self.resize_factor, self.rotate, self.crop)


@documented
@dataclass(frozen=True, kw_only=True)
class Settings(TrackSettings):
    """How a dub is made. Raises W2LError for values that make no sense, and for those that exclude each other."""

    weights: str | os.PathLike[str] = choice(
        "classroom",
        "classroom (bundled, knows synthetic talkers), wav2lip, wav2lip_gan, or a checkpoint file",
        "--weights",
        "--checkpoint_path",
        group=_MOUTH,
    )
    static: bool = choice(
        False,
        "use the first frame only",
        group=_MOUTH,
        parse=yes_or_no,
        nargs="?",
        const=True,
        metavar="YES",
        default_help="",
    )
    extend: str = choice(
        "pingpong",
        "when the speech is longer than the clip: play the clip back and forth, loop it, hold its last frame, or trim "
        "the result to the clip",
        group=_MOUTH,
        choices=EXTENSIONS,
    )
    audio_track: int | None = choice(
        None,
        "which sound track of the speech file is used, counted from 1",
        group=_MOUTH,
        parse=whole_number,
        metavar="N",
        default_help="the file's own choice",
    )
    soundtrack: str | os.PathLike[str] | None = choice(
        None,
        "a sound file or video that is heard in the result, while the lips follow the speech. For a song: the whole "
        "song here, the singing alone as the speech; both begin together",
        group=_MOUTH,
        metavar="FILE",
    )
    gate: bool = choice(False, "keep the mouth at rest in the pauses of the speech", group=_MOUTH)
    reference: str = choice(
        "closed",
        "the picture that shows the generator what the mouth looks like. closed: a frame with closed lips, from the "
        "last two seconds; own: the frame itself, as published",
        group=_MOUTH,
        choices=REFERENCES,
    )
    feather: bool = choice(
        True,
        "replace only the lower half of the face and fade it into the frame, instead of the whole rectangle",
        "--rectangle",
        group=_MOUTH,
        option_help="paste the whole rectangle instead of a mouth that fades in",
    )
    match_colour: bool = choice(
        True,
        "match the colour of the generated skin to that of the real skin",
        "--no-colour-match",
        group=_MOUTH,
        option_help="leave the colour of the generated skin alone",
    )
    parity: bool = choice(
        False,
        "do exactly what the published code does, faults included (see `published`): leave fps out, give one speaker; "
        "reference, feather and match_colour have no effect",
        group=_MOUTH,
        option_help="do exactly what the published code does, faults included",
    )
    label: bool = choice(
        True,
        'draw the visible "AI-generated" label; the mark in the metadata is always written',
        "--no-label",
        group=_MOUTH,
        option_help='leave out the visible "AI-generated" label',
    )
    sign: bool = choice(
        True,
        "add signed content credentials where the extra for them is installed",
        "--no-sign",
        group=_MOUTH,
        option_help="add no signed content credentials",
    )
    batch_size: int = choice(
        16,
        "faces generated at once",
        "--wav2lip_batch_size",
        "--batch-size",
        group=_MOUTH,
        parse=whole_number,
        metavar="N",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 1:
            raise W2LError(f"a batch of {self.batch_size} faces cannot be drawn; give a batch size of 1 or more.")
        if self.extend not in EXTENSIONS:
            raise W2LError(f"extend cannot be {self.extend!r}; choose one of {', '.join(EXTENSIONS)}.")
        if self.reference not in REFERENCES:
            raise W2LError(f"reference cannot be {self.reference!r}; choose one of {', '.join(REFERENCES)}.")

    def with_changes(self, **changes: Any) -> Settings:
        """These settings with some of them changed. Raises W2LError for an unknown name, with the closest known one."""
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise W2LError(
                    f"dubs have no setting {name!r}; {f'did you mean {near[0]}?' if near else 'see Settings'}"
                )
        return replace(self, **changes)
