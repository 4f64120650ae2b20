"""The two kinds of library calls: products of matrices, and LAPACK's routines."""

from __future__ import annotations

from graphc.kernel.ir import Library

LAPACK = "lapack_"
"""What the names of LAPACK's routines begin with."""


def is_product(call: Library) -> bool:
    """Tell whether a call is a product of matrices."""
    return not call.call.startswith(LAPACK)


def adds(call: Library) -> bool:
    """Tell whether a call is a product that is added to what is there."""
    return is_product(call) and bool(call.flags[-1])
