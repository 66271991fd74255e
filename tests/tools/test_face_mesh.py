"""The second ruler: which points of the mesh make an opening."""

from __future__ import annotations

import numpy as np
import pytest

from tools import face_mesh


def test_opening_and_width_are_over_the_height_of_the_face():
    """A face 200 pixels high whose lips are 10, 20 and 30 pixels apart; one frame shows none."""
    points = np.zeros((3, 468, 2))
    points[:, 152, 1] = 200
    for lower, apart in ((14, 10), (87, 20), (317, 30)):
        points[:, lower, 1] = apart
    points[:, 291] = 30, 40
    points[1] = np.nan
    found = face_mesh.mouth(points)
    assert found["gap"] == pytest.approx([0.1, np.nan, 0.1], nan_ok=True)
    assert found["width"] == pytest.approx([0.25, np.nan, 0.25], nan_ok=True)
    assert face_mesh._plain(found["gap"]) == [0.1, None, 0.1]


def test_a_file_that_is_no_video_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(face_mesh, "mesh", lambda path: np.empty(0))
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "openings.json").write_text("{}")
    assert face_mesh.main([str(tmp_path), "--out", str(tmp_path / "openings.json")]) == 1
    assert "broken.mp4 cannot be read" in capsys.readouterr().err
    assert (tmp_path / "openings.json").read_text() == "{}"
