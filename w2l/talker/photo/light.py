"""Brightness of every vertex: what an expression changes on the skin, and the shadow inside the mouth."""

from __future__ import annotations

import numpy as np

from w2l.talker.photo.anatomy import anatomy, smoothstep
from w2l.talker.photo.lips import MIDDLE, Lips
from w2l.talker.photo.pack import SOCKET, head_pack
from w2l.talker.photo.raster import facing

_LINE = 2.2  # pixels: reach of the dark line where lips meet


class Light:
    """A light on one fitted head.

    The photograph has its own light baked in, so skin is shaded by the ratio of what the light gives in the pose to
    what it gives at rest; what lies in the mouth is shaded outright.
    """

    def __init__(self, rest: np.ndarray, lips: Lips, scale: float, direction: np.ndarray, strength: float) -> None:
        """direction: float32 (3,), unit vector towards the light in photo space; strength: about 0.25 to 0.7."""
        pack, own = head_pack(), anatomy()
        self._lips, self._scale, self._strength = lips, scale, strength
        self._towards = direction[None].astype(np.float32)
        self._ambient = 1.15 - strength * 0.5
        drawn = np.zeros(len(rest), bool)
        drawn[pack.triangles[own.drawn]] = True
        self._skin, self._inside = np.flatnonzero(own.face), np.flatnonzero(drawn & ~own.face)
        self._socket = pack.vertex_part[self._inside] == SOCKET
        rest_light = facing(rest, pack.triangles, self._towards)[self._skin, 0]
        self._at_rest = np.maximum(self._ambient + strength * rest_light, 0.3)
        self._near = []
        for lip, share in zip((own.upper, own.lower), lips.share, strict=True):
            red = np.flatnonzero(lip.mine & (lip.distance < 1.0) & own.face)
            contour = np.exp(-((lip.distance[red] * scale / _LINE) ** 2))
            damp = np.where(own.wet[red], np.clip(1 - 0.6 * lip.distance[red], 0.55, 1), 1)
            self._near.append((red, share[red], contour, damp))
        self._front = own.upper.inner[len(own.upper.inner) // 2]

    def shade(self, vertices: np.ndarray) -> np.ndarray:
        """Brightness of each vertex of a pose before the head turns: float32 (n,); 1 leaves the texture as it is."""
        light = facing(vertices, head_pack().triangles, self._towards)[:, 0]
        shade = np.ones(len(vertices), np.float32)
        posed = self._ambient + self._strength * light[self._skin]
        shade[self._skin] = np.clip(posed / self._at_rest, 0.72, 1.22)
        x, above, below = self._lips.edges(vertices)
        gap = np.maximum(below - above, 0)
        for red, share, contour, damp in self._near:
            closed = 1 - smoothstep(np.interp(share, MIDDLE, gap) / (0.35 * self._scale))
            shade[red] *= (1 - contour * (0.08 + 0.40 * closed)) * damp
        shade[self._inside] = self._mouth(vertices, light[self._inside], x, above, below)
        return shade

    def _mouth(
        self, vertices: np.ndarray, light: np.ndarray, x: np.ndarray, above: np.ndarray, below: np.ndarray
    ) -> np.ndarray:
        """Teeth, tongue, gums and socket: darker with depth, under the upper lip, towards the corners."""
        scale, order = self._scale, np.argsort(x)
        x, above, below = x[order], above[order], below[order]
        across, down, near = vertices[self._inside].T
        depth = np.maximum(vertices[self._front, 2] - near, 0) / scale
        reached = np.maximum(np.exp(-np.maximum(depth - 1.0, 0) / 2.6), 0.30)
        under = smoothstep((down - np.interp(across, x, above)) / (0.45 * scale) + 0.25)
        over = smoothstep((np.interp(across, x, below) - down) / (0.35 * scale) + 0.45)
        openness = 0.70 + 0.30 * float(smoothstep((below - above).max() / scale / 0.6))
        half = (x[-1] - x[0]) / 2 + 1e-3
        corners = 1 - 0.5 * smoothstep((np.abs(across - x.mean()) / half - 0.4) / 0.6)
        diffuse = 0.60 + 0.45 * np.clip(light, 0, 1)
        shade = diffuse * reached * (0.50 + 0.50 * under) * (0.70 + 0.30 * over) * corners * openness
        return np.where(self._socket, np.clip(reached * 0.9, 0.40, 1) * openness, shade)


def relight(vertices: np.ndarray, direction: np.ndarray, strength: float) -> np.ndarray:
    """Brightness float32 (n,), 0.5 to 1.5, of a head at rest under a new light from one side; 1 inside the mouth."""
    own = anatomy()
    light = facing(vertices, head_pack().triangles, direction[None].astype(np.float32))[:, 0]
    value = (1 - 0.5 * strength) + strength * light
    value = np.clip(value / np.median(value[own.face & ~own.wet]), 0.5, 1.5)
    return np.where(own.face, value, 1).astype(np.float32)
