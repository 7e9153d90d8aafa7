"""Areas of the map, energy by valence, that somebody drew around tracks."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

ACROSS: Final = "energy"
UP: Final = "valence"

Point = tuple[float, float]
Coordinates = NDArray[np.float64]


def inside(across: Coordinates, up: Coordinates, drawn: tuple[Point, ...]) -> NDArray[np.bool_]:
    """Which points lie in a polygon, by the even-odd rule. Unknown (NaN) ones do not. All arrays have shape (n,)."""
    corners = [(_edge(x), _edge(y)) for x, y in drawn]
    xs, ys = zip(*corners, strict=True)
    found: NDArray[np.bool_] = (across >= min(xs)) & (across <= max(xs)) & (up >= min(ys)) & (up <= max(ys))
    near = np.flatnonzero(found)
    near = near[np.argsort(up[near])]  # so that what is beside an edge is one slice
    x, y = across[near], up[near]
    odd = np.zeros(near.size, np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        beside = slice(*np.searchsorted(y, sorted((y1, y2))).tolist())
        if y1 != y2:
            odd[beside] ^= x[beside] < (x2 - x1) * (y[beside] - y1) / (y2 - y1) + x1
    found[near] = odd
    return found


def _edge(value: float) -> float:
    # By that rule a polygon has its lower edges only, but whoever draws along the end of the map means what is there.
    return math.nextafter(1.0, 2.0) if value == 1 else value
