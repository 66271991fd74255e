"""Votes of a blind comparison: the hidden order, the table they are kept in, merging, and the results.

A table has a row for each vote: rater, pair, left, right (the method on that side), choice (the method, or empty for
"no difference"), seconds that the choice took.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from w2l.base.files import atomic
from w2l.errors import W2LError


@dataclass(frozen=True)
class Vote:
    """One choice."""

    rater: str
    pair: str
    left: str
    right: str
    choice: str  # left's or right's method; "" for no difference
    seconds: float = 0.0


@dataclass(frozen=True)
class Preference:
    """How often one method was preferred to another.

    share: of the votes that saw a difference; NaN where none did. low, high: its 95 % Wilson interval.
    """

    method: str
    other: str
    wins: int
    losses: int
    ties: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        seen = self.wins + self.losses
        if not seen:
            return f"{self.method} against {self.other}: no vote that saw a difference ({self.ties} ties)"
        return (
            f"{self.method} preferred to {self.other} in {self.wins} of {seen} votes: {self.share:.0%} "
            f"(95 % interval {self.low:.0%} to {self.high:.0%}; {self.ties} ties)"
        )


def arrange(pairs: Sequence[tuple[str, str, str]], rater: str, seed: int = 0) -> list[tuple[str, str, str]]:
    """(pair, left, right) in the order in which this rater sees them: order and sides at random, the same each time.

    pairs: (name, method, other method).
    """
    rng = np.random.default_rng([seed, *rater.encode()])
    order = [pairs[i] for i in rng.permutation(len(pairs))]
    # as many on one side as on the other, so that a preference for the left cannot favour a method
    turned = rng.permutation(np.arange(len(pairs)) % 2)
    return [(name, b, a) if turn else (name, a, b) for (name, a, b), turn in zip(order, turned, strict=True)]


def write_votes(path: str | os.PathLike[str], votes: Iterable[Vote]) -> None:
    """Writes the table, whole or not at all."""
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Vote)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(vote) for vote in votes)


def read_votes(*paths: str | os.PathLike[str]) -> list[Vote]:
    """The votes of one or more tables, merged: of a rater's votes on the same pair the last one counts.

    Raises W2LError for a file that is missing or not a table of votes.
    """
    merged: dict[tuple[str, str, frozenset[str]], Vote] = {}
    for path in paths:
        try:
            with open(path, newline="", encoding="utf8") as file:
                votes = [Vote(seconds=float(row.pop("seconds")), **row) for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise W2LError(f"{path} is not a table of votes; give files that a blind test wrote.") from error
        for vote in votes:
            if vote.choice not in ("", vote.left, vote.right):
                raise W2LError(
                    f"{Path(path).name}: {vote.choice!r} was not shown in {vote.pair}; correct or remove it."
                )
            merged[vote.rater, vote.pair, frozenset((vote.left, vote.right))] = vote
    return list(merged.values())


def preferences(votes: Iterable[Vote]) -> list[Preference]:
    """The result for each two methods that were compared; the preferred one is named first."""
    tally: dict[tuple[str, str], list[int]] = {}
    for vote in votes:
        a, b = sorted((vote.left, vote.right))
        count = tally.setdefault((a, b), [0, 0, 0])
        count[0 if vote.choice == a else 1 if vote.choice == b else 2] += 1
    found = []
    for (a, b), (wins, losses, ties) in sorted(tally.items()):
        if losses > wins:
            a, b, wins, losses = b, a, losses, wins
        share = wins / (wins + losses) if wins + losses else math.nan
        found.append(Preference(a, b, wins, losses, ties, share, *wilson(wins, wins + losses)))
    return found


def wilson(wins: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (1927): reliable even for few votes and for shares near 0 and 1.

    Returns (low, high), (0, 1) for no votes at all.
    """
    if count == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    found = binomtest(wins, count).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)
