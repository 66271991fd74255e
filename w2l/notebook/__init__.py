"""What only notebooks need: where they run, pictures and videos inline, checks that say what they compared."""

from w2l.notebook.checks import check
from w2l.notebook.plots import show_picture, show_row, show_sound, show_times, show_video
from w2l.notebook.setup import Place, setup

__all__ = ["Place", "check", "setup", "show_picture", "show_row", "show_sound", "show_times", "show_video"]
