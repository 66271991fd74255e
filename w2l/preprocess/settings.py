"""The choices that a user has about a clip store: the keywords of `PreprocessSettings`, and the command line."""

from __future__ import annotations

from dataclasses import dataclass

from w2l.base.choices import choice, documented, whole_number
from w2l.errors import W2LError

LAYOUTS = ("auto", "folder", "lrs2", "grid", "original", "corpus")
# pixels of a side of the crops -> faces below so many pixels of height are dropped, unless `min_face` says otherwise:
# a smaller face shows no more at 192 pixels than at 96 (`faces.SMALL_FACE`). Here, so that the command line starts fast
_SIZES = {96: 48, 192: 150}
_SHORTEST = 0.4  # seconds: two windows of 5 frames at 25 a second


@documented
@dataclass(frozen=True)
class PreprocessSettings:
    """How the clips of a store are made. Raises W2LError for values that make no sense.

    The bundled expert learned on synthetic talkers, where its confidence is 0.56 to 0.7 in the mean. On 20 clips of
    three speakers of GRID its offset is right within a frame, but with a confidence of 0.15 to 0.38 only, and the sound
    of another sentence once reached 0.33 (2026-11-28). So with the default of `sure` the sound of real people is mostly
    left alone.
    """

    detector: str = choice("auto", "yunet or s3fd; auto is yunet")
    device: str = choice("auto", "where to run s3fd: auto, cpu, cuda, mps")
    expert: str | None = choice(
        "classroom_expert",
        "the expert that measures the offset of the sound: a name or a file; None leaves the sound where it is",
        option_help="the expert that measures the offset of the sound: a name or a file",
        metavar="W",
    )
    sure: float = choice(
        0.35, "shift the sound by the offset when the expert's confidence is at least this", metavar="C"
    )
    min_confidence: float = choice(0.0, "drop clips with less confidence", metavar="C", default_help="0, keep all")
    min_seconds: float = choice(1.0, "drop shorter clips", metavar="S")
    max_seconds: float = choice(60.0, "split longer clips, which limits the memory needed", metavar="S")
    min_face: int | None = choice(
        None,
        "drop clips whose faces are less than this many pixels high (median)",
        parse=int,
        metavar="PX",
        default_help="48; with size 192, 150",
    )
    size: int = choice(
        96, "pixels of a side of the crops: 96, or 192 for generators of that size", parse=whole_number, metavar="PX"
    )

    def __post_init__(self) -> None:
        if not _SHORTEST <= self.min_seconds <= self.max_seconds / 2:
            raise W2LError(
                f"clips cannot be {self.min_seconds} to {self.max_seconds} s long; give min_seconds of {_SHORTEST} or "
                "more, and max_seconds of at least twice that."
            )
        if self.size not in _SIZES:
            raise W2LError(f"crops cannot have {self.size!r} pixels; choose {' or '.join(map(str, _SIZES))}.")
        if not 0 <= self.min_confidence <= 2 or self.lowest_face < 0:
            raise W2LError(
                f"clips cannot be chosen by confidence {self.min_confidence} and faces of {self.lowest_face} pixels; "
                "give a confidence of 0 (all) to 1, and pixels of 0 or more."
            )

    @property
    def lowest_face(self) -> int:
        """Pixels of height below which a face is dropped."""
        return _SIZES[self.size] if self.min_face is None else self.min_face
