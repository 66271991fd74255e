"""What the log of a training holds."""

from helpers import tiny_training as tiny


def test_the_log_has_the_numbers_that_mean_something(tmp_path):
    wanted = {
        "expert": {"loss", "accuracy", "held_out_accuracy", "held_out_offset_exact"},
        "generator": {"l1", "mouth_l1", "sync", "sync_weight", "sync_gradient_ratio", "held_out_sync",
                      "held_out_confidence", "held_out_opening_r", "held_out_sharpness"},
        "meter": {"loss", "held_out_opening_r"},
        "hearing": {"loss", "held_out_opening_r", "held_out_width_r"},
    }  # fmt: skip
    for kind, names in wanted.items():
        settings = {"steps": 0, "sync_steps": 4} if kind == "generator" else {}
        tiny.train(kind, tmp_path / kind, **settings)
        rows = tiny.read_log(tmp_path / kind)
        seen = {name for row in rows for name, value in row.items() if value}
        assert names <= seen, names - seen
        assert [row["step"] for row in rows][-1] == "4" if kind == "generator" else "6"
    sheets = [path.name for path in (tmp_path / "generator" / "sheets").iterdir()]
    assert "step_000000004.png" in sheets
