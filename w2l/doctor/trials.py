"""How well the causes are told: stores of the clinic, examined, and kept as data/clinic.json.

The limits (`doctor.limits`) were chosen by stores as those of the set ``limits``, and by real people (docs/doctor.md).
Those of the set ``test`` show other people with other voices, and were examined once the limits stood.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from w2l.base.progress import progress_bar
from w2l.doctor.causes import diagnose
from w2l.doctor.clinic import SPOILS, Pool, Spoil, make_case
from w2l.doctor.kept import Kept
from w2l.doctor.report import shortened
from w2l.doctor.signs import Tools, examine

CACHED = "clinic.json"  # in data/
COMMAND = "w2l evaluate clinic --remake"
_POOLS = {"limits": (Pool("validation"),), "test": (Pool("test", 2, 30), Pool("test", 3, 30))}
_STORES = {"limits": 1, "test": 4}  # of each spoil
_HEALTHY = {"limits": 4, "test": 24}
_LEARNED = 2  # healthy stores of a set on which learning is tried, which takes most of the time


@dataclass(frozen=True)
class Trial:
    """A store of the clinic, and what was found. which: its set. seed: of `make_case`. found: causes, the likeliest
    first. numbers: as `examine.Signs`."""

    which: str
    spoil: str
    pool: int
    seed: int
    found: list[str]
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int]:
        """What the store is made from."""
        return self.which, self.spoil, self.seed


def planned(sets: Sequence[str] = tuple(_POOLS)) -> Iterator[tuple[str, Spoil, int, int]]:
    """Set, spoil, number of the pool and seed of every trial."""
    for which in sets:
        for pool in range(len(_POOLS[which])):  # one after the other, since each is held in memory
            for spoil in SPOILS:
                count = (_STORES if spoil.cause else _HEALTHY)[which]
                for seed in range(pool, count, len(_POOLS[which])):
                    yield which, spoil, pool, seed


def attempt(which: str, spoil: Spoil, pool: int, seed: int, tools: Tools) -> Trial:
    """Makes a store and examines it; learning is tried where the rate is spoiled, and on the first few healthy ones."""
    case = make_case(spoil, _POOLS[which][pool], seed)
    learning = spoil.cause.startswith("rate") or (not spoil.cause and seed < _LEARNED)
    diagnosis = diagnose(examine(case, tools, learning, progress=False))
    numbers = {key: shortened(value) for key, value in diagnosis.signs.numbers.items() if math.isfinite(value)}
    return Trial(which, spoil.name, pool, seed, [one.cause for one in diagnosis.findings], numbers)


def remake(
    done: Sequence[Trial], sets: Sequence[str], keep: Callable[[list[Trial]], object], progress: bool = True
) -> list[Trial]:
    """The trials of these sets that are still to be made, after those done; `keep` gets all so far after each."""
    trials = list(done)
    known = {one.key for one in trials}
    todo = [one for one in planned(sets) if (one[0], one[1].name, one[3]) not in known]
    pool, tools = None, Tools(remember=True)
    for which, spoil, number, seed in progress_bar(todo, desc="clinic", unit="store", show=progress):
        if pool != (which, number):
            pool, tools = (which, number), Tools(remember=True)  # forgets the clips of other pools
        trials.append(attempt(which, spoil, number, seed, tools))
        keep(trials)
    return trials


_KEPT = Kept(Trial, "trials", CACHED, COMMAND)
read, write = _KEPT.read, _KEPT.write


@dataclass(frozen=True)
class Score:
    """How often a spoil was named first, and at all, of so many stores; for healthy ones, how often nothing was."""

    spoil: Spoil
    stores: int
    first: int
    named: int
    instead: list[str]


def scores(trials: Sequence[Trial], which: str = "test") -> list[Score]:
    """A score for each spoil that was tried in a set."""
    found = []
    for spoil in SPOILS:
        own = [one for one in trials if one.which == which and one.spoil == spoil.name]
        firsts = [one.found[0] if one.found else "" for one in own]
        named = sum(spoil.cause in one.found or not (spoil.cause or one.found) for one in own)
        wrong = [one or "nothing" for one in firsts if one != spoil.cause]
        if own:
            found.append(Score(spoil, len(own), firsts.count(spoil.cause), named, wrong))
    return found


def to_markdown(trials: Sequence[Trial], which: str = "test") -> str:
    """The scores of a set as a table."""
    rows = scores(trials, which)
    table = ["| spoiled by | stores | named first | named | instead |", "|---|---|---|---|---|"]
    for one in rows:
        instead = ", ".join(sorted(set(one.instead)))
        table.append(f"| {one.spoil.title} | {one.stores} | {one.first} | {one.named} | {instead} |")
    spoiled = [one for one in rows if one.spoil.cause]
    total, first = sum(one.stores for one in spoiled), sum(one.first for one in spoiled)
    healthy = [one for one in rows if not one.spoil.cause]
    share = f"In {first} of {total} spoiled stores the true cause was named first."
    return "\n".join([*table, "", f"{share} In {_of(healthy)} healthy stores nothing was found."])


def _of(rows: Sequence[Score]) -> str:
    return f"{sum(one.first for one in rows)} of {sum(one.stores for one in rows)}"


def ranges(trials: Sequence[Trial], number: str) -> dict[str, tuple[float, float]]:
    """The least and the most of a number over the stores of each spoil."""
    found: dict[str, Any] = {}
    for one in trials:
        if number in one.numbers:
            low, high = found.get(one.spoil, (math.inf, -math.inf))
            found[one.spoil] = min(low, one.numbers[number]), max(high, one.numbers[number])
    return found
