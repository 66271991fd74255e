"""The colours of everything that is drawn: pages made with OpenCV (BGR) and charts (hex)."""

from __future__ import annotations

Colour = tuple[int, int, int]  # B, G, R, 0 to 255

PAPER: Colour = (252, 251, 250)
INK: Colour = (48, 42, 38)  # text
QUIET: Colour = (150, 140, 132)  # lines and boxes in the background
CHOSEN: Colour = (34, 102, 224)  # what the page is about: the chosen face, the moments shown
WARNING: Colour = (40, 40, 200)
EMPTY: Colour = (235, 235, 235)  # a cell without a picture

# Tracks by their numbers: dark enough for light letters, and distinct for the colour-blind.
TRACKS: tuple[Colour, ...] = (
    (34, 80, 213),
    (178, 114, 0),
    (115, 132, 0),
    (150, 70, 160),
    (20, 110, 150),
    (40, 40, 120),
    (110, 60, 30),
    (60, 60, 60),
)

# Curves and bars of a chart, in order; distinct in grey too.
SERIES = ("#3b6ea5", "#d1662a", "#4b8b4f", "#8a5aa8", "#7a7a7a", "#b33b5e", "#2f8f9d")
