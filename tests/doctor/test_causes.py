"""Causes from signs: which is named, in which order, with which numbers."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import tiny_training

from w2l.doctor import limits
from w2l.doctor.cases import Case, CaseClip, Tried
from w2l.doctor.causes import diagnose
from w2l.doctor.crops import CropSigns
from w2l.doctor.learning import Sweep
from w2l.doctor.report import to_text
from w2l.doctor.signs import FAULTS, ClipSigns, Signs
from w2l.doctor.sync import SyncSigns
from w2l.sync.curve import SyncCurve
from w2l.train.settings import ExpertConfig

CROPS = CropSigns(1.0, 48.0, 68.0, 30.0, 2.0, 0.2, 0.0)
HEALTHY = {
    "speakers": 20, "held_out_speakers": 4, "minutes": 60.0, "in_both": 0, "level": -60.0, "mouth_x": 48.0,
    "mouth_y": 68.0, "mouth_width": 30.0, "found": 1.0, "opening": 2.0, "shake": 0.2, "repeated": 0.0, "doubles": 0.0,
    "in_sync": 1.0, "offset": 0.0, "same_offset": 0.95, "spread": 0.2, "confidence": 0.5, "foreign": 0.0,
    "rate": 25.0, "rate_gain": 0.0, "batch_fall": 0.4, "rate_lowest": 1e-5, "rate_highest": 1e-3,
    **{f"share {fault}": 0.0 for fault in FAULTS},
}  # fmt: skip
SWEEP = Sweep({1e-6: [0.7, 0.6], 1e-4: [0.7, 0.3], 1e-2: [0.7, 0.6]})


def signs(config=None, sweep=None, log=None, crops=CROPS, faults=(), **numbers):
    clips = [CaseClip(one, "a", "anna") for one in tiny_training.clips(10)]
    tried = None if config is None else Tried(config, log or {})
    judged = SyncSigns(SyncCurve(np.arange(-1, 2), np.array([0.1, 0.8, 0.1])), True)
    seen = [ClipSigns("a", "anna", "train", "a.mp4", 20, -60.0, crops, faults, judged) for _ in clips]
    return Signs(Case.of("here", clips, tried), seen, HEALTHY | numbers, "expert", sweep)


def causes(*args, **numbers):
    return [one.cause for one in diagnose(signs(*args, **numbers)).findings]


def test_nothing_is_found_on_a_healthy_store():
    assert causes() == []
    assert causes(ExpertConfig()) == []
    assert "nothing found" in to_text(diagnose(signs()))


@pytest.mark.parametrize(
    ("numbers", "cause", "said"),
    [
        ({"offset": -4.0}, "delay", "the sound is early everywhere: by 4 frames of 40 ms in 95% of the clips in sync"),
        ({"same_offset": 0.3, "spread": 0.8}, "jitter", "30% of the clips in sync have the most common offset"),
        ({"foreign": 0.5, "in_sync": 0.5}, "wrong sounds", "in 50% of the clips the mouth fits its sound at no shift"),
        ({"rate": 30.0, "rate_gain": 0.1}, "frame rate", "the clips have 30 frames a second, and are taken for 25"),
        ({"mouth_x": 60.0}, "crops", "the mouth is not where it belongs in the crops: x 60, y 68, in the median clip"),
        ({"mouth_width": 15.0}, "crops", "the mouth is 15 wide, in the median clip (normal: 22 to 42 of 96 pixels)"),
        ({"speakers": 1}, "few speakers", "1 in training, with 60 minutes"),
        ({"doubles": 0.4}, "leak", "40% of the held-out sounds are in training"),
        ({"in_both": 2}, "leak", "2 speakers are in both"),
    ],
)
def test_each_cause_with_its_number(numbers, cause, said):
    found = diagnose(signs(**numbers))
    assert [one.cause for one in found.findings] == [cause]
    text = to_text(found)
    assert said in text and "(normal: " in text and text.count("\n1. ") == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_single_clips(fault):
    found = diagnose(signs(faults=(fault,), **{f"share {fault}": 1.0})).findings
    assert len(found) == 1 and found[0].seen.startswith("10 of 10 clips; ") and found[0].advice


def test_another_rate_explains_what_sync_looks_like():
    assert causes(rate=30.0, rate_gain=0.1, foreign=0.6, same_offset=0.1) == ["frame rate"]


def test_what_affects_most_clips_comes_first():
    assert causes(foreign=0.2, offset=3.0) == ["delay", "wrong sounds"]
    assert causes(**{"share silent": 0.5}, faults=("silent",), speakers=2, foreign=0.5) == [
        "silence",
        "wrong sounds",
        "few speakers",
    ]


@pytest.mark.parametrize(("rate", "cause"), [(1e-6, "rate low"), (1e-2, "rate high"), (1e-4, None)])
def test_the_rate_of_a_training(rate, cause):
    found = diagnose(signs(ExpertConfig(learning_rate=rate), SWEEP)).findings
    assert [one.cause for one in found] == ([cause] if cause else [])
    assert not cause or found[0].advice == "set learning_rate=0.0001."


def test_the_batch_of_a_training():
    assert causes(ExpertConfig(clips=2, windows=4)) == ["small batch"]
    assert causes(ExpertConfig(clips=2, windows=limits.BATCH // 2)) == []
    assert causes(ExpertConfig(clips=limits.BATCH - 1, pairs="one")) == ["small batch"]


def test_notes_say_what_is_no_cause():
    early = signs(ExpertConfig(), log={100: {"loss": 0.69}, 110: {"loss": float("nan")}}, held_out_speakers=0)
    notes = " ".join(diagnose(early).notes)
    assert "nobody is left for validation" in notes and "0.69 is normal until about step 300" in notes
    assert "not a number" in notes
    unsure = diagnose(signs(in_sync=0.7))
    assert not unsure.findings and "expert is sure about 70% of the clips only" in unsure.notes[0]
    part = signs()
    assert (
        "10 of the 11 clips were looked at."
        in diagnose(replace(part, case=replace(part.case, census=[*part.case.census, ("ben", "train", 9)]))).notes
    )


def test_a_batch_that_cannot_be_learned():
    flat = Sweep({1e-4: [0.7, 0.69], 1e-3: [0.7, 0.68]})
    found = diagnose(signs(sweep=flat, **flat.numbers()))
    assert [one.cause for one in found.findings] == ["cannot memorise"]
    assert "97%" in found.findings[0].seen and np.isnan(flat.numbers()["rate_lowest"])


def test_a_rate_beyond_one_that_fails_does_not_fit():
    steps = {1e-6: 0, 1e-4: 5, 1e-3: 6, 1e-2: 0, 0.1: 9}  # until the loss has halved; 0: never
    sweep = Sweep({rate: [0.7] * count + [0.3] if count else [0.7, 0.6] for rate, count in steps.items()})
    assert sweep.quickest == 1e-4 and sweep.works(0.1) and not sweep.fits(0.1)
    assert sweep.numbers() == {"batch_fall": pytest.approx(3 / 7), "rate_lowest": 1e-4, "rate_highest": 1e-3}
    assert causes(ExpertConfig(learning_rate=0.1), sweep) == ["rate high"]


def test_one_finding_for_crops_that_are_wrong_in_several_ways():
    shares = {"share no face": 0.3, "share mouth out of place": 0.7}
    found = diagnose(signs(faults=("mouth out of place", "no face"), **shares)).findings
    assert [one.title for one in found] == ["the mouth is not where it belongs in the crops"]


def test_a_single_clip_that_fits_at_no_shift_is_no_cause():
    assert causes(foreign=0.1) == [] and causes(foreign=0.2) == ["wrong sounds"]


def test_offsets_that_differ_explain_those_far_from_the_usual_one():
    assert causes(same_offset=0.2, foreign=0.4, in_sync=0.6) == ["jitter"]
    assert causes(same_offset=0.3, foreign=0.9, in_sync=0.05) == ["wrong sounds"]
