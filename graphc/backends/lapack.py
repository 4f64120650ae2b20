"""Factorisations and solutions in native code: LAPACK and BLAS as SciPy ships them, called by address.

Fortran's matrices are stored by columns: it sees the transpose of a matrix of ours. What is computed of the
transpose is chosen so that its results, stored by columns, are the wanted ones stored by rows: nothing is
transposed but the eigenvectors. There are no exceptions in native code: results of what fails are NaN.

Source: Anderson et al., LAPACK Users' Guide (1999).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from graphc.backends.blas import PREFIX, register

MODULES = {
    "trsm": "blas", "potrf": "lapack", "getrf": "lapack", "getri": "lapack", "gelqf": "lapack", "orglq": "lapack",
    "syevd": "lapack", "gesdd": "lapack",
}  # fmt: skip
for _routine, _library in MODULES.items():
    register(_library, _routine)

RIGHT, LOWER, UPPER, PLAIN, TRANSPOSED, UNIT, ANY, VECTORS, SMALL = (np.uint8(ord(letter)) for letter in "RLUNTUNVS")
"""Fortran's words for what is meant."""


def fortran(name: str) -> Any:
    """Return a function for compiled code that calls a routine with a tuple of arguments, and returns its ``info``.

    Arrays are handed over by their data, numbers by the address of a copy: bytes as letters, integers with 32
    bits, floats in the type of the first array, which chooses the routine.
    """

    @intrinsic
    def call(typing_context: Any, arguments: Any) -> Any:
        element = next(kind.dtype for kind in arguments if isinstance(kind, types.Array))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            parts = zip(signature.args[0], cgutils.unpack_tuple(builder, values[0]), strict=True)
            given = [_address_of(context, builder, kind, value, element) for kind, value in parts]
            info = cgutils.alloca_once_value(builder, ir.IntType(32)(0))
            given += [info] * (MODULES[name] == "lapack")
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
            symbol = f"graphc_{PREFIX[element]}{name}"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), given)
            return builder.load(info)

        return types.int32(arguments), emit

    return call


def _address_of(context: Any, builder: Any, kind: Any, value: Any, element: Any) -> Any:
    """Return the address a routine gets for an argument."""
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    if isinstance(kind, types.Integer):
        width = 8 if kind == types.uint8 else 32
        number = builder.trunc(value, ir.IntType(width)) if kind.bitwidth > width else value
        return cgutils.alloca_once_value(builder, number)
    return cgutils.alloca_once_value(builder, context.cast(builder, value, kind, element))


_trsm, _potrf, _getrf, _getri, _gelqf, _orglq, _syevd, _gesdd = (fortran(name) for name in MODULES)


@njit(nogil=True)
def lapack_cholesky(a: Any) -> None:
    """Replace a symmetric matrix by its lower factor; the transpose's upper one is the same numbers."""
    n = a.shape[0]
    if n == 0:
        return
    failed = _potrf((UPPER, n, a, n)) != 0
    for i in range(n):
        a[i, i + 1 :] = 0
    if failed:
        a[...] = np.nan


@njit(nogil=True)
def lapack_lu(a: Any, pivots: Any) -> None:
    """Replace a matrix by the factors of its transpose, ``a.T = P @ L @ U``, and write its pivots."""
    n = a.shape[0]
    if n != 0:
        _getrf((n, n, a, n, pivots))


@njit(nogil=True)
def _is_singular(a: Any) -> bool:
    """Return whether a triangular matrix has a zero on its diagonal."""
    found = False
    for i in range(a.shape[0]):
        found |= a[i, i] == 0
    return found


@njit(nogil=True)
def _exchange(x: Any, i: int, j: int) -> None:
    """Exchange two rows."""
    if i != j:
        for column in range(x.shape[1]):
            x[i, column], x[j, column] = x[j, column], x[i, column]


@njit(nogil=True)
def lapack_lu_solve(a: Any, pivots: Any, x: Any, transposed: bool) -> None:
    """Replace right sides by the solution of a system, or of the transposed one, given the factors.

    With ``a.T = P L U``, ``a x = b`` is ``(P.T x).T L U = b.T``, and ``a.T x = b`` is ``L U x = P.T b``.
    """
    n, columns = x.shape
    if x.size == 0:
        return
    if _is_singular(a):
        x[...] = np.nan
    elif transposed:
        for i in range(n):
            _exchange(x, i, pivots[i] - 1)
        _trsm((RIGHT, LOWER, TRANSPOSED, UNIT, columns, n, 1.0, a, n, x, columns))
        _trsm((RIGHT, UPPER, TRANSPOSED, ANY, columns, n, 1.0, a, n, x, columns))
    else:
        _trsm((RIGHT, UPPER, PLAIN, ANY, columns, n, 1.0, a, n, x, columns))
        _trsm((RIGHT, LOWER, PLAIN, UNIT, columns, n, 1.0, a, n, x, columns))
        for i in range(n - 1, -1, -1):
            _exchange(x, i, pivots[i] - 1)


@njit(nogil=True)
def lapack_lu_inverse(pivots: Any, a: Any, work: Any) -> None:
    """Replace the factors of a matrix's transpose by the matrix's inverse."""
    n = a.shape[0]
    if n != 0 and _getri((n, a, n, pivots, work, work.size)) != 0:
        a[...] = np.nan


@njit(nogil=True)
def lapack_solve_triangular(a: Any, x: Any, lower: bool, transposed: bool, unit: bool) -> None:
    """Replace right sides by the solution of a triangular system."""
    n, columns = x.shape
    if x.size == 0:
        return
    if not unit and _is_singular(a):
        x[...] = np.nan
        return
    triangle = UPPER if lower else LOWER
    form = TRANSPOSED if transposed else PLAIN
    _trsm((RIGHT, triangle, form, UNIT if unit else ANY, columns, n, 1.0, a, n, x, columns))


@njit(nogil=True)
def lapack_qr(q: Any, r: Any, a: Any, scales: Any, work: Any) -> None:
    """Write the reduced factors of a matrix, which is overwritten: ``a.T = L Q'`` is ``a = Q'.T L.T``."""
    m, n = a.shape
    rank = scales.size
    if rank == 0:
        return
    _gelqf((n, m, a, n, scales, work, work.size))
    for i in range(rank):
        r[i, :i] = 0
        r[i, i:] = a[i, i:]
    for i in range(m):
        q[i, :] = a[i, :rank]
    _orglq((rank, m, rank, q, rank, scales, work, work.size))


@njit(nogil=True)
def _is_finite(a: Any) -> bool:
    """Return whether a matrix holds finite numbers alone: LAPACK may look for singular values of others for ever."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if not np.isfinite(a[i, j]):
                return False
    return True


@njit(nogil=True)
def lapack_eigh(values: Any, vectors: Any, work: Any, integers: Any) -> None:
    """Write the eigenvalues of a symmetric matrix, and replace it by its eigenvectors as columns."""
    n = values.size
    if n == 0:
        return
    if (
        not _is_finite(vectors)
        or _syevd((VECTORS, LOWER, n, vectors, n, values, work, work.size, integers, integers.size)) != 0
    ):
        values[...] = np.nan
        vectors[...] = np.nan
    for i in range(n):
        for j in range(i):
            vectors[i, j], vectors[j, i] = vectors[j, i], vectors[i, j]


@njit(nogil=True)
def lapack_svd(u: Any, s: Any, vt: Any, a: Any, work: Any, integers: Any) -> None:
    """Write the factors of a matrix, which is overwritten: ``a.T = V S U.T``, so the two sides change places."""
    m, n = a.shape
    rank = s.size
    if rank == 0:
        return
    if not _is_finite(a) or _gesdd((SMALL, n, m, a, n, s, vt, n, u, rank, work, work.size, integers)) != 0:
        u[...] = np.nan
        s[...] = np.nan
        vt[...] = np.nan


NAMES = {name: value for name, value in globals().items() if name.startswith("lapack_")}
