"""What the page takes, before any work is done."""

import cv2
import numpy as np
import pytest
from helpers.dubs import write_speech

from w2l.app.settings import AppSettings
from w2l.app.work import Studio, Wish, nobodies, sample_speech
from w2l.errors import W2LError
from w2l.marking import mark


@pytest.fixture
def studio():
    return Studio(AppSettings(max_seconds=2, max_megabytes=1))


@pytest.fixture
def speech(tmp_path):
    return write_speech(tmp_path / "speech.wav", 1.0)


@pytest.mark.parametrize(
    ("width", "height", "chosen", "used"),
    [(1920, 1080, 1, 1), (1080, 1920, 2, 2), (3840, 2160, 1, 2), (4000, 3000, 1, 3), (4000, 3000, 4, 4)],
)
def test_large_pictures_are_made_smaller(studio, speech, tmp_path, width, height, chosen, used):
    face = tmp_path / "face.png"
    cv2.imwrite(str(face), np.zeros((height, width, 3), np.uint8))
    wish = studio.check(Wish(face, speech, {"resize_factor": chosen, "gate": True}))
    assert wish.changed == {"resize_factor": used, "gate": True}


def test_what_is_too_much_is_told(studio, speech, tmp_path):
    face = nobodies()[1]
    with pytest.raises(W2LError, match="the speech lasts 5 s, and at most 2 s are dubbed here; shorten it"):
        studio.check(Wish(face, sample_speech(), {}))
    (tmp_path / "large.mp4").write_bytes(bytes(2_000_000))
    with pytest.raises(W2LError, match=r"large\.mp4 has 2 MB, and at most 1 are taken; shorten it"):
        studio.check(Wish(tmp_path / "large.mp4", speech, {}))
    with pytest.raises(W2LError, match="the text has 61 characters, and at most 60 are said here; shorten it"):
        studio.say("a" * 61, None, tmp_path)


def test_the_weights_on_this_machine_can_be_chosen(generator):
    assert Studio(AppSettings(weights=(str(generator),))).weights() == ["classroom", str(generator)]


def test_the_faces_that_come_along_say_that_they_are_synthetic():
    presenter, *pictures = nobodies()
    assert presenter.suffix == ".mp4" and len(pictures) == 4
    assert all(mark.read(path).synthetic for path in pictures)
