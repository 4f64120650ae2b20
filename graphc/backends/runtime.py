"""What generated modules import when they are compiled: every name a kernel's source can use."""

from __future__ import annotations

import math

import numpy as np

from graphc.backends import lapack, mathlib
from graphc.backends.blas import gemm, gemv, syrk
from graphc.backends.failing import fail_if
from graphc.backends.folding import sum_any_order
from graphc.backends.local_memory import grown
from graphc.backends.row_products import add_rows, dot_rows
from graphc.backends.selection import select
from graphc.backends.sorting import argsort, searchsorted

inf, nan = math.inf, math.nan
empty = np.empty
bool_ = np.bool_
float32, float64 = np.float32, np.float64
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
globals().update(mathlib.NAMES | lapack.NAMES)

__all__ = [
    "add_rows", "argsort", "bool_", "dot_rows", "empty", "fail_if", "float32", "float64", "gemm", "gemv", "grown",
    "inf", "int8", "int16", "int32", "int64", "math",
    "nan", "searchsorted", "select", "sum_any_order", "syrk", "uint8", "uint16", "uint32", "uint64", *lapack.NAMES,
]  # fmt: skip
