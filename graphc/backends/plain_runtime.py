"""What generated modules import when they run as plain Python (GRAPHC_JIT=0): the same names, without Numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.backends import plain_lapack, plain_math
from graphc.backends.plain_math import math
from graphc.backends.unfinished import fail_if
from graphc.ops.native_row import ARGSORT, SEARCH

inf, nan = float("inf"), float("nan")
empty = np.empty
bool_ = np.bool_
float32, float64 = np.float32, np.float64
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
globals().update(plain_math.NAMES | plain_lapack.NAMES)

Array = np.ndarray


def gemm(a: Array, b: Array, c: Array, a_transposed: bool, b_transposed: bool, add: bool, scale: Any) -> None:
    """Write a multiple of the product of two matrices into a third, or add it to that."""
    product = c.dtype.type(scale) * ((a.T if a_transposed else a) @ (b.T if b_transposed else b))
    c[...] = c + product if add else product


syrk = gemm


def gemv(a: Array, x: Array, y: Array, transposed: bool, add: bool, scale: Any) -> None:
    """Write a multiple of the product of a matrix and a vector into another vector, or add it to that."""
    product = (y.dtype.type(scale) * ((a.T if transposed else a) @ x.reshape(-1))).reshape(y.shape)
    y[...] = y + product if add else product


add_rows = dot_rows = gemv


def argsort(line: Array, order: Array, _work: Array, descending: bool) -> None:
    """Write the positions that put a line in order."""
    order[...] = ARGSORT.reference([line], descending)


def searchsorted(line: Array, values: Array, found: Array, right: bool) -> None:
    """Write the places of values in a sorted line."""
    found[...] = SEARCH.reference([line, values], right)


def sum_any_order(total: Any, value: Any) -> Any:
    """Return the sum of two numbers."""
    return total + value


def grown(array: Array, index: int) -> Array:
    """Return an array with room for an index along its first axis: itself, or a copy twice as long."""
    return array if index < len(array) else np.concatenate([array, np.empty_like(array)])


def select(condition: Any, yes: Any, no: Any) -> Any:
    """Return one of two numbers."""
    return yes if condition else no


__all__ = [
    "add_rows", "argsort", "bool_", "dot_rows", "empty", "fail_if", "float32", "float64", "gemm", "gemv", "grown",
    "inf", "int8", "int16", "int32", "int64", "math", "nan", "searchsorted", "select", "sum_any_order", "syrk", "uint8",
    "uint16", "uint32", "uint64",
]  # fmt: skip
