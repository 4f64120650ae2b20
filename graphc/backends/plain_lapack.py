"""The functions of `graphc.backends.lapack` for generated modules that run as plain Python (GRAPHC_JIT=0)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from graphc.ops.matrices import finite

Array = np.ndarray[Any, Any]


def lapack_cholesky(a: Array) -> None:
    """Replace a symmetric matrix by its lower factor."""
    try:
        a[...] = np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        a[...] = np.nan


def lapack_lu(a: Array, pivots: Array) -> None:
    """Replace a matrix by the factors of its transpose, and write its pivots, counted from 1."""
    if a.size:
        getrf: Any = linalg.get_lapack_funcs("getrf", (a,))
        factors, found, _ = getrf(a.T)
        a[...] = factors.T
        pivots[...] = found + 1


def lapack_lu_solve(a: Array, pivots: Array, x: Array, transposed: bool) -> None:
    """Replace right sides by the solution of a system, or of the transposed one, given the factors."""
    if x.size:
        failed = np.any(np.diagonal(a) == 0)
        x[...] = np.nan if failed else linalg.lu_solve((a.T, pivots - 1), x, trans=0 if transposed else 1)


def lapack_lu_inverse(pivots: Array, a: Array, _work: Array) -> None:
    """Replace the factors of a matrix's transpose by the matrix's inverse."""
    identity = np.eye(len(a), dtype=a.dtype)
    lapack_lu_solve(a.copy(), pivots, identity, False)
    a[...] = identity


def lapack_solve_triangular(a: Array, x: Array, lower: bool, transposed: bool, unit: bool) -> None:
    """Replace right sides by the solution of a triangular system."""
    if x.size:
        failed = not unit and np.any(np.diagonal(a) == 0)
        options: Any = {"trans": int(transposed), "lower": lower, "unit_diagonal": unit, "check_finite": False}
        x[...] = np.nan if failed else linalg.solve_triangular(a, x, **options)


def lapack_qr(q: Array, r: Array, a: Array, _scales: Array, _work: Array) -> None:
    """Write the reduced factors of a matrix."""
    q[...], r[...] = np.linalg.qr(a)


def lapack_eigh(values: Array, vectors: Array, _work: Array, _integers: Array) -> None:
    """Write the eigenvalues of a symmetric matrix, and replace it by its eigenvectors as columns."""
    try:
        values[...], vectors[...] = np.linalg.eigh(finite(vectors))
    except np.linalg.LinAlgError:
        values[...], vectors[...] = np.nan, np.nan


def lapack_svd(u: Array, s: Array, vt: Array, a: Array, _work: Array, _integers: Array) -> None:
    """Write the factors of a matrix, by way of its transpose as native code does."""
    try:
        v, s[...], ut = np.linalg.svd(finite(a).T, full_matrices=False)
        u[...], vt[...] = ut.T, v.T
    except np.linalg.LinAlgError:
        u[...], s[...], vt[...] = np.nan, np.nan, np.nan


NAMES = {name: value for name, value in globals().items() if name.startswith("lapack_")}
