"""From where on a sign counts: the normal ranges, measured in the clinic (data/clinic.json; `w2l evaluate clinic`).

The clips there are talkers whose faults are known; ranges are wide enough for the real people that the kit was tried
with, the GRID corpus (2026-11-28).
"""

from __future__ import annotations

SILENT = -90.0  # dB of mel: a clip whose loud parts (`sound.level`) are below it has no sound to learn from
LOUD = -47.0  # dB of mel: above it, speech is cut off at full scale
# pixels of a crop of 96: where the middle of the mouth lies, and how wide it is; first in the median clip of a store,
# then in single clips, whose heads turn this way and that
MOUTH_X, MOUTH_Y, MOUTH_WIDTH = (41.0, 57.0), (62.0, 77.0), (22.0, 42.0)
ANY_X, ANY_Y, ANY_WIDTH = (28.0, 68.0), (54.0, 86.0), (16.0, 56.0)
FOUND = 0.5  # share of a clip's frames in which a face is found
STILL = 0.35  # pixels of a crop of 96: a mouth whose opening varies less does not move
SHAKE = 1.0  # pixels of a crop of 96 by which the face jumps from frame to frame
REPEATED = 0.12  # share of frames that are the one before
RATE_GAIN = 0.01  # of the mean cosine, by which another frame rate fits better
FOREIGN = 0.035  # share of clips with another's sound
SAME_OFFSET = 0.6  # share of the clips in sync that have the most common offset
AFFECTED = 0.08  # share of clips with a fault of their own from which it is told
SPEAKERS = 8  # who speaks in training
DOUBLES = 0.02  # share of held-out clips whose sound is in training
BATCH = 16  # windows in a step
LEARNED = 0.5  # of the first loss of one batch, to which it falls within `RATE_STEPS` at a rate that works
RATE_STEPS = 15
EARLY = {"all": 300, "one": 20_000}  # steps until which a loss at chance is normal, by `ExpertConfig.pairs`


def within(value: float, limits: tuple[float, float]) -> bool:
    """Whether a number lies in its normal range."""
    return limits[0] <= value <= limits[1]
