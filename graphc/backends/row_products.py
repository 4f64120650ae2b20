"""Products of a few rows, which are in cache, with a vector: plain loops over four rows at once.

BLAS is made for whole matrices: called for blocks of 64 rows it takes up to half as long again.
docs/decisions/07-own-row-products.md has the measurements.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from graphc.backends.folding import sum_any_order

SHORT_ROWS = 128
"""Rows shorter than this are multiplied four at a time; longer ones one by one, as the processor reads ahead."""


@njit(forceinline=True, nogil=True)
def dot_rows(a: Any, x: Any, y: Any, _transposed: Any, _add: Any, scale: Any) -> None:
    """Write a multiple of the product of each row of a block with a vector."""
    x, y = x.reshape(x.size), y.reshape(y.size)
    fours = a.shape[0] // 4 * 4 if a.shape[1] < SHORT_ROWS else 0
    zero, factor = y.dtype.type(0), y.dtype.type(scale)
    for i in range(0, fours, 4):
        first, second, third, fourth = zero, zero, zero, zero
        for j in range(a.shape[1]):
            first = sum_any_order(first, a[i, j] * x[j])
            second = sum_any_order(second, a[i + 1, j] * x[j])
            third = sum_any_order(third, a[i + 2, j] * x[j])
            fourth = sum_any_order(fourth, a[i + 3, j] * x[j])
        y[i], y[i + 1], y[i + 2], y[i + 3] = factor * first, factor * second, factor * third, factor * fourth
    for i in range(fours, a.shape[0]):
        total = zero
        for j in range(a.shape[1]):
            total = sum_any_order(total, a[i, j] * x[j])
        y[i] = factor * total


@njit(forceinline=True, nogil=True)
def add_rows(a: Any, x: Any, y: Any, _transposed: Any, _add: Any, scale: Any) -> None:
    """Add a multiple of the sum of a block's rows, each times its factor in ``x``, to a vector."""
    x, y = x.reshape(x.size), y.reshape(y.size)
    fours, factor = a.shape[0] // 4 * 4, y.dtype.type(scale)
    for i in range(0, fours, 4):
        first, second, third, fourth = factor * x[i], factor * x[i + 1], factor * x[i + 2], factor * x[i + 3]
        for j in range(a.shape[1]):
            y[j] += (a[i, j] * first + a[i + 1, j] * second) + (a[i + 2, j] * third + a[i + 3, j] * fourth)
    for i in range(fours, a.shape[0]):
        only = factor * x[i]
        for j in range(a.shape[1]):
            y[j] += a[i, j] * only
