"""What the head pack's mesh means: the lips' contours, what is wet, the tongue, single teeth, left and right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from w2l.talker.photo.pack import FACE, GUMS, TEETH, HeadPack, head_pack

_REACH = 4.0  # cm: further from the lips' contours than this, distances are not needed
_TONGUE_FROM = 2150  # the gums' vertices come first in the pack, then the tongue's
# cm: y, and the z behind which the skin is neck, ear or the back of the head
_BACK = (-8.9, -8.2, -7.1, -6.0, -5.0, -3.0, 4.0, 4.6, 12.4), (8.6, 8.4, 8.0, 5.4, 4.0, 2.5, 2.3, 1.2, -4.0)
_AWAY = -0.35  # of a normal's length, towards the back: such a triangle is not seen when the head turns
_GUMS = 5.0  # cm: gums further back than this lie in the dark
_MIDDLE = 0.9  # cm: over this much on each side of the middle, left passes into right


@dataclass(frozen=True, eq=False)
class Lip:
    """One lip. inner, outer: vertices along its contours, from the picture's left corner to the right one.

    mine: bool (n,), vertices nearer to this lip than to the other. distance: float32 (n,), along the surface from the
    inner contour in cm, infinite where it is over 4. nearest: int (n,), place in `inner` of the nearest contour vertex;
    -1 where there is none.
    """

    inner: np.ndarray
    outer: np.ndarray
    mine: np.ndarray
    distance: np.ndarray
    nearest: np.ndarray


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Groups of the pack's n vertices.

    face: bool (n,), the skin. wet: bool (n,), the skin behind the lips' inner contours. rim: vertices on the border of
    the mouth's hole. tongue: bool (n,). teeth: vertices of each single tooth. side: float32 (n,), -1 on the picture's
    left, 1 on its right, 0 in the middle. drawn: bool (m,), the pack's triangles that are ever seen, without ears
    and neck: no fit knows how these lie in a photograph, whose own are shown as surroundings.
    """

    upper: Lip
    lower: Lip
    face: np.ndarray
    wet: np.ndarray
    rim: np.ndarray
    tongue: np.ndarray
    teeth: tuple[np.ndarray, ...]
    side: np.ndarray
    drawn: np.ndarray


@lru_cache(maxsize=1)
def anatomy() -> Anatomy:
    """The anatomy of the bundled head, found once (about a second)."""
    pack = head_pack()
    face = pack.vertex_part == FACE
    graph = _edges(pack)
    marks = pack.landmarks
    upper_in, lower_in = _path(graph, marks[60:65]), _path(graph, marks[[60, 67, 66, 65, 64]])
    upper_out, lower_out = _path(graph, marks[48:55]), _path(graph, marks[[48, 59, 58, 57, 56, 55, 54]])
    rim = _mouth_rim(pack)
    (above, near_above), (below, near_below) = (_distances(graph, chain, face) for chain in (upper_in, lower_in))
    mine = above <= below
    gums = np.flatnonzero(pack.vertex_part == GUMS)[_TONGUE_FROM:]
    tongue = np.zeros(len(face), bool)
    tongue[gums] = (pack.base[gums, 2] > 3.4) & (pack.base[gums, 1] < -2.4)
    return Anatomy(
        upper=Lip(upper_in, upper_out, mine, above, near_above),
        lower=Lip(lower_in, lower_out, ~mine, below, near_below),
        face=face,
        wet=_wet(graph, rim, np.concatenate([upper_in, lower_in])),
        rim=rim,
        tongue=tongue,
        teeth=_single_teeth(pack),
        side=np.clip(pack.base[:, 0] / _MIDDLE, -1, 1),
        drawn=_seen(pack, tongue),
    )


def along(curve: np.ndarray) -> np.ndarray:
    """How far along a polyline (k, d) each of its points lies: 0 at its start .. 1 at its end."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    return length / length[-1]


def smoothstep(x: np.ndarray | float) -> np.ndarray:
    """0 below 0, 1 above 1, with a smooth passage (3 x² - 2 x³) between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _edges(pack: HeadPack) -> csr_matrix:
    """The lengths of the skin's edges, in both directions."""
    skin = pack.triangles[pack.part == FACE]
    ends = np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]])
    length = np.linalg.norm(pack.base[ends[:, 0]] - pack.base[ends[:, 1]], axis=1)
    graph = coo_matrix((length, ends.T), shape=(len(pack.base),) * 2).tocsr()
    return graph.maximum(graph.T)


def _path(graph: csr_matrix, stops: np.ndarray) -> np.ndarray:
    """The shortest way along edges through the vertices given."""
    way = [int(stops[0])]
    for start, end in pairwise(stops.tolist()):
        before = dijkstra(graph, indices=start, return_predecessors=True)[1]
        leg = [end]
        while leg[-1] != start:
            leg.append(int(before[leg[-1]]))
        way += leg[-2::-1]
    return np.array(way)


def _distances(graph: csr_matrix, chain: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distance, _, source = dijkstra(graph, indices=chain, min_only=True, return_predecessors=True, limit=_REACH)
    distance[~face] = np.inf
    place = np.full(len(face), -1)
    place[chain] = np.arange(len(chain))
    return distance.astype(np.float32), np.where(source >= 0, place[np.maximum(source, 0)], -1)


def _mouth_rim(pack: HeadPack) -> np.ndarray:
    """Vertices of the skin's border around the mouth: edges there belong to one triangle only."""
    skin = pack.triangles[pack.part == FACE]
    ends = np.sort(np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]]), axis=1)
    edges, count = np.unique(ends, axis=0, return_counts=True)
    border = np.unique(edges[count == 1])
    x, y, z = pack.base[border].T
    return border[(np.abs(x) < 3.2) & (y < -1.5) & (y > -5.5) & (z > 6)]


def _wet(graph: csr_matrix, rim: np.ndarray, contours: np.ndarray) -> np.ndarray:
    """What can be reached from the rim without crossing the inner contours."""
    walled = graph.copy().tolil()
    walled[contours, :] = 0
    walled[:, contours] = 0
    _, group = connected_components(walled.tocsr(), directed=False)
    dry = np.isin(np.arange(graph.shape[0]), contours)
    return np.isin(group, np.unique(group[rim[~dry[rim]]])) & ~dry


def _seen(pack: HeadPack, tongue: np.ndarray) -> np.ndarray:
    """Triangles worth drawing: no ears and neck, no backs of the teeth, no gums far back."""
    _, y, z = pack.base.T
    front = (z > np.interp(y, *_BACK)) & (y > _BACK[0][0])
    skin = front[pack.triangles].all(axis=1)
    a, b, c = (pack.base[pack.triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    towards = normal[:, 2] > _AWAY * np.linalg.norm(normal, axis=1)
    gums = (towards & (z[pack.triangles] > _GUMS).all(axis=1)) | tongue[pack.triangles].any(axis=1)
    return np.select([pack.part == FACE, pack.part == GUMS, pack.part == TEETH], [skin, gums, towards], True)


def _single_teeth(pack: HeadPack) -> tuple[np.ndarray, ...]:
    teeth = pack.triangles[pack.part == TEETH]
    ends = np.concatenate([teeth[:, [0, 1]], teeth[:, [1, 2]]])
    size = len(pack.base)
    graph = coo_matrix((np.ones(len(ends)), ends.T), shape=(size, size))
    group = connected_components(graph, directed=False)[1]
    group[pack.vertex_part != TEETH] = -1
    return tuple(np.flatnonzero(group == one) for one in np.unique(group[group >= 0]) if (group == one).sum() > 3)
