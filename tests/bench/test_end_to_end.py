"""A whole dub against the plain way."""

import pytest

from w2l.bench import end_to_end


@pytest.mark.slow
def test_a_dub_against_the_plain_way(monkeypatch):
    monkeypatch.setattr(end_to_end, "_ROUNDS", 1)
    found = end_to_end.measure(seconds=0.4)
    assert found.n_frames == 10
    assert found.speedup == pytest.approx(found.dub_fps / found.plain_fps)
    assert set(found.busy) == {"decode", "generate", "paste", "encode"}
    assert found.busy[found.slowest] == max(found.busy.values())
    assert found.overlap >= 0.99  # nothing takes less time than its slowest part
    assert found.slowest in end_to_end.to_table(found)
