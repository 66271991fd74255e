"""The synthetic talker: procedural voices and faces whose every mouth position is known."""

from w2l.talker.corpus import (
    CLIP_SECONDS,
    SPLITS,
    Speaker,
    TalkerClip,
    film,
    make_clip,
    make_speaker,
    speech,
    write_clip,
    write_corpus,
)
from w2l.talker.phones import BILABIALS, PHONES, Mouth, Phone
from w2l.talker.render import View, presenter_view

__all__ = [
    "BILABIALS",
    "CLIP_SECONDS",
    "PHONES",
    "SPLITS",
    "Mouth",
    "Phone",
    "Speaker",
    "TalkerClip",
    "View",
    "film",
    "make_clip",
    "make_speaker",
    "presenter_view",
    "speech",
    "write_clip",
    "write_corpus",
]
