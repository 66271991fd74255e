"""Options of a run: wrong ones are told before anything is made."""

import pytest

from w2l.errors import W2LError
from w2l.train.engine.options import RunOptions


def test_a_run_folder_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("text", encoding="utf8")
    with pytest.raises(W2LError, match=r"README\.md is a file, not a run folder; choose another folder\."):
        RunOptions(path)
    assert RunOptions(tmp_path / "new").folder == tmp_path / "new"
