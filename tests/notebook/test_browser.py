"""The widgets in a real browser: JupyterLab in Debian's Chromium, by mouse and by keyboard."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
import soundfile
from helpers import lab
from helpers.dubs import write_clip

from w2l.base import paths

_CELLS = (
    "from w2l.notebook.widgets import MelExplorer, SyncExplorer, Upload\n"
    "from w2l.talker import make_clip\n"
    "clip = make_clip('test', 1, seconds=2.4)\n"
    "mel = MelExplorer(clip.wav, clip.frames)\n"
    "mel",
    "mel.frame.value, mel.columns, mel.player.autoplay",
    "sync = SyncExplorer(clip.frames, clip.wav)\nsync",
    "sync.shift.value, sync.curve.offset, len(sync.player.value) > 1000",
    "mine = Upload('uploads')\nmine",
    "from w2l import video\nmine.path.name, video.probe(mine.path).n_frames",
    "from w2l.notebook.widgets import BlindTest\n"
    "for name, i in (('l1', 0), ('gan', 20)):\n"
    "    video.write_image(f'{name}.png', clip.frames[i])\n"
    "pairs = {name: {'l1': 'l1.png', 'gan': 'gan.png'} for name in ('one', 'two')}\n"
    "blind = BlindTest(pairs, 'votes.csv', rater='ann')\n"
    "blind",
    "[(vote.left, vote.right, vote.choice) for vote in blind.votes]",
    "from w2l.notebook.widgets import Recorder\nvoice = Recorder('inputs')\nvoice",
    "voice.path and str(voice.path)",
)
MEL, ASK_MEL, SYNC, ASK_SYNC, UPLOAD, ASK_UPLOAD, BLIND, ASK_BLIND, RECORD, ASK_RECORD = range(len(_CELLS))


_WHY_NOT = lab.why_not("jupyterlab")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or "it can run")]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook with widgets, open, the first of them run."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(source) for source in _CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "widgets.ipynb")
    speech = paths.data() / "samples" / "speech.wav"
    with lab.server(folder, W2L_HOME=str(folder)) as address, lab.browser(microphone=speech) as page:
        notebook = lab.Notebook(page, address, "widgets.ipynb")
        for number in (MEL, SYNC, UPLOAD):
            notebook.run_cell(number)
        notebook.folder = folder
        yield notebook


def cell(notebook, number):
    return notebook.page.locator(".jp-Notebook .jp-Cell").nth(number)


def picture(notebook, number):
    """The picture of a cell's widget, once it is there."""
    image = cell(notebook, number).locator("img.widget-image, .widget-image img").first
    image.wait_for()
    image.scroll_into_view_if_needed()
    return image


def wait_for_another(notebook, image, before):
    handle = image.element_handle()
    notebook.page.wait_for_function("([e, b]) => e.src !== b", arg=[handle, before], timeout=180_000)


def test_keyboard_moves_the_slider_and_the_picture_follows(notebook, screens):
    image = picture(notebook, MEL)
    before = image.get_attribute("src")
    handle = cell(notebook, MEL).locator(".noUi-handle").first
    handle.focus()
    for _ in range(5):
        notebook.page.keyboard.press("ArrowRight")
    wait_for_another(notebook, image, before)
    notebook.page.wait_for_timeout(800)
    notebook.save(screens / "mel_by_keyboard.png")
    assert notebook.run_cell(ASK_MEL) == "(5, (16, 32), False)"


def test_a_click_plays_the_window(notebook, screens):
    picture(notebook, MEL)
    cell(notebook, MEL).get_by_role("button", name="hear the window").click()
    notebook.page.wait_for_function("() => document.querySelector('audio')?.src.startsWith('blob:')")
    assert notebook.run_cell(ASK_MEL) == "(5, (16, 32), True)"


def test_the_mouse_drags_the_slider(notebook, screens):
    image = picture(notebook, SYNC)
    before = image.get_attribute("src")
    handle = cell(notebook, SYNC).locator(".noUi-handle").first
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = notebook.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 40, y, steps=8)
    mouse.up()
    wait_for_another(notebook, image, before)
    notebook.page.wait_for_timeout(800)
    cell(notebook, SYNC).get_by_role("button", name="watch and hear it").click()
    cell(notebook, SYNC).locator("video").wait_for(state="visible")
    notebook.page.wait_for_timeout(1500)
    notebook.save(screens / "sync_by_mouse.png")
    shift, offset, played = ast.literal_eval(notebook.run_cell(ASK_SYNC))
    assert shift == offset > 0
    assert played


def test_an_mp4_is_uploaded(notebook, screens, tmp_path):
    film = write_clip(tmp_path / "my film.mp4")
    button = cell(notebook, UPLOAD).locator(".widget-upload, button:has-text('choose a file')").first
    button.scroll_into_view_if_needed()
    with notebook.page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files(str(film))
    cell(notebook, UPLOAD).get_by_text("is here").wait_for()
    notebook.save(screens / "upload.png")
    assert notebook.run_cell(ASK_UPLOAD) == "('my film.mp4', 20)"


def test_votes_by_mouse_and_by_keyboard(notebook, screens):
    notebook.run_cell(BLIND)
    shown = cell(notebook, BLIND)
    shown.get_by_role("button", name="right", exact=True).click()
    shown.get_by_text("Pair 2 of 2").wait_for()
    notebook.save(screens / "blind.png")
    shown.locator("input[type=text]").click()
    notebook.page.keyboard.press("l")
    shown.get_by_text("Thank you").wait_for()
    first, second = ast.literal_eval(notebook.run_cell(ASK_BLIND))
    assert first[2] == first[1]
    assert second[2] == second[0]


def test_a_voice_is_recorded_by_keyboard(notebook, screens):
    """`test_microphone.py` compares it with what was said; here the keys are the widget's, not JupyterLab's."""
    notebook.run_cell(RECORD)
    shown = cell(notebook, RECORD)
    cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    shown.locator(".record").focus()
    notebook.page.keyboard.press("Enter")
    shown.get_by_text("Speak now").wait_for()
    notebook.page.wait_for_timeout(2000)
    notebook.page.keyboard.press("Space")
    shown.get_by_text("press Use it").wait_for()
    notebook.save(screens / "recorder.png")
    shown.locator(".use").focus()
    notebook.page.keyboard.press("Enter")
    shown.get_by_text("Your recording is here").wait_for()
    assert notebook.run_cell(ASK_RECORD) == f"'{Path('inputs') / 'voice.wav'}'"
    assert 1 < soundfile.info(notebook.folder / "inputs" / "voice.wav").duration < 3
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == cells


def test_nothing_is_broken_on_the_page(notebook):
    assert notebook.errors() == []
