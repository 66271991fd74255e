"""The page in a real browser: what visitors give, what they get, and what they are told."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from helpers import lab
from helpers.dubs import write_speech
from helpers.pages import Visit, why_not

from w2l import audio, video
from w2l.base import paths
from w2l.marking import mark

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can run")
SAMPLES = paths.data() / "samples"


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Something to say."""
    return write_speech(tmp_path_factory.mktemp("speech") / "speech.wav", 0.8)


@pytest.fixture(scope="module")
def chromium(speech):
    """A browser whose microphone hears the speech."""
    with lab.browser(microphone=speech) as tab:
        yield tab.context.browser


@pytest.fixture(scope="module")
def ben(chromium, page):
    """Another visitor, who uses a made-up face."""
    return Visit(chromium, page)


@pytest.fixture(scope="module")
def anna(chromium, page):
    """A visitor who has agreed, with a face and a speech of her own."""
    visit = Visit(chromium, page)
    visit.show("face", "Upload")
    visit.show("speech", "Upload")
    return visit


def test_a_picture_and_a_sound_become_a_marked_video(anna, page, speech, tmp_path, screens):
    face = shutil.copy(SAMPLES / "nobody1.webp", tmp_path / "my face.webp")
    anna.give("face", Path(face))
    anna.give("speech", speech)
    log = Path(os.environ["W2L_CACHE"]) / "app" / "log.jsonl"
    before = len(log.read_text("utf8").splitlines()) if log.exists() else 0
    assert anna.make().startswith("Please confirm first that everyone")
    anna.agree()
    said = anna.make()
    anna.tab.screenshot(path=screens / "app_made.png", full_page=True)
    assert 'visible label "AI-generated"' in said and "IPTC digital source type (container)" in said
    film = anna.download(tmp_path)
    clip = video.probe(film)
    assert (film.name, clip.n_frames, clip.width) == ("my_face-dubbed.mp4", 20, 512)
    assert abs(audio.measure(film) - 0.8) < 0.1
    assert mark.read(film).synthetic
    assert anna.tab.locator("#result img").evaluate("image => image.naturalWidth") > 1000
    assert (anna.elsewhere(), anna.wrong) == ([], [])
    noted = [json.loads(line)["what"] for line in log.read_text("utf8").splitlines()]
    assert noted[before:] == ["consent", "dub"]


def _made(page):
    """What was made, without previews."""
    return {path for path in page.files() if path.name != "preview.png"}


def _is_upload(response):
    return response.url.partition("?")[0].endswith("/upload")


def grey(path):
    cv2.imwrite(str(path), np.full((200, 300, 3), 128, np.uint8))


def silence(path, seconds=1.0):
    soundfile.write(path, np.zeros(round(seconds * 8000)), 8000)


WRONG = {
    "no face": ("face", "grey.png", grey, "No face was found"),
    "no picture": ("face", "text.mp4", lambda path: path.write_text("this is no video\n" * 99), "text.mp4 is a text"),
    "silence": ("speech", "silent.wav", silence, "silent.wav is silent from beginning to end"),
    "too long": ("speech", "long.wav", lambda path: silence(path, 25), "The speech lasts 25 s, and at most 20 s"),
    "no sound": ("speech", "cut.mp3", lambda path: path.write_bytes(b"ID3" + bytes(999)), "cut.mp3 "),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_in_a_sentence_and_leaves_nothing(anna, page, speech, tmp_path, case):
    box, name, write, sentence = WRONG[case]
    before = _made(page)
    write(tmp_path / name)
    anna.give("face", SAMPLES / "nobody1.webp")
    anna.give("speech", speech)
    anna.give(box, tmp_path / name)
    anna.agree()
    said = anna.make()
    assert said.startswith(sentence)
    assert "\n" not in said and str(page.root) not in said and "Traceback" not in said
    assert _made(page) == before


def test_a_file_that_is_too_large_is_refused(anna, page, tmp_path):
    before = page.files("uploads")
    (tmp_path / "large.wav").write_bytes(bytes(3_000_000))
    box = anna.tab.locator("#speech-file")
    if box.get_by_role("button", name="Clear").count():
        box.get_by_role("button", name="Clear").click()
    box.locator("input[type=file]").set_input_files(tmp_path / "large.wav")
    anna.tab.get_by_text("maximum allowed size").first.wait_for()
    assert page.files("uploads") == before


def test_typed_text_and_a_made_up_face_need_no_consent(chromium, page, tmp_path, screens):
    visit = Visit(chromium, page, "zh", width=390)
    visit.tab.locator("#nobodies button").nth(2).click()
    visit.tab.locator("#text textarea").fill("你好。")
    visit.tab.screenshot(path=screens / "app_zh_phone.png", full_page=True)
    assert visit.tab.evaluate("document.scrollingElement.scrollWidth") <= 390
    said = visit.make()
    visit.tab.screenshot(path=screens / "app_zh_phone_made.png", full_page=True)
    assert "下载视频" in said and "画面上的可见标签" in said
    film = visit.download(tmp_path)
    assert film.name == "nobody2-dubbed.mp4"
    assert not audio.is_silent(audio.read(film).wav)
    visit.tab.get_by_role("tab", name="AI 鉴别").click()
    visit.give("mark", film)
    visit.tab.get_by_text("此文件标明由 AI 生成或编辑。").wait_for()
    assert (visit.elsewhere(), visit.wrong) == ([], [])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_tab_is_in_sight_on_a_phone_whatever_its_fonts(chromium, page, language, screens):
    visit = Visit(chromium, page, language, width=375)
    visit.tab.add_style_tag(content="button[role=tab] { font-family: monospace !important; }")  # wide letters
    visit.tab.set_viewport_size({"width": 374, "height": 900})  # measured anew
    visit.tab.screenshot(path=screens / f"app_{language}_narrow.png", full_page=True)
    named = visit.tab.get_by_role("tab")
    assert named.count() == 9
    assert all(named.nth(number).is_visible() for number in range(9))
    assert visit.tab.evaluate("document.scrollingElement.scrollWidth") <= 375


def test_settings_are_previewed_as_they_change(ben, screens):
    ben.tab.get_by_text("Settings", exact=True).click()
    ben.tab.get_by_label("Bottom").fill("40")
    image = ben.tab.locator("#preview img")
    image.wait_for()
    ben.tab.screenshot(path=screens / "app_preview.png", full_page=True)
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 600
    first = image.get_attribute("src")
    ben.tab.get_by_label("Bottom").fill("10")
    ben.tab.wait_for_function("src => document.querySelector('#preview img')?.getAttribute('src') !== src", arg=first)


def test_the_microphone_is_heard(ben, tmp_path):
    ben.tab.locator("#nobodies button").nth(1).click()
    ben.show("speech", "Record")
    recording = ben.tab.locator("#recording")
    recording.get_by_role("button", name="Record").click()
    ben.tab.wait_for_timeout(1500)
    with ben.tab.expect_response(_is_upload):
        recording.get_by_role("button", name="Stop").click()
    ben.agree()
    assert "Download the video" in ben.make()
    film = ben.download(tmp_path)
    assert audio.measure(film) > 0.5 and not audio.is_silent(audio.read(film).wav)


def test_the_camera_takes_a_picture(ben):
    ben.show("face", "Camera")
    camera = ben.tab.locator("#face-photo")
    camera.get_by_text("Click to Access Webcam").click()
    camera.get_by_role("button", name="capture photo").wait_for()
    ben.tab.wait_for_timeout(1500)  # before its first picture, the camera takes none
    with ben.tab.expect_response(_is_upload):
        camera.get_by_role("button", name="capture photo").click()
    ben.agree()
    assert ben.make().startswith("No face was found")  # Chromium films a test card


def test_two_at_once_wait_for_each_other_and_a_cancelled_dub_leaves_nothing(anna, ben, page, tmp_path):
    before = _made(page)
    ben.show("face", "Made up")  # ready before anna begins: his clicks must not outlast her dub
    ben.show("speech", "Type")
    ben.tab.locator("#nobodies button").nth(3).click()
    ben.tab.locator("#text textarea").fill("Hello.")
    anna.show("face", "Made up")
    anna.tab.locator("#nobodies button").nth(0).click()
    anna.give("speech", write_speech(tmp_path / "long.wav", 18))
    anna.agree()
    anna.begin()
    anna.tab.get_by_text("Drawing the mouth").wait_for()  # the stage that lasts
    ben.begin()
    ben.tab.get_by_text("Waiting: 1 before you").wait_for()
    anna.tab.click("#cancel")
    assert anna.end() == "Cancelled. Nothing was kept."
    assert "Download the video" in ben.end()
    assert {path.name for path in _made(page) - before} == {"nobody3-dubbed.mp4", "contact_sheet.png", "speech.wav"}


def test_nobody_gets_what_is_another_s(anna, ben, page, speech, tmp_path):
    before = page.files()
    anna.show("face", "Made up")
    anna.give("speech", speech)
    anna.agree()
    assert "Download the video" in anna.make()
    (mine,) = (path for path in page.files() - before if path.suffix == ".mp4")
    (tmp_path / "mine.txt").write_text("mine alone")
    anna.tab.get_by_role("tab", name="AI-made?").click()
    with anna.tab.expect_response(_is_upload) as answer:
        anna.tab.locator("#mark-file input[type=file]").set_input_files(tmp_path / "mine.txt")
    (sent,) = answer.value.json()
    made = f"{page.origin}mine/{mine.relative_to(page.root / 'visitors').as_posix().partition('/')[2]}"
    file = f"{page.origin}en/gradio_api/file="
    asked = {"data": [{"path": sent, "meta": {"_type": "gradio.FileData"}}], "fn_index": 0, "session_hash": "ben"}
    assert anna.context.request.get(file + sent).text() == "mine alone"
    assert ben.context.request.get(file + sent).status == 403
    for path in ("/etc/passwd", str(page.root / "uploads"), f"{sent}/../../../../../etc/passwd", "http://127.0.0.1:1/"):
        assert ben.context.request.get(file + path).status in (403, 404), path
    assert ben.context.request.get(made).status == 404
    assert ben.context.request.post(f"{page.origin}en/gradio_api/queue/join", data=asked).status == 403
    for path in ("config", "gradio_api/info", "monitoring", "gradio_api/run-history/records", "docs"):
        assert ben.context.request.get(f"{page.origin}en/{path}").status in (200, 404), path


def test_the_token_is_needed(chromium, page):
    stranger = chromium.new_context().request
    for path in ("", "en/", "en/gradio_api/queue/data?session_hash=x", "mine/x", "?token=wrong"):
        answer = stranger.get(page.origin + path)
        assert (answer.status, answer.headers["content-type"]) == (401, "text/plain; charset=utf-8"), path
    assert stranger.post(f"{page.origin}en/gradio_api/upload").status == 401
    assert "token" in stranger.get(page.origin).text()


def test_nothing_was_said_in_the_terminal(page):
    assert page.said() == ""
