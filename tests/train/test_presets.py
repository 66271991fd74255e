"""Settings by name."""

import pytest

from w2l.errors import W2LError
from w2l.train import presets


def test_the_paper_preset_is_what_was_published():
    """The figures of reference 2.1 and 2.8."""
    e, g, a = (presets.preset(name, "paper") for name in ("expert", "generator", "gan"))
    assert all(one.width == 1 and one.schedule == "constant" and one.clip == 0 and not one.augment for one in (e, g, a))
    assert (e.pairs, e.clips, e.learning_rate, e.frames, e.evaluate_every) == ("one", 64, 1e-4, 5, 10_000)
    assert (g.steps, g.sync_batch, g.sync_learning_rate, g.beta1, g.evaluate_every) == (0, 16, 1e-4, 0.9, 3000)
    assert (g.sync_weight, g.sync_gate, g.sync_ramp, g.mouth_weight, g.convex) == (0.01, 0.75, 1, 0, True)
    assert (a.batch, a.learning_rate, a.disc_learning_rate, a.beta1, a.evaluate_every) == (16, 1e-4, 1e-4, 0.5, 3000)
    assert (a.sync_weight, a.sync_gate, a.disc_weight, a.disc_width, a.ahead, a.disc_ramp) == (
        0.03,
        0.75,
        0.07,
        1,
        0,
        1,
    )
    assert not g.gate_shuts and not a.gate_shuts
    with pytest.raises(W2LError, match="no preset 'fast'"):
        presets.preset("gan", "fast")
    with pytest.raises(W2LError, match="no preset 'paper' for meter"):
        presets.preset("meter", "paper")
