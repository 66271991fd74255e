"""Named settings: those that converge in class, and the published ones.

``paper`` is the published training (reference 2.8) with its bugs fixed: the expert judges in eval mode, negatives are
another window and not just another frame, and the sync loss's state is in the checkpoint, while the original loses it
at every resume. Steps are those of the published files. Its data is LRS2: give `--data`.
"""

from __future__ import annotations

from typing import Any

from w2l.errors import W2LError
from w2l.train.settings import ExpertConfig, GanConfig, GeneratorConfig, HearingConfig, MeterConfig

NAMES = ("classroom", "paper")

_AS_PUBLISHED: dict[str, Any] = {"width": 1.0, "schedule": "constant", "clip": 0.0, "augment": False}
_NO_MOUTH_BOX: dict[str, Any] = {
    "mouth_weight": 0.0,
    "sync_gate": 0.75,
    "sync_ramp": 1,
    "gate_shuts": False,
    "convex": True,
}

_PAPER: dict[str, Any] = {
    "expert": ExpertConfig(
        **_AS_PUBLISHED,
        steps=1_751_230,
        pairs="one",
        clips=64,
        learning_rate=1e-4,
        evaluate_every=10_000,
    ),
    "generator": GeneratorConfig(
        **_AS_PUBLISHED,
        **_NO_MOUTH_BOX,
        steps=0,
        sync_steps=396_000,
        sync_batch=16,
        sync_learning_rate=1e-4,
        sync_weight=0.01,
        evaluate_every=3000,
    ),
    "gan": GanConfig(
        **_AS_PUBLISHED,
        **_NO_MOUTH_BOX,
        disc_width=1.0,
        steps=258_000,
        ahead=0,
        batch=16,
        learning_rate=1e-4,
        disc_learning_rate=1e-4,
        beta1=0.5,
        sync_weight=0.03,
        disc_weight=0.07,
        disc_ramp=1,
        evaluate_every=3000,
    ),
}
_CLASSROOM: dict[str, Any] = {
    "expert": ExpertConfig(),
    "generator": GeneratorConfig(),
    "gan": GanConfig(),
    "meter": MeterConfig(),
    "hearing": HearingConfig(),
}


def preset(training: str, name: str = "classroom") -> Any:
    """The settings with this name for a training: expert, generator, gan, meter or hearing.

    Raises W2LError for a name that this training does not have.
    """
    if name == "classroom":
        return _CLASSROOM[training]
    if name != "paper" or training not in _PAPER:
        raise W2LError(f"there is no preset {name!r} for {training}; choose one of {', '.join(NAMES)}.")
    return _PAPER[training]
