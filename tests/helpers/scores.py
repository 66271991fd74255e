"""Scores of a clip in memory, for tests."""

from w2l.sync.scorer import Scorer


def score(expert, frames, sound, block=7):
    """Scores of frames handed over in blocks of an odd size."""
    scorer = Scorer(expert, sound)
    for at in range(0, len(frames), block):
        scorer.add([expert.resize(frame) for frame in frames[at : at + block]])
    return scorer.finish()
