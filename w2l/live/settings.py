"""Which settings of a dub a live stream has too."""

LIVE_SETTINGS = (
    "detector", "pads", "box", "smooth", "gaps", "which", "detector_batch_size", "cache", "resize_factor", "rotate",
    "crop", "fps", "device", "weights", "static", "reference", "feather", "match_colour",
)  # fmt: skip
PIECE = 0.2  # seconds of sound in a piece, where nothing else is asked for
