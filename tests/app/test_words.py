import re

import pytest

from w2l.app import words
from w2l.app.words import Words, all_keys

ENGLISH, CHINESE = Words("en"), Words("zh")


def test_both_languages_have_the_same_gaps():
    for key in all_keys():
        gaps = [sorted(re.findall(r"\{[^}]*\}", one[key])) for one in (ENGLISH, CHINESE)]
        assert gaps[0] == gaps[1] or key == "error_other", key


def test_chinese_is_written_with_chinese_punctuation():
    for key in all_keys():
        text = re.sub(r"\{[^}]*\}|[\w.]+ install \S+|w2l\S*", "", CHINESE[key])
        assert not re.search(r"[\u4e00-\u9fff]\s*[,;:!?()]|[,;:!?()]\s*[\u4e00-\u9fff]", text), text
        assert not re.search(r"[\u4e00-\u9fff]\.", text), text


def test_another_language_is_english():
    assert Words("fr")["make"] == "Make the video"


def test_an_unknown_sentence_is_told_as_it_is():
    assert ENGLISH.error("what is this? choose another.") == "What is this? choose another."
    assert CHINESE.error("what is this? choose another.") == "无法完成：what is this? choose another."
    assert CHINESE.stage("another stage") == "another stage"


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        ("a.wav is silent from beginning to end; choose a file.", "a.wav 从头到尾没有声音，请换一个有说话声的文件。"),
        (
            "the speech lasts 70 s, and at most 60 s are dubbed here; shorten it.",
            "语音长 70 秒，这里最多接受 60 秒，请缩短。",
        ),
    ],
)
def test_frequent_sentences_are_said_in_chinese(sentence, chinese):
    assert CHINESE.error(sentence) == chinese
    assert ENGLISH.error(sentence).lower() == sentence


def test_names_stay_as_they_are():
    assert ENGLISH.error("a.wav is silent.") == "a.wav is silent."


def test_no_pattern_is_dead():
    assert len({pattern for pattern, _ in words._SENTENCES}) == len(words._SENTENCES)
