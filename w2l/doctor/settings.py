"""The choices that a user has about the clinic."""

from __future__ import annotations

from dataclasses import dataclass

from w2l.base.choices import choice, documented, whole_number


@documented
@dataclass(frozen=True)
class CurveBudget:
    """How long each expert of the clinic is trained, and on how much."""

    steps: int = choice(400, "training steps of each expert", parse=whole_number, metavar="N")
    clips: int = choice(160, "clips of a store, a fifth of them held out", parse=whole_number, metavar="N")
    held_out: int = choice(
        24, "healthy clips of other people, on which all are measured", parse=whole_number, metavar="N"
    )
    every: int = choice(50, "steps between measurements", parse=whole_number, metavar="N")
