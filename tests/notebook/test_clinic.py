"""The doctor's panel: a fault is chosen, shown, and named."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from w2l.doctor import curves
from w2l.doctor.curves import Curve
from w2l.errors import W2LError
from w2l.notebook.clinic import DoctorPanel
from w2l.talker.cast import Cast


@pytest.fixture(scope="module")
def panel():
    return DoctorPanel(Cast("formant", "drawn"), count=6)


def picture(panel):
    return cv2.imdecode(np.frombuffer(bytes(panel.image.value), np.uint8), cv2.IMREAD_COLOR)


def test_a_fault_is_shown_and_named(panel):
    before = picture(panel)
    said = panel.examine("still")
    assert (
        panel.fault.value == "still"
        and "the mouths do not move" in said
        and "the mouths do not move" in panel.said.value
    )
    frames = np.split(picture(panel)[:96], 8, axis=1)
    assert np.abs(frames[0].astype(int) - frames[7]).mean() < 3 and not np.array_equal(picture(panel), before)
    panel.fault.value = "healthy"
    assert panel.text == panel.said.value == ""  # what was said of other clips


def test_the_button_asks_in_the_background(panel, monkeypatch):
    monkeypatch.setattr(panel, "examine", lambda: 1 / 0 if not panel.ask.disabled else raises())

    def raises():
        raise W2LError("there are no <clips>.")

    panel.ask.click()
    for _ in range(200):
        if not panel.ask.disabled:
            break
        time.sleep(0.01)
    assert panel.said.value == "there are no &lt;clips&gt;." and not panel.fault.disabled


def test_a_stored_curve_is_drawn_below(panel, monkeypatch):
    losses = [
        Curve("healthy", 0, [50, 100], [0.7, 0.6], [0.5, 0.6]),
        Curve("silent", 0, [50, 100], [0.7, 0.7], [0.5, 0.5]),
    ]
    monkeypatch.setattr(curves, "read", lambda: losses)
    heights = []
    for fault in ("silent", "healthy", "leak"):  # of the last there is no curve
        panel.fault.value = fault
        heights.append(picture(panel).shape[0])
    assert min(heights[:2]) > 250 and heights[2] == 96
