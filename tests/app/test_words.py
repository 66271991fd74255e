import re

import cv2
import numpy as np
import pytest
import soundfile

from w2l.app import words
from w2l.app.words import Words, all_keys
from w2l.errors import W2LError

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
            "of a.mp4 only the first 3.5 s are used; a live stream holds all frames in memory.",
            "a.mp4 只使用前 3.5 秒，因为实时需要把所有帧放在内存里。",
        ),
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


def real_errors(folder):
    """What the kit says of files that visitors give by mistake."""
    from w2l import audio, video
    from w2l.app.settings import AppSettings
    from w2l.app.work import Studio, Wish, sample_speech
    from w2l.dubbing.preview import preview
    from w2l.dubbing.speech import listen

    grey, silent, text, empty = (folder / name for name in ("grey.png", "silent.wav", "text.mp4", "empty.wav"))
    cv2.imwrite(str(grey), np.full((64, 64, 3), 128, np.uint8))
    soundfile.write(silent, np.zeros(8000), 8000)
    text.write_text("no video\n" * 99)
    empty.write_bytes(b"")
    broken = folder / "broken.mp3"
    broken.write_bytes(b"ID3" + bytes(999))
    speech, small = sample_speech(), Studio(AppSettings(max_seconds=1))
    for wrong in (
        lambda: listen(silent),
        lambda: audio.read(grey),
        lambda: audio.read(broken),
        lambda: audio.read(empty),
        lambda: video.probe(text),
        lambda: video.probe(empty),
        lambda: preview(grey, speech),
        lambda: small.check(Wish(grey, speech, {})),
        lambda: small.say("a" * 99, None, folder),
        lambda: Studio(AppSettings()).say("...", None, folder),
    ):
        with pytest.raises(W2LError) as told:
            wrong()
        yield str(told.value)


def test_what_visitors_do_wrong_is_told_in_chinese(tmp_path):
    for sentence in real_errors(tmp_path):
        assert not CHINESE.error(sentence).startswith("无法完成"), sentence


def test_no_pattern_is_there_twice():
    assert len({pattern for pattern, _ in words._SENTENCES}) == len(words._SENTENCES)
