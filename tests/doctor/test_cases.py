"""What is examined: a store on disk, a part of it, and the training that was tried."""

import json

import pytest
from helpers.doctored import make_store

from w2l.doctor.cases import read_case, read_run
from w2l.errors import W2LError


def test_a_store_is_read_with_its_speakers(tmp_path):
    case = read_case(make_store(tmp_path / "store", ["anna", "ben", "anna", "cleo"]))
    assert [(one.speaker, one.split) for one in case.clips] == [
        ("anna", "train"),
        ("ben", "train"),
        ("anna", "train"),
        ("cleo", "validation"),
    ]
    assert case.clips[3].source == "3.mp4"
    assert case.speakers("train") == {"anna", "ben"} and case.minutes("train") == pytest.approx(60 / 25 / 60)
    assert len(case.clips[3].clip) == 20 and case.tried is None


def test_of_many_clips_each_speaker_has_some(tmp_path):
    store = make_store(tmp_path / "store", ["anna"] * 8 + ["ben", "cleo"])
    case = read_case(store, most=4)
    assert len(case.clips) == 4 and {one.speaker for one in case.clips} == {"anna", "ben", "cleo"}
    assert len(case.census) == 10


def test_a_store_without_long_clips(tmp_path):
    with pytest.raises(W2LError, match="has no clip of 10 frames or more to look at"):
        read_case(make_store(tmp_path / "store", ["anna", "ben"], frames=9))


def test_a_run_is_read_with_its_log(tmp_path):
    (tmp_path / "settings.json").write_text(
        json.dumps({"training": "expert", "settings": {"learning_rate": 0.5, "clips": 2, "data": "store x"}})
    )
    assert read_run(tmp_path).log == {}
    (tmp_path / "log.csv").write_text("step,loss,held_out_loss\n10,0.7,\n15,?,\n20,0.69,0.693\nhalf")
    tried = read_run(tmp_path)
    assert (tried.config.learning_rate, tried.config.clips, tried.config.windows) == (0.5, 2, 4)
    assert tried.log == {10: {"loss": 0.7}, 20: {"loss": 0.69, "held_out_loss": 0.693}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is not the run folder of a training"),
        ("{", "is not the run folder of a training"),
        ("[]", "is not the run folder of a training"),
        ('{"training": "gan", "settings": {}}', "is the training of a gan; give the run folder of an expert."),
        (
            '{"training": "expert", "settings": {"data": "w2l synthetic talker corpus with people 0e6723b7"}}',
            "learned from synthetic talkers and not from a store; leave the run out.",
        ),
    ],
)
def test_other_folders_are_told(text, said, tmp_path):
    if text is not None:
        (tmp_path / "settings.json").write_text(text)
    with pytest.raises(W2LError, match=said):
        read_run(tmp_path)
