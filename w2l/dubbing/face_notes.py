"""What a user should know about the faces of a dub: frames without one, mouths outside the frame, lying heads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from w2l import faces
from w2l.dubbing.stream import Plan


def face_notes(plan: Plan) -> list[str]:
    """One sentence each."""
    faceless = [i for i in range(plan.n_frames) if not plan.boxes(i)]
    cut_off = _where(plan, lambda track: track.cut_off)
    lying = _where(plan, lambda track: track.lying)
    notes = []
    if empty := sorted(set(faceless) - set(cut_off)):
        what = "no face" if plan.settings.which == "main" else "no chosen face"
        notes.append(f"{_share(plan, empty)} show {what} and passed through unchanged: {faces.spans(empty)}.")
    if cut_off:
        what = "were drawn on all the same" if plan.settings.parity else "passed through unchanged"
        notes.append(
            f"{_share(plan, cut_off)} show a face whose mouth or eyes lie outside the picture, and {what}: "
            f"{faces.spans(cut_off)}."
        )
    if lying:
        what = "as if it stood upright, as the published code does" if plan.settings.parity else "on the turned face"
        notes.append(
            f"in {_share(plan, lying)} the head lies on its side or is upside down, and the mouth was drawn {what}: "
            f"{faces.spans(lying)}. If the clip itself is turned, give rotate=90, 180 or 270 (--rotate)."
        )
    return notes


def _where(plan: Plan, told: Callable[[faces.Track], np.ndarray]) -> list[int]:
    """The frames of the result in which that is true of a speaker's face."""
    sources = (plan.footage.source(i, plan.length) for i in range(plan.n_frames))
    return [i for i, source in enumerate(sources) if any(told(one.track)[source] for one in plan.speakers)]


def _share(plan: Plan, frames: list[int]) -> str:
    return f"{len(frames)} of {plan.n_frames} frames"
