"""The synthetic talker: procedural voices, drawn or photographic faces, whose mouth is known exactly in every frame."""

from w2l.talker.corpus import (
    CLIP_SECONDS,
    LOOKS,
    SPLITS,
    VOICES,
    Speaker,
    TalkerClip,
    film,
    make_clip,
    make_speaker,
    speech,
    write_clip,
    write_corpus,
)
from w2l.talker.drawn.render import View, crop_view, presenter_view
from w2l.talker.mouth import Mouth
from w2l.talker.speech.phones import BILABIALS, PHONES, Phone

__all__ = [
    "BILABIALS",
    "CLIP_SECONDS",
    "LOOKS",
    "PHONES",
    "SPLITS",
    "VOICES",
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
