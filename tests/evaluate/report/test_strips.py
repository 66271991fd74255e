"""Strips: mouths over time, real and generated."""

from w2l.evaluate.report import strips
from w2l.video import read_image


def test_strips_show_four_talkers(random_weights, tmp_path):
    path = strips.write(tmp_path / "strips.png", random_weights["generator"], "test")
    picture = read_image(path)
    assert picture.shape[1] == 10 * 96 * 2 and picture.shape[0] == 4 * (4 * 56 + 6) * 2
