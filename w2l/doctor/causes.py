"""From signs to causes: each with its number, what is normal, and what to do; the likeliest first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from w2l.doctor import limits
from w2l.doctor.limits import within
from w2l.doctor.signs import Signs
from w2l.train.settings import ExpertConfig


@dataclass(frozen=True)
class Finding:
    """A likely cause. cause: its key. weight: how much of the data it affects, in [0, 1], by which findings are
    ordered. seen, normal: the number and its normal range, in words. advice: what to do, a sentence."""

    cause: str
    title: str
    weight: float
    seen: str
    normal: str
    advice: str

    def __str__(self) -> str:
        return f"{self.title}: {self.seen} (normal: {self.normal})\n   {self.advice}"


@dataclass(frozen=True)
class Diagnosis:
    """findings: causes that were found, the likeliest first; none on a healthy store. notes: what else is worth
    knowing, in sentences."""

    signs: Signs
    findings: Sequence[Finding]
    notes: Sequence[str]


def diagnose(signs: Signs) -> Diagnosis:
    """The causes that the signs of a case speak for."""
    found = sorted((one for rule in RULES for one in rule(signs)), key=lambda one: -one.weight)
    first = {one.cause: one for one in reversed(found)}  # crops beside the mouth may show no face as well
    return Diagnosis(signs, [one for one in found if first[one.cause] is one], list(_notes(signs)))


def _faults(signs: Signs) -> Iterator[Finding]:
    """Faults that clips have each on their own. They explain what sync and learning look like, so they come first."""
    for fault, (cause, title, normal, advice) in _FAULTS.items():
        share = signs.numbers[f"share {fault}"]
        count = round(share * len(signs.clips))
        if share >= limits.AFFECTED and count >= _STRAYS:
            seen = f"{count} of {len(signs.clips)} clips; {_median(fault, signs)}"
            yield Finding(cause, title, share + _FIRST, seen, normal, advice)


def _crops(signs: Signs) -> Iterator[Finding]:
    """Crops that are all cut beside the mouth, or too wide or too narrow."""
    x, y, wide = (signs.numbers["mouth_" + name] for name in ("x", "y", "width"))
    if math.isnan(x):
        return
    if not (within(x, limits.MOUTH_X) and within(y, limits.MOUTH_Y)):
        title, seen, normal = "the mouth is not where it belongs in the crops", f"x {x:.0f}, y {y:.0f}", _IN_PLACE
    elif not within(wide, limits.MOUTH_WIDTH):
        title, seen, normal = "the faces have the wrong size in the crops", f"the mouth is {wide:.0f} wide", _IN_SIZE
    else:
        return
    yield Finding("crops", title, 1 + _FIRST, f"{seen}, in the median clip", normal, _CROP_ADVICE)


_FIRST = 0.05  # by which faults of single clips go before what follows from them


def _median(fault: str, signs: Signs) -> str:
    """What the clips with a fault measure, in the middle."""
    name, unit = _MEASURED[fault]
    values = sorted(
        one.level if name == "level" else getattr(one.crops, name) for one in signs.clips if fault in one.faults
    )
    if name == "x":
        ys = sorted(one.crops.y for one in signs.clips if fault in one.faults)
        return f"the mouth is at x {values[len(values) // 2]:.0f}, y {ys[len(ys) // 2]:.0f}, median"
    return unit.format(values[len(values) // 2])


_MEASURED = {
    "silent": ("level", "their loud parts have {:.0f} dB of mel, median"),
    "clipped": ("level", "their loud parts have {:.0f} dB of mel, median"),
    "no face": ("found", "a face in {:.0%} of their frames, median"),
    "mouth out of place": ("x", ""),
    "wrong size": ("width", "the mouth is {:.0f} of 96 pixels wide, median"),
    "still": ("opening", "the opening varies by {:.2f} of 96 pixels, median"),
    "shaking": ("shake", "the face moves by {:.1f} of 96 pixels a frame, median"),
    "repeated frames": ("repeated", "{:.0%} of their frames repeat the one before, median"),
}
_IN_PLACE = (
    f"x {limits.MOUTH_X[0]:.0f} to {limits.MOUTH_X[1]:.0f}, y {limits.MOUTH_Y[0]:.0f} to {limits.MOUTH_Y[1]:.0f} of 96"
)
_IN_SIZE = f"{limits.MOUTH_WIDTH[0]:.0f} to {limits.MOUTH_WIDTH[1]:.0f} of 96 pixels"
_CROP_ADVICE = "make the crops again with 'w2l preprocess' from the whole frames; look at a few of them first."
_FAULTS = {  # what a clip may have of its own: cause, title, normal range, advice
    "silent": (
        "silence", "the sound is silent", f"above {limits.SILENT:.0f} dB",
        "check which track holds the speech, and that it was not lost in a conversion; leave silent clips out.",
    ),
    "clipped": (
        "clipping", "the sound is cut off at full scale", f"below {limits.LOUD:.0f} dB",
        "go back to recordings that are not overdriven; turning them down now does not bring back what was cut off.",
    ),
    "no face": ("crops", "the crops show no face", "a face in every frame", _CROP_ADVICE),
    "mouth out of place": ("crops", "the mouth is not where it belongs in the crops", _IN_PLACE, _CROP_ADVICE),
    "wrong size": (
        "crops", "the faces have the wrong size in the crops",
        f"{limits.MOUTH_WIDTH[0]:.0f} to {limits.MOUTH_WIDTH[1]:.0f} pixels", _CROP_ADVICE,
    ),
    "still": (
        "still", "the mouths do not move", f"{limits.STILL} pixels or more",
        "leave out still pictures, masks and people who listen.",
    ),
    "shaking": (
        "shaking", "the crops do not stay with the face", f"below {limits.SHAKE} pixels",
        "smooth the boxes over time, as 'w2l preprocess' does.",
    ),
    "repeated frames": (
        "frame rate", "frames are repeated", f"below {limits.REPEATED:.0%}",
        "the clips were filmed at a lower rate, or lost frames; go back to the originals, and keep those of 24 frames "
        "a second or more.",
    ),
}  # fmt: skip


def _rate(signs: Signs) -> Iterator[Finding]:
    """Another frame rate than 25 fits the sound better."""
    rate, gain = signs.numbers.get("rate", 25.0), signs.numbers.get("rate_gain", 0.0)
    if rate != 25 and gain >= limits.RATE_GAIN:
        yield Finding(
            "frame rate",
            f"the clips have {rate:g} frames a second, and are taken for 25",
            1.0,
            f"mouths and sounds fit better at {rate:g}, by {gain:.3f} of the mean cosine",
            f"25, or less than {limits.RATE_GAIN} better",
            "the sound drifts away from the mouth; make the store from videos that know their rate, or convert the "
            "pictures to 25 a second first.",
        )


def _sync(signs: Signs) -> Iterator[Finding]:
    """Sounds of other clips; sound that is late or early everywhere, or differently in each clip."""
    numbers = signs.numbers
    if "offset" not in numbers or any(_rate(signs)):
        return
    foreign, offset, same = numbers["foreign"], numbers["offset"], numbers["same_offset"]
    judged = sum(one.sync is not None for one in signs.clips)
    if foreign <= _TOO_MANY and same < limits.SAME_OFFSET:  # it also explains offsets far from the most common one
        yield Finding(
            "jitter",
            "sound and picture are off by another time in each clip",
            1 - same,
            f"{same:.0%} of the clips in sync have the most common offset, {offset:+.0f} frames; the offsets spread "
            f"by {numbers['spread']:.1f}",
            f"{limits.SAME_OFFSET:.0%} or more",
            "put each clip in sync: 'w2l preprocess' does where the expert is sure (--sure lowers what that takes).",
        )
        return
    if foreign >= limits.FOREIGN and round(foreign * judged) >= _STRAYS:
        yield Finding(
            "wrong sounds",
            "the sound is not that of the pictures",
            foreign,
            f"in {foreign:.0%} of the clips the mouth fits its sound at no shift",
            f"below {limits.FOREIGN:.1%}",
            "check how sounds and pictures were paired, and whether the face in the picture is the one that speaks; "
            "preprocess with --min-confidence to drop such clips. Where it is nearly all of them, the expert may not "
            "know such faces: give --expert another.",
        )
    if foreign <= _TOO_MANY and offset:
        yield Finding(
            "delay",
            f"the sound is {'late' if offset > 0 else 'early'} everywhere",
            same,
            f"by {abs(offset):.0f} frames of 40 ms in {same:.0%} of the clips in sync",
            "0",
            "shift the sound by that much, or preprocess again with a lower --sure, which does it clip by clip.",
        )


_STRAYS = 2  # clips with another's sound from which that is told, in small stores
_TOO_MANY = 0.8  # share of foreign sounds above which the offsets of the rest say nothing


def _people(signs: Signs) -> Iterator[Finding]:
    """Too few people to learn from, or the same ones in training and held out."""
    numbers = signs.numbers
    speakers, shared = round(numbers["speakers"]), round(numbers["in_both"])
    if speakers < limits.SPEAKERS:
        yield Finding(
            "few speakers",
            "too few people speak",
            0.3 * (1 - speakers / limits.SPEAKERS) + 0.1,
            f"{speakers} in training, with {numbers['minutes']:.0f} minutes",
            f"{limits.SPEAKERS} or more; the published expert saw hundreds",
            "add other people: the expert learns these mouths by heart and knows no others. If there are more of them, "
            "name them with --speakers when preprocessing.",
        )
    doubles = numbers.get("doubles", 0.0)
    if shared or doubles >= limits.DOUBLES:
        which = f"{shared} speakers are in both" if shared else f"{doubles:.0%} of the held-out sounds are in training"
        yield Finding(
            "leak",
            "training and validation share recordings",
            0.2,
            which,
            "none",
            "the held-out numbers are too good; split by speaker, and delete copies.",
        )


def _settings(signs: Signs) -> Iterator[Finding]:
    """Settings of the training that was tried; without one, whether a batch can be learned at all."""
    tried, numbers = signs.case.tried, signs.numbers
    if signs.sweep is not None and not signs.sweep.works(signs.sweep.quickest):
        yield Finding(
            "cannot memorise",
            "not even one batch can be learned by heart",
            0.15,
            f"its loss falls to {numbers['batch_fall']:.0%} at the best of the rates",
            f"{limits.LEARNED:.0%} within {limits.RATE_STEPS} steps",
            "sounds or pictures hold nothing to tell them apart by; look at the clips.",
        )
    if tried is None:
        return
    config = tried.config
    if signs.sweep is not None and not signs.sweep.fits(config.learning_rate):
        high = config.learning_rate > signs.sweep.quickest
        low, top = numbers["rate_lowest"], numbers["rate_highest"]
        yield Finding(
            "rate high" if high else "rate low",
            f"the learning rate is too {'high' if high else 'low'}",
            1.0,
            f"{config.learning_rate:g}; the loss of one batch halves within {limits.RATE_STEPS} steps at other rates",
            f"{low:g} to {top:g}",
            f"set learning_rate={signs.sweep.quickest:g}.",
        )
    if windows_of(config) < limits.BATCH:
        yield Finding(
            "small batch",
            "the batch is too small",
            0.9,
            f"{windows_of(config)} windows in a step",
            f"{limits.BATCH} or more",
            "raise clips or windows; where memory is short, compute a batch in parts with --accumulate.",
        )


def windows_of(config: ExpertConfig) -> int:
    """Windows of mouths in a training step."""
    return config.clips * (config.windows if config.pairs == "all" else 1)


def _notes(signs: Signs) -> Iterator[str]:
    """What is no cause, but worth knowing."""
    numbers, case = signs.numbers, signs.case
    if not numbers["held_out_speakers"]:
        yield "nobody is left for validation: held-out numbers of a training would be measured on training clips."
    if len(case.clips) < len(case.census):
        yield f"{len(case.clips)} of the {len(case.census)} clips were looked at."
    if "offset" not in numbers:
        yield "sync was not judged: too few clips are without a fault of their own."
    elif numbers["in_sync"] < _UNSURE:
        yield (
            f"{signs.expert} is sure about {numbers['in_sync']:.0%} of the clips only: it learned from other faces, "
            "and its offsets may be off by a frame."
        )
    if case.tried and case.tried.log:
        config, last = case.tried.config, max(case.tried.log)
        early = limits.EARLY.get(config.pairs, 0)
        if last < early:
            yield (
                f"the training has made {last} steps; with pairs={config.pairs} a loss of 0.69 is normal until about "
                f"step {early}."
            )
        losses = [row["loss"] for row in case.tried.log.values() if "loss" in row]
        if losses and math.isnan(losses[-1]):
            yield "its last loss is not a number: lower the learning rate."


_UNSURE = 0.9  # share of clips in sync below which the expert is less sure than it should be
RULES: tuple[Callable[[Signs], Iterator[Finding]], ...] = (_faults, _crops, _rate, _sync, _people, _settings)
