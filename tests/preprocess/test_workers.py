"""Processes that share the work, one of which is killed by a source."""

from __future__ import annotations

import os

from helpers.stores import UNJUDGED, content, lost

from w2l.preprocess import clip, run, workers
from w2l.preprocess.sources import find_sources


class Fatal(run.StoreJob):
    """As a job, but one source ends its process, always, and another one the first time."""

    def do(self, maker, source):
        mark = self.target.with_name("was here")
        if source.path == "test/00000_00.mp4" or (source.path == "train/00001_00.mp4" and not mark.exists()):
            mark.touch()
            os._exit(9)
        super().do(maker, source)


def test_processes_make_the_same_store_and_survive_a_source_that_kills_them(corpus, undisturbed, tmp_path):
    found = find_sources(corpus)
    job = Fatal(corpus, tmp_path / "store", UNJUDGED, clip.facts(UNJUDGED))
    told = []
    workers.run_in_processes(job, found, 2, lambda: told.append(1))
    assert len(told) == len(found) == 7
    report = run._finish(job, found, 0)
    assert lost(report) == [("test/00000_00.mp4", "crashed")]
    assert (tmp_path / "was here").exists()
    made, wanted = content(tmp_path / "store" / "clips"), content(undisturbed / "clips")
    assert made == {name: data for name, data in wanted.items() if not name.startswith("test")}
