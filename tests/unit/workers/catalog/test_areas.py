"""Areas of the map against a slow and obvious way to find what is in them."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.catalog.areas import Point, inside

UNIT = st.floats(0, 1, allow_nan=False).map(lambda value: round(value, 4))
POINTS = st.tuples(UNIT, UNIT)


def turns_around(point: Point, corners: list[Point]) -> bool:
    """Whether the angles to the corners, in their order, add up to odd turns, as they do for points inside."""
    total = 0.0
    for one, other in zip(corners, [*corners[1:], corners[0]], strict=True):
        first = math.atan2(one[1] - point[1], one[0] - point[0])
        turn = math.atan2(other[1] - point[1], other[0] - point[0]) - first
        total += (turn + math.pi) % (2 * math.pi) - math.pi
    return round(total / (2 * math.pi)) % 2 == 1


def distance(point: Point, one: Point, other: Point) -> float:
    """From a point to a line between two corners."""
    (x, y), (x1, y1), (x2, y2) = point, one, other
    length_2 = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = min(max(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length_2, 0), 1) if length_2 else 0.0
    return math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))


@given(st.lists(POINTS, min_size=3, max_size=12), st.lists(POINTS, min_size=1, max_size=30))
def test_a_point_is_inside_when_the_corners_go_around_it(corners: list[Point], points: list[Point]) -> None:
    edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    clear = [point for point in points if min(distance(point, *edge) for edge in edges) > 1e-6]
    found = inside(np.array([x for x, _ in clear]), np.array([y for _, y in clear]), tuple(corners))
    assert found.tolist() == [turns_around(point, corners) for point in clear]


def test_what_is_unknown_is_in_no_area() -> None:
    square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    found = inside(np.array([0.5, np.nan, 0.5]), np.array([0.5, 0.5, np.nan]), square)
    assert found.tolist() == [True, False, False]
