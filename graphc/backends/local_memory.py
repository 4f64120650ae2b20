"""Memory that kernels allocate themselves: tapes of loops that end when they end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True)
def grown(array: Any, index: Any) -> Any:
    """Return an array with room for an index along its first axis: itself, or a copy twice as long."""
    if index < array.shape[0]:
        return array
    longer = np.empty((2 * array.shape[0], *array.shape[1:]), array.dtype)
    longer[: array.shape[0]] = array
    return longer
