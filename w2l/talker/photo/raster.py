"""A triangle rasteriser and vertex shading, compiled by numba.

OpenCV has a rasteriser from version 5 on only, and it takes 2.5 times as long.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from w2l.base.numba_cache import with_cache


def _rasterise(
    xy: np.ndarray, depth: np.ndarray, triangles: np.ndarray, values: np.ndarray, nearest: np.ndarray, out: np.ndarray
) -> None:
    """Draws triangles where they lie nearer than what is there.

    xy: float32 (n, 2) pixels, whose centres lie at whole numbers + 0.5. depth: float32 (n,), larger is nearer.
    triangles: int32 (m, 3); those that run counter-clockwise with y up are seen, the others show their back.
    values: float32 (n, k), interpolated. nearest: float32 (h, w) and out: float32 (h, w, k) are written to.
    """
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= -1e-9:  # pixels have y down: the front has negative area
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5))), min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy) - 0.5))), min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        inverse = 1.0 / area
        for y in range(y0, y1 + 1):
            py = y + 0.5
            for x in range(x0, x1 + 1):
                px = x + 0.5
                wa = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inverse
                wb = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inverse
                wc = 1.0 - wa - wb
                if wa < -1e-6 or wb < -1e-6 or wc < -1e-6:
                    continue
                near = wa * depth[a] + wb * depth[b] + wc * depth[c]
                if near <= nearest[y, x]:
                    continue
                nearest[y, x] = near
                for k in range(values.shape[1]):
                    out[y, x, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]


def _facing(vertices: np.ndarray, triangles: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Cosines between vertex normals and directions, in photo space (y down).

    vertices: float32 (n, 3); directions: float32 (k, 3), unit vectors towards a light. Returns float32 (n, k).
    """
    normal = np.zeros((vertices.shape[0], 3), np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normal[v, 0] += x
            normal[v, 1] += y
            normal[v, 2] += z
    out = np.empty((vertices.shape[0], directions.shape[0]), np.float32)
    for i in range(vertices.shape[0]):
        length = np.sqrt(normal[i, 0] ** 2 + normal[i, 1] ** 2 + normal[i, 2] ** 2) + np.float32(1e-6)
        for k in range(directions.shape[0]):
            dot = normal[i, 0] * directions[k, 0] + normal[i, 1] * directions[k, 1] + normal[i, 2] * directions[k, 2]
            out[i, k] = dot / length
    return out


def _turn(vertices: np.ndarray, rotation: np.ndarray, pivot: np.ndarray, follow: np.ndarray) -> np.ndarray:
    """Vertices float32 (n, 3) turned by rotation (3, 3) about pivot (3,); follow: float32 (n,), share of the turn."""
    out = np.empty_like(vertices)
    for i in range(vertices.shape[0]):
        x, y, z = vertices[i, 0] - pivot[0], vertices[i, 1] - pivot[1], vertices[i, 2] - pivot[2]
        for k in range(3):
            there = rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z + pivot[k]
            out[i, k] = vertices[i, k] + follow[i] * (there - vertices[i, k])
    return out


def _paint(atlas: np.ndarray, places: np.ndarray, picture: np.ndarray) -> None:
    """Colours a picture from an atlas, bilinearly.

    atlas: uint8 (H, W, 3). places: float32 (h, w, 3), x and y in the atlas (its pixels' centres lie at whole numbers
    + 0.5) and a factor. picture: uint8 (h, w, 3), written.
    """
    height, width = atlas.shape[0], atlas.shape[1]
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            x = min(max(places[row, column, 0] - np.float32(0.5), np.float32(0)), np.float32(width - 1.001))
            y = min(max(places[row, column, 1] - np.float32(0.5), np.float32(0)), np.float32(height - 1.001))
            left, top = int(x), int(y)
            fx, fy = x - np.float32(left), y - np.float32(top)
            for k in range(3):
                upper = atlas[top, left, k] * (1 - fx) + atlas[top, left + 1, k] * fx
                lower = atlas[top + 1, left, k] * (1 - fx) + atlas[top + 1, left + 1, k] * fx
                value = (upper * (1 - fy) + lower * fy) * places[row, column, 2] + np.float32(0.5)
                picture[row, column, k] = int(min(max(value, np.float32(0)), np.float32(255)))


def _compiled() -> list[Any]:
    return [numba.njit(cache=True)(one) for one in (_rasterise, _facing, _turn, _paint)]


rasterise, facing, turn, paint = with_cache(_compiled)
