"""Arrays that get larger: copies with room for more."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)

_MORE_ROWS: Final = 128


def longer(array: NDArray[Kind], size: int, fill: float = 0) -> NDArray[Kind]:
    """The array with room for ``size`` slots, its last axis."""
    more = np.full((*array.shape[:-1], size), fill, array.dtype)
    more[..., : array.shape[-1]] = array
    return more


def with_rows(array: NDArray[np.float32], n_rows: int) -> NDArray[np.float32]:
    """The array with at least ``n_rows`` rows, new ones zero; some more than asked, since rows come one by one."""
    if n_rows <= array.shape[0]:
        return array
    more = np.zeros((n_rows + _MORE_ROWS, array.shape[1]), np.float32)
    more[: array.shape[0]] = array
    return more
