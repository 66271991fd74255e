"""A generator's own size of faces is obeyed by dubs and previews; parity knows the published size only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.dubs import BOX, SIZE, run_dub, seen, write_speech

from w2l import models, video
from w2l import weights as weight_files
from w2l.dubbing.dub import suited
from w2l.dubbing.methods import method_for
from w2l.dubbing.preview import preview
from w2l.dubbing.settings import Settings
from w2l.errors import W2LError
from w2l.faces import Track
from w2l.faces.crop import area, match_colour, mouth_box
from w2l.weights import resolve


@pytest.fixture(scope="module")
def generators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for size in (96, 192):
        models.save(models.build("wav2lip", 0.05, size=size), folder / f"{size}.safetensors", "wav2lip", 0.05)
    return {size: folder / f"{size}.safetensors" for size in (96, 192)}


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A clip of noise, whose every pixel is its own, and speech."""
    folder = tmp_path_factory.mktemp("clip")
    rng = np.random.default_rng(0)
    picture = rng.integers(60, 196, (SIZE, SIZE, 3), dtype=np.uint8)
    video.write_image(folder / "face.png", picture)
    return folder / "face.png", write_speech(folder / "speech.wav", 0.4)


@pytest.mark.parametrize("size", [96, 192])
@pytest.mark.parametrize("feather", [True, False])
def test_a_dub_sees_and_pastes_faces_of_the_weights_own_size(generators, material, tmp_path, size, feather):
    result, moments = seen(*material, tmp_path / "out.mp4", generators[size], feather=feather, label=False)
    assert result.n_frames == len(moments) == 10
    x1, y1, x2, y2 = BOX
    for moment in moments:
        assert moment.crop.shape == moment.generated.shape == (size, size, 3)
        changed = (moment.result != moment.frame).any(2)
        rows, columns = np.nonzero(changed)
        assert rows.min() >= (y1 + (y2 - y1) // 2 if feather else y1) and rows.max() < y2
        assert columns.min() >= x1 and columns.max() < x2


def test_a_larger_crop_shows_more_of_the_frame(generators, material, tmp_path):
    _, moments = seen(*material, tmp_path / "out.mp4", generators[192], box=(0, 0, 160, 160))
    large = moments[0].crop.astype(float)
    _, moments = seen(*material, tmp_path / "out.mp4", generators[96], box=(0, 0, 160, 160))
    assert large.std() > 1.2 * moments[0].crop.std()  # averaging takes contrast from noise


def test_a_preview_obeys_the_size_too(generators, material, tmp_path):
    found = preview(*material, 0.1, tmp_path / "look.png", weights=generators[192], box=BOX)
    assert found.moment.generated.shape == (192, 192, 3)
    assert (tmp_path / "look.png").is_file()


def test_parity_refuses_another_size_in_a_sentence(generators, material, tmp_path):
    with pytest.raises(W2LError, match="parity mode knows faces of 96 pixels only, and these weights draw 192"):
        run_dub(*material, tmp_path / "out.mp4", generators[192], parity=True)
    with pytest.raises(W2LError, match="parity mode knows faces of 96 pixels only"):
        preview(*material, 0.1, weights=generators[192], box=BOX, parity=True)
    assert not (tmp_path / "out.mp4").exists()
    assert run_dub(*material, tmp_path / "out.mp4", generators[96], parity=True).n_frames


def test_areas_of_a_crop_grow_with_it():
    assert mouth_box() == (slice(56, 90), slice(20, 76)) == mouth_box(96)
    assert mouth_box(192) == (slice(112, 180), slice(40, 152))
    assert area(48, mouth_box()) == (slice(28, 45), slice(10, 38))


def test_colours_are_matched_on_the_same_part_of_a_larger_crop():
    rng = np.random.default_rng(3)
    crop = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    patch = np.clip(crop.astype(int) + (9, -4, 3), 0, 255).astype(np.uint8)
    large = [np.repeat(np.repeat(one, 2, 0), 2, 1) for one in (patch, crop)]
    assert np.array_equal(match_colour(*large)[::2, ::2], match_colour(patch, crop))


@pytest.fixture
def sharp(generators, monkeypatch):
    """Weights of 192 pixels under a name that has others for small faces; returns the name of those."""
    find = resolve.find
    files = {"sharp": generators[192], "classroom": generators[96]}
    monkeypatch.setattr(weight_files, "find", lambda name: files.get(str(name)) or find(name))
    return weight_files.FOR_SMALL_FACES["sharp"]


@pytest.mark.parametrize(("high", "size"), [(149, 96), (150, 192)])
def test_small_faces_are_drawn_by_the_faster_weights_and_a_note_says_so(material, sharp, tmp_path, high, size):
    box = (2, 2, 122, 2 + high)
    result, moments = seen(*material, tmp_path / "out.mp4", "sharp", box=box)
    assert moments[0].generated.shape == (size, size, 3)
    found = preview(*material, 0.1, weights="sharp", box=box)
    assert found.moment.generated.shape == (size, size, 3)
    told = [note for note in result.notes if "which are faster" in note]
    if size == 96:
        assert result.weights == sharp and "149 pixels high" in told[0] and told[0] in found.notes
    else:
        assert result.weights == "sharp" and not told and not found.notes


def test_a_file_that_is_given_is_used_however_small_the_face_is(generators, material, sharp, tmp_path):
    result, moments = seen(*material, tmp_path / "out.mp4", generators[192], box=(40, 40, 120, 120))
    assert moments[0].generated.shape == (192, 192, 3)
    assert result.weights == str(generators[192]) and not any("faster" in note for note in result.notes)


def test_a_face_that_is_near_in_some_frames_is_not_small():
    method, loaded = method_for(Settings(weights="sharp")), (SimpleNamespace(size=192), -1.0)
    boxes = np.tile(np.float32([0, 0, 100, 120]), (20, 1))
    boxes[:3, 3], boxes[3] = 200, np.nan  # near in three frames of twenty, and not there in one
    track = Track(boxes, np.ones(20, bool), (640, 480))
    assert suited(loaded, method, [track]) == (*loaded, "sharp", [])
    nowhere = Track(np.full((3, 4), np.nan, np.float32), np.zeros(3, bool), (640, 480))
    assert suited(loaded, method, [nowhere]) == (*loaded, "sharp", [])
