"""Reading windows from a store against the way of the original."""

from __future__ import annotations

import numpy as np
import pytest

from w2l.data import windows


@pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated")  # librosa's audioread imports them
def test_reading_is_measured_against_the_original_way(tmp_path, monkeypatch):
    from w2l.bench import data

    (made, wav), *_ = data._of_talkers(1, 1.2)
    window = data.read_plainly(data._write_plainly(tmp_path / "plain", made, wav), np.random.default_rng(0))
    batch = windows.generator_batch([made], np.random.default_rng(0), 1, frames=5, augment=False)
    assert {name: array.shape for name, array in window.items()} == {name: a[0].shape for name, a in batch.items()}
    starts = [i for i in range(26) if np.abs(made.frames[i : i + 5].astype(int) - window["target"]).mean() < 4]
    (start,) = starts
    assert np.allclose(window["window"], made.mel[:, start * 16 // 5 :][:, :16], atol=0.05)  # wav has 16 bits
    monkeypatch.setattr(data, "_STORE_BATCHES", 4)
    monkeypatch.setattr(data, "_PLAIN_WINDOWS", 8)
    found = data.measure(clips=2, seconds=1.2)
    assert found.clips == 2 and found.seconds == 1.2 and found.speedup > 2
    assert "clip store:" in data.to_table(found)
