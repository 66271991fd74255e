"""The synthetic talker: procedural voices, drawn or photographic faces, whose mouth is known exactly in every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use
from w2l.talker.cast import LOOKS, VOICES, Cast

# Imported on first use: they load SciPy, OpenCV and PyAV, which the command line's help does not need.
_HOMES = {
    "BILABIALS": "w2l.talker.voices.phones",
    "CLIP_SECONDS": "w2l.talker.corpus",
    "Mouth": "w2l.talker.mouth",
    "PHONES": "w2l.talker.voices.phones",
    "Phone": "w2l.talker.voices.phones",
    "SPLITS": "w2l.talker.corpus",
    "Speaker": "w2l.talker.corpus",
    "TalkerClip": "w2l.talker.corpus",
    "View": "w2l.talker.drawn.render",
    "crop_view": "w2l.talker.drawn.render",
    "film": "w2l.talker.corpus",
    "make_clip": "w2l.talker.corpus",
    "make_speaker": "w2l.talker.corpus",
    "presenter_view": "w2l.talker.drawn.render",
    "speech": "w2l.talker.corpus",
    "write_clip": "w2l.talker.corpus",
    "write_corpus": "w2l.talker.corpus",
}

if TYPE_CHECKING:
    from w2l.talker.corpus import CLIP_SECONDS as CLIP_SECONDS
    from w2l.talker.corpus import SPLITS as SPLITS
    from w2l.talker.corpus import Speaker as Speaker
    from w2l.talker.corpus import TalkerClip as TalkerClip
    from w2l.talker.corpus import film as film
    from w2l.talker.corpus import make_clip as make_clip
    from w2l.talker.corpus import make_speaker as make_speaker
    from w2l.talker.corpus import speech as speech
    from w2l.talker.corpus import write_clip as write_clip
    from w2l.talker.corpus import write_corpus as write_corpus
    from w2l.talker.drawn.render import View as View
    from w2l.talker.drawn.render import crop_view as crop_view
    from w2l.talker.drawn.render import presenter_view as presenter_view
    from w2l.talker.mouth import Mouth as Mouth
    from w2l.talker.voices.phones import BILABIALS as BILABIALS
    from w2l.talker.voices.phones import PHONES as PHONES
    from w2l.talker.voices.phones import Phone as Phone

__all__ = [
    "BILABIALS",
    "CLIP_SECONDS",
    "LOOKS",
    "PHONES",
    "SPLITS",
    "VOICES",
    "Cast",
    "Mouth",
    "Phone",
    "Speaker",
    "TalkerClip",
    "View",
    "crop_view",
    "film",
    "make_clip",
    "make_speaker",
    "presenter_view",
    "speech",
    "write_clip",
    "write_corpus",
]

__getattr__ = on_first_use(__name__, _HOMES)
