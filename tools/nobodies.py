"""Makes the faces that come with the kit for those who have none at hand: photographic talkers, who are nobody.

In the clone: python -m tools.nobodies    writes data/samples/nobody1.webp and so on
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image  # matplotlib brings it

from w2l.base.version import __version__
from w2l.marking import mark, xmp
from w2l.talker import View, film, make_speaker, speech
from w2l.talker.cast import Cast

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
NUMBERS = (1, 7, 2, 9)  # of talkers of the test part
_SIDE, _QUALITY = 512, 88


def main() -> int:
    """Writes the pictures."""
    for name, number in enumerate(NUMBERS, 1):
        speaker = make_speaker("test", number, cast=Cast(looks="photo"))
        phones, _ = speech(speaker, seconds=1.0)
        view = View(_SIDE, _SIDE, (1.0, 1.0), 0.0, 0.0)
        frame, _ = next(iter(film(speaker, phones, 1, view=view)))
        path = SAMPLES / f"nobody{name}.webp"
        packet = xmp.packet(mark.DIGITAL_SOURCE_TYPE, f"w2l {__version__}")
        Image.fromarray(frame[..., ::-1]).save(path, "WEBP", quality=_QUALITY, xmp=packet)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
