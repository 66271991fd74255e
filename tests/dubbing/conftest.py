"""What several tests of dubs share."""

import pytest
from helpers.dubs import numbered

from w2l import video


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "face.png"
    video.write_image(path, numbered(3))
    return path
