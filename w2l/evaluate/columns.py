"""The figures that a report can have, in the order of its columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A figure: its key, its title in tables, what it means, whether ``up`` or ``down`` is better, and its digits."""

    key: str
    title: str
    meaning: str
    better: str = ""
    digits: int = 3


COLUMNS = (
    Column("offset", "offset", "frames by which the sound is late, at the best shift", digits=0),
    Column("lse_d", "LSE-D", "mean distance of sound and mouth at the best shift, syncnet_v2", "down"),
    Column("lse_c", "LSE-C", "median minus best mean distance over 31 shifts, syncnet_v2", "up"),
    Column("cosine", "cosine", "mean cosine of sound and mouth at the best shift, an expert of the kit", "up"),
    Column("confidence", "confidence", "best minus median mean cosine over 31 shifts, an expert of the kit", "up"),
    Column("psnr", "PSNR", "of the face crop, dB", "up", 2),
    Column("ssim", "SSIM", "of the face crop", "up"),
    Column("lower_l1", "lower L1", "mean error of the lower half of the face, 0 .. 1", "down", 4),
    Column("mouth_l1", "mouth L1", "mean error in the mouth box, 0 .. 1", "down", 4),
    Column("sharpness", "sharpness", "gradient energy of the lower face over that of the real one", "", 2),
    Column("jitter", "jitter", "mean second difference over time in the mouth box, 0 .. 1", "", 4),
    Column("jitter_ratio", "jitter ratio", "the same over that of the real clip", "", 2),
    Column("opening_r", "opening r", "correlation of the mouth's opening with the true one", "up"),
    Column("width_r", "width r", "correlation of the mouth's width with the true one", "up"),
    Column(
        "opening_r_old", "old opening r", "the same with the mouth of the words that were replaced; 0 is right", "down"
    ),
    Column("width_r_old", "old width r", "the same of the width", "down"),
    Column("leak", "leak", "share of the replaced words' opening in the mouth: 0 for none of it, 1 for all", "down", 2),
    Column("lag", "lag", "frames by which the mouth lags the true one", "", 1),
    Column("amplitude", "amplitude", "spread of the opening over that of the true one", "", 2),
    Column("closures", "closures", "share of the true closures on m, b, p in which the lips are seen to meet", "up"),
    Column("rest", "open at rest", "mean opening in pauses of the words, pixels of a 96-pixel crop", "down", 2),
    Column("rest_jitter", "jitter at rest", "in pauses, of the coarse mouth box, over that of the true one", "", 2),
    Column("outside", "outside L1", "mean change of the picture away from the mouth, 0 .. 1", "down", 4),
)
