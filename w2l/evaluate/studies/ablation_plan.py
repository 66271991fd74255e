"""What the ablation compares: the trainings, which differ in one thing each, the figures, and the paper's claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from w2l.errors import W2LError
from w2l.talker.cast import Cast

# In photographic talkers the sound does not tell everything that the mouth does (`talker.manner`); in drawn ones, and
# without a manner, it does. All speak with the same voices.
CORPORA = {
    "photo": Cast("natural", "photo"),
    "plain": Cast("natural", "photo", manner=False),
    "drawn": Cast("natural", "drawn"),
}
CORPUS_TITLES = {
    "photo": "photographic talkers",
    "plain": "photographic talkers without manners",
    "drawn": "drawn talkers",
}
USUAL_CORPORA = ("photo", "drawn")

APART = (1, 2, 3, 5, 10)  # frames between the two sounds that an expert chooses from
CUTS = (10, 25, 50)  # frames of the clips whose offset it finds

# What is tried for each sync loss, once, on validation people. Every training begins with a mouth, so an open gate
# (9: always open) does no harm; with a gate that one expert opens and another does not, gates would be compared. Steps
# are few, so the loss rises within 30. Without a mouth box the pixel loss pulls a tenth as much at the mouth, so
# smaller weights are tried; the last are the published settings.
_OPEN: dict[str, Any] = {"sync_gate": 9.0, "sync_ramp": 30}
_PUBLISHED: dict[str, Any] = {"sync_weight": 0.03, "sync_gate": 0.75, "sync_ramp": 1, "gate_shuts": False}
_WITH_BOX = tuple(_OPEN | {"sync_weight": weight} for weight in (0.01, 0.03, 0.1))
_WHOLE_FACE = (*(_OPEN | {"sync_weight": weight} for weight in (0.003, 0.01)), _PUBLISHED)


@dataclass(frozen=True)
class Variant:
    """One way of training. key: its name in results. claim: a to d, as `CLAIMS`, or none. title: in tables.

    frames: the window of the expert that it learns from, or is; 0: none. begin: whose generator it begins with: that of
    another variant, or "" for new weights. generator, gan: changes to `GeneratorConfig` and `GanConfig`; None: this
    stage is left out. tried: settings of which the best is used; settings_of: the variant for which they were tried.
    weights: bundled ones that are measured as they are, without a training. once: it is made once, whatever the seeds.
    watched: own and judge's scores are measured in the middle, too.
    """

    key: str
    claim: str
    title: str
    frames: int = 0
    generator: dict[str, Any] | None = None
    gan: dict[str, Any] | None = None
    begin: str = "start"
    tried: tuple[dict[str, Any], ...] = ()
    settings_of: str = ""
    weights: str = ""
    once: bool = False
    watched: bool = False


_LIPGAN: dict[str, Any] = {"expert_trained": True, "contrastive": True}
_FACE_ONLY: dict[str, Any] = {"mouth_weight": 0.0}
_SILENT: dict[str, Any] = {"sync_weight": 0.0}
_REAL: dict[str, Any] = {"disc_weight": 0.05, "disc_ramp": 20}

# A window of 9 frames is not among them: the sound's encoder takes 16 columns, the 200 ms of five frames, and ends in
# one value for exactly these; four of nine mouths would have no sound to be compared with.
# LipGAN's discriminator sees a single frame, has a contrastive loss on distances, and learns along with the generator.
# LipGAN's own starts from scratch; here it has an advantage and starts as an expert of one frame.
VARIANTS = (
    Variant("bundled", "", "classroom_generator_l1, for comparison", weights="classroom_generator_l1", once=True),
    Variant("start", "", "starting point: pixels alone", generator={}, begin="", once=True),
    Variant("still", "", "the paper's pixel loss, from nothing", generator=_FACE_ONLY, begin="", once=True),
    Variant(
        "gamed", "", "then the expert at once", 5,
        _FACE_ONLY | {"sync_weight": 0.03, "sync_gate": 99.0}, begin="still", once=True,
    ),
    Variant("tv1", "a", "expert with 1 frame", 1),
    Variant("tv3", "a", "expert with 3 frames", 3),
    Variant("tv5", "a", "expert with 5 frames", 5),
    Variant("frozen", "b", "frozen expert", 5, {}, tried=_WITH_BOX, watched=True),
    Variant(
        "trained", "b", "expert that keeps learning", 5, {"expert_trained": True}, settings_of="expert", watched=True
    ),
    Variant("paper_none", "c", "no sync loss, whole-face loss", 5, _FACE_ONLY | _SILENT),
    Variant("paper_lipgan", "c", "LipGAN's discriminator, whole-face loss", 1, _FACE_ONLY | _LIPGAN, tried=_WHOLE_FACE),
    Variant("paper_expert", "c", "frozen expert, whole-face loss", 5, _FACE_ONLY, tried=_WHOLE_FACE),
    Variant("none", "c", "no sync loss", 5, _SILENT),
    Variant("lipgan", "c", "LipGAN's single-frame discriminator", 1, _LIPGAN, tried=_WITH_BOX),
    Variant("expert", "c", "frozen 5-frame expert", 5, {}, tried=_WITH_BOX, watched=True),
    Variant(
        "no_gan", "d", "without quality discriminator", 5, None, {"disc_weight": 0.0}, "expert", settings_of="expert"
    ),
    Variant("gan", "d", "with quality discriminator", 5, None, _REAL, "expert", settings_of="expert"),
)  # fmt: skip
BY_KEY = {variant.key: variant for variant in VARIANTS}
SAME = {"frozen": "expert"}  # variants that are the same training under another question
_JUDGED_BY = {"expert": "tv5"}  # where the figures of a training's expert are; once its whole record was there


def names_of(variant: str) -> list[str]:
    """The variants whose records have the figures of this one, the best source first."""
    names = [variant]
    while names[-1] in (follow := SAME | _JUDGED_BY):
        names.append(follow[names[-1]])
    return names


@dataclass(frozen=True)
class FigureColumn:
    """A figure: key in a run's figures, title, whether more of it is better, digits."""

    key: str
    title: str
    more: bool
    digits: int = 3


# Of generators and, in earlier results, of their experts.
FIGURES = (
    FigureColumn("expert_accuracy", "accuracy of its expert", True),
    FigureColumn("confidence", "judge's confidence", True),
    FigureColumn("own_confidence", "confidence of the expert that it learned from", True),
    FigureColumn("opening_r", "opening r", True),
    FigureColumn("width_r", "width r", True),
    FigureColumn("amplitude", "opening's spread", True, 2),
    FigureColumn("mouth_l1", "mouth L1", False, 4),
    FigureColumn("sharpness", "sharpness", True, 2),
    FigureColumn("frechet", "Fréchet distance, small features", False, 2),
)
# Of experts.
EXPERT_FIGURES = (
    FigureColumn("half", "held-out accuracy after half the steps", True),
    FigureColumn("full", "held-out accuracy after all steps", True),
    FigureColumn("expert_accuracy", "accuracy on test talkers, at cosine 0.5", True),
    *(FigureColumn(f"apart_{n}", f"right sound chosen, {n} frame{'s' * (n > 1)} apart", True) for n in APART),
    *(FigureColumn(f"exact_{n}", f"offset exact, clips of {n / 25:g} s", True) for n in CUTS),
)
TITLES = {one.key: one.title for one in VARIANTS} | {one.key: one.title for one in (*EXPERT_FIGURES, *FIGURES)}


@dataclass(frozen=True)
class Claim:
    """What the paper says: in `figure`, and in the figures `also`, the variants come in this order, best first."""

    key: str
    question: str
    figure: str
    best_first: tuple[str, ...]
    also: tuple[str, ...] = ()

    def figures(self) -> list[FigureColumn]:
        """`figure`, then `also`."""
        known = {one.key: one for one in (*EXPERT_FIGURES, *FIGURES)}
        return [known[key] for key in (self.figure, *self.also)]


CLAIMS = (
    Claim(
        "a",
        "Does a longer window make a better expert?",
        "expert_accuracy",
        ("tv5", "tv3", "tv1"),
        ("apart_1", "apart_3", "exact_10", "exact_25"),
    ),
    Claim(
        "b",
        "Is a frozen expert better than one that keeps learning?",
        "confidence",
        ("frozen", "trained"),
        ("own_confidence", "opening_r", "width_r"),
    ),
    Claim(
        "c",
        "Is the expert better than a single-frame discriminator, and than no sync loss?",
        "confidence",
        ("expert", "lipgan", "none"),
        ("opening_r", "width_r"),
    ),
    Claim(
        "c",
        "The same with the paper's pixel loss, on the whole face alone, without a mouth box?",
        "confidence",
        ("paper_expert", "paper_lipgan", "paper_none"),
        ("opening_r", "width_r"),
    ),
    Claim(
        "d",
        "Does the quality discriminator make faces look more real?",
        "frechet",
        ("gan", "no_gan"),
        ("sharpness",),
    ),
)


def named(variants: tuple[str, ...] | list[str]) -> list[Variant]:
    """The variants of these keys, each once, those that are the same training under one name; all if none is given.

    Raises W2LError for unknown ones.
    """
    wanted = list(dict.fromkeys(SAME.get(name, name) for name in (variants or list(BY_KEY))))
    if unknown := [name for name in wanted if name not in BY_KEY]:
        raise W2LError(f"there is no training {unknown[0]!r}; choose from {', '.join(BY_KEY)}.")
    return [BY_KEY[name] for name in wanted]
