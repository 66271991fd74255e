"""Reading marks."""

from helpers.command_line import run_main


def test_marks_of_others(material, capsys):
    code, told, _ = run_main(capsys, "mark", "read", material / "clip.mp4")
    assert code == 1
    assert "no mark" in told
