"""Colour of decoded frames: which YUV matrix they have, and how HDR and wide colours look on a common screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import count

import av
import cv2
import numpy as np

from w2l.video.images import to_bgr

# H.273 code points, with which FFmpeg tags frames.
_LIMITED, _FULL = 1, 2  # colour ranges as FFmpeg counts them
_PQ, _HLG = 16, 18
_BT2020, _P3 = 9, 12
_UNSTATED = 2
_UNKNOWN_MATRICES = {8, 11, 14, 15, 16, 17}  # YCgCo, ICtCp and others, which swscale does not convert
_DOLBY_VISION = {"dvh1", "dvhe", "dva1", "dvav", "dav1"}  # sample entries of mp4
_SWSCALE_BT709, SWSCALE_BT601 = 1, 5
_SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}

_LUMA = np.array([0.2627, 0.6780, 0.0593])  # of BT.2020
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])
# From linear RGB of these primaries to BT.709's (BT.2087; SMPTE EG 432-1).
_TO_BT709 = {
    _BT2020: np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]),
    _P3: np.array([[1.2249, -0.2249, 0.0], [-0.0420, 1.0420, 0.0], [-0.0197, -0.0786, 1.0983]]),
}
_WHITE = 203.0  # cd/m²: the white of a page or a shirt in HDR (BT.2408), which becomes 255
_PEAK = 1000.0  # cd/m²: HDR that does not state its brightest light; HLG by definition
_SCREEN_GAMMA = 2.4  # of a common screen (BT.1886)
_LEVEL = 8  # of the look-up table: 64 steps for each of red, green and blue


def assumed_matrix(width: int, height: int) -> int:
    """swscale's number for the YUV matrix that players assume where nothing is stated: BT.709 for HD, else BT.601."""
    return _SWSCALE_BT709 if width >= 1280 or height > 576 else SWSCALE_BT601


class Painter:
    """Turns the decoded frames of one stream into BGR, as a common screen shows them.

    ``ground``: the grey, 0 to 255, behind transparent frames. ``notes``, after `meet`: sentences about what a common
    screen does not show as it was meant.
    """

    def __init__(self, ground: int) -> None:
        self._ground = ground
        self.notes: tuple[str, ...] = ()
        self._converter = av.video.reformatter.VideoReformatter()
        self._peak = _PEAK
        self._table: tuple[tuple[object, ...], Callable[[av.VideoFrame], av.VideoFrame]] | None = None

    def meet(self, frame: av.VideoFrame, context: av.VideoCodecContext) -> None:
        """Learns from a key frame what holds for the whole stream; other frames may not carry it."""
        self.notes = tuple(_notes(frame, context))
        if context.color_trc == _PQ:
            self._peak = _brightest(frame)

    def __call__(self, frame: av.VideoFrame, context: av.VideoCodecContext) -> np.ndarray:
        """One frame that this context decoded: (H, W, 3) uint8 BGR, of its stored size."""
        if _may_be_transparent(frame.format.name):
            return to_bgr(self._convert(frame, "bgra").to_ndarray(), self._ground)
        transfer, primaries = int(context.color_trc), int(context.color_primaries)
        if transfer not in (_PQ, _HLG) and primaries not in _TO_BT709:
            return self._convert(frame, "bgr24").to_ndarray()
        seen = self._mapped(frame, transfer, primaries).to_ndarray()
        return cv2.cvtColor(cv2.convertScaleAbs(seen, alpha=255), cv2.COLOR_RGB2BGR)

    def _convert(self, frame: av.VideoFrame, pixels: str) -> av.VideoFrame:
        # All four are given: some PyAV versions take missing ones from the frame, and then convert nothing.
        return self._converter.reformat(
            frame,
            format=pixels,
            src_colorspace=_SWSCALE_MATRICES.get(int(frame.colorspace)) or assumed_matrix(frame.width, frame.height),
            dst_colorspace=SWSCALE_BT601,
            src_color_range=_FULL if frame.color_range == _FULL else _LIMITED,
            dst_color_range=_LIMITED,
        )

    def _mapped(self, frame: av.VideoFrame, transfer: int, primaries: int) -> av.VideoFrame:
        """A frame of HDR or wide colours as RGB of a common screen, planes of 0 to 1, by a look-up table."""
        wanted = frame.width, frame.height, transfer, primaries
        if self._table is None or self._table[0] != wanted:
            self._table = wanted, _through_table(frame.width, frame.height, _table(transfer, primaries, self._peak))
        return self._table[1](self._convert(frame, "gbrpf32le"))


def _notes(frame: av.VideoFrame, context: av.VideoCodecContext) -> Iterator[str]:
    if int(frame.colorspace) in _UNKNOWN_MATRICES:
        yield "the clip has colours in a code that is not known here, so they are wrong; convert it to SDR first."
    elif context.color_trc in (_PQ, _HLG):
        yield "the clip is HDR, the result is not: light brighter than a common screen's white was rolled off."
    elif context.color_trc == _UNSTATED and (context.codec_tag in _DOLBY_VISION or _side_data(frame, "DOVI_METADATA")):
        # Profile 5, whose pictures need Dolby's own decoding; those of other profiles are PQ, HLG or SDR, and say so.
        yield "the clip has colours that only Dolby Vision shows rightly; convert it to common HDR or SDR first."


def _side_data(frame: av.VideoFrame, name: str) -> object | None:
    # Reading it makes a frame refer to itself, so that it stays in memory until Python's garbage collector runs.
    try:
        return frame.side_data.get(name)
    except ValueError:  # next to it is data that this PyAV cannot name
        return None


@lru_cache
def _may_be_transparent(pixel_format: str) -> bool:
    known = av.VideoFormat(pixel_format)
    return known.has_palette or any(component.is_alpha for component in known.components)


def _brightest(frame: av.VideoFrame) -> float:
    """The brightest light of a PQ clip in cd/m², by its metadata: of the content, else of the mastering screen."""
    light, screen = (_side_data(frame, name) for name in ("CONTENT_LIGHT_LEVEL", "MASTERING_DISPLAY_METADATA"))
    # AVContentLightMetadata begins with MaxCLL; in AVMasteringDisplayMetadata, 22 integers, the maximum is a fraction.
    stated = np.frombuffer(light, np.uint32, 1)[0] if light is not None else 0  # type: ignore[call-overload]
    if not stated and screen is not None:
        values = np.frombuffer(screen, np.int32, 22)  # type: ignore[call-overload]
        stated = values[18] / values[19] if values[19] and values[21] else 0
    return float(np.clip(stated, _WHITE, 10_000)) if stated else _PEAK


def _through_table(width: int, height: int, table: np.ndarray) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """A filter that takes gbrp12le frames of this size through a Hald table, (n, n, 3) uint16 RGB, to bgr24."""
    graph, tick = av.filter.Graph(), Fraction(1, 25)
    side = len(table)
    pictures = graph.add_buffer(width=width, height=height, format=av.VideoFormat("gbrpf32le"), time_base=tick)
    tables = graph.add_buffer(width=side, height=side, format=av.VideoFormat("rgb48le"), time_base=tick)
    look_up, sink = graph.add("haldclut"), graph.add("buffersink")
    pictures.link_to(look_up, 0, 0)
    tables.link_to(look_up, 0, 1)
    look_up.link_to(sink)
    graph.configure()
    hald = av.VideoFrame.from_ndarray(table, format="rgb48le")
    hald.pts, hald.time_base = 0, tick
    tables.push(hald)
    tables.push(None)
    clock = count()

    def apply(frame: av.VideoFrame) -> av.VideoFrame:
        frame.pts, frame.time_base = next(clock), tick
        pictures.push(frame)
        return graph.vpull()  # through the graph, which must live as long as its filters

    return apply


@lru_cache(maxsize=4)
def _table(transfer: int, primaries: int, peak: float) -> np.ndarray:
    """What `shown` makes of every step of red, green and blue, as a Hald picture: (512, 512, 3) uint16 RGB."""
    steps = np.linspace(0, 1, _LEVEL**2)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red runs fastest
    colours = shown(np.stack([red, green, blue], -1), transfer, primaries, peak)
    return np.rint(65535 * colours).astype(np.uint16).reshape(_LEVEL**3, _LEVEL**3, 3)


def shown(signal: np.ndarray, transfer: int, primaries: int, peak: float = _PEAK) -> np.ndarray:
    """HDR or wide colours as a common screen shows them: RGB signals, 0 to 1, from (..., 3) RGB signals, 0 to 1.

    transfer: 16 for PQ (SMPTE ST 2084), 18 for HLG (BT.2100), anything else for the gamma of a common screen;
    primaries: 9 for BT.2020, 12 for P3, anything else for BT.709, all as in H.273. peak: the brightest light in cd/m².

    Up to some 100 cd/m² the light stays as it is, with 203 cd/m² as white; what is brighter is rolled off up to the
    peak (BT.2390, 5.4.1), so that lamps and skies keep their shape. What lies outside BT.709 turns paler, not darker.
    """
    if transfer == _PQ:
        light = _rolled_off(_pq_light(signal), peak)
    elif transfer == _HLG:
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        light = _rolled_off(_PEAK * scene * (scene @ _LUMA)[..., None] ** 0.2, _PEAK)
    else:
        light = signal**_SCREEN_GAMMA
    light = light @ _TO_BT709.get(primaries, np.eye(3)).T
    grey = (light @ _LUMA_709)[..., None]
    lowest = light.min(-1, keepdims=True)
    paler = np.where(lowest < 0, grey / np.maximum(grey - lowest, 1e-9), 1)
    return np.clip(grey + (light - grey) * paler, 0, 1) ** (1 / _SCREEN_GAMMA)


def _rolled_off(light: np.ndarray, peak: float) -> np.ndarray:
    """Light in cd/m² for a screen whose white is 1: the EETF of BT.2390 in PQ, from this peak down to white."""
    whole = _pq_signal(np.array(peak))
    signal, white = np.minimum(_pq_signal(light) / whole, 1), _pq_signal(np.array(_WHITE)) / whole
    knee = 1.5 * white - 0.5
    if white < 1:
        t = np.maximum(signal - knee, 0) / (1 - knee)
        bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
        signal = np.where(signal < knee, signal, bent)
    return _pq_light(signal * whole) / _WHITE


def _pq_light(signal: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: signals of 0 to 1 as light in cd/m²."""
    root = signal ** (32 / 2523)
    return 10_000 * (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)


def _pq_signal(light: np.ndarray) -> np.ndarray:
    power = (light / 10_000) ** (2610 / 16384)
    return ((107 / 128 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
