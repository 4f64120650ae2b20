"""The kinds of library calls: products of matrices, LAPACK's routines, and other functions of our own."""

from __future__ import annotations

from graphc.kernel.ir import Library

LAPACK = "lapack_"
"""What the names of LAPACK's routines begin with."""
PRODUCTS = ("gemm", "gemv", "syrk", "add_rows", "dot_rows")


def is_product(call: Library) -> bool:
    """Tell whether a call is a product of matrices."""
    return call.call in PRODUCTS


def adds(call: Library) -> bool:
    """Tell whether a call is a product that is added to what is there."""
    return is_product(call) and bool(call.flags[-1])
