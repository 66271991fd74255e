"""A face that speaks live: sound goes in as it comes, pictures come out a fraction of a second later.

    from w2l.live import LiveFace, LiveSession

    face = LiveFace("me.png")
    with LiveSession(face) as session: ...

`LiveSpeaker` is the same without threads and clocks; `rehearse` streams a file as slowly as it is spoken, and measures.
"""

from typing import TYPE_CHECKING

from w2l.base.lazy import on_first_use

if TYPE_CHECKING:
    from w2l.live.face import LiveFace as LiveFace
    from w2l.live.rehearsal import Rehearsal as Rehearsal
    from w2l.live.rehearsal import rehearse as rehearse
    from w2l.live.session import LiveFigures as LiveFigures
    from w2l.live.session import LiveSession as LiveSession
    from w2l.live.speaker import LiveFrame as LiveFrame
    from w2l.live.speaker import LiveSpeaker as LiveSpeaker

_HOMES = {
    "LiveFace": "w2l.live.face",
    "LiveFigures": "w2l.live.session",
    "LiveFrame": "w2l.live.speaker",
    "LiveSession": "w2l.live.session",
    "LiveSpeaker": "w2l.live.speaker",
    "Rehearsal": "w2l.live.rehearsal",
    "rehearse": "w2l.live.rehearsal",
}
__getattr__ = on_first_use(__name__, _HOMES)
