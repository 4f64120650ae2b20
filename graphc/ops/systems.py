"""Functions of square matrices: solutions of linear systems, inverses, determinants, powers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphc.errors import ArgumentError
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.ops.diagonals import on_diagonal
from graphc.ops.matrices import same_rows, square, times
from graphc.ops.matrix_row import factors
from graphc.ops.public import public
from graphc.ops.solving import INV, SLOGDET, solved, solved_triangular

WRITTEN_OUT = 3
"""Determinants of matrices of at most this many rows are sums of products, which fuse with their neighbours."""


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant.

    Attributes:
        sign: shape (...): -1, 0 or 1.
        logabsdet: shape (...).
    """

    sign: Expr
    logabsdet: Expr


@public(name="linalg.solve")
def solve(a: Any, b: Any) -> Expr:
    """Return the solution ``x`` of ``a @ x = b``.

    Args:
        a: shape (..., n, n).
        b: shape (n,), or (..., n, k) for k right sides; of the dtype of ``a``.

    Returns:
        The shape of ``b``, with the batch axes of both; NaN where a matrix is singular, see `graphc.linalg.cholesky`.

    Raises:
        ShapeError: ``a`` holds no square matrices, or ``b`` has another number of rows.
        DTypeError: a dtype is no float, or they differ.

    Source: LAPACK's getrf. Derivative: Giles (2008), section 2.3.1.

    Example:
        >>> import graphc as gx
        >>> gx.linalg.solve(gx.tensor("a", (3, 3)), gx.tensor("b", (3,))).shape
        (3,)
    """
    left, right, vector = same_rows(square(a), b)
    result = solved(left, right)
    return apply("squeeze", result, -1) if vector else result


@public(name="linalg.solve_triangular")
def solve_triangular(a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False) -> Expr:
    """Return the solution of ``a @ x = b`` for triangular ``a``, as ``scipy.linalg.solve_triangular``.

    Args:
        a: shape (..., n, n); the other triangle is not read.
        b: shape (n,), or (..., n, k); of the dtype of ``a``.
        trans: 0 or "N" for ``a @ x = b``, 1 or "T" for ``a.T @ x = b``.
        lower: whether the lower triangle is meant.
        unit_diagonal: whether the diagonal is taken as ones, and not read.

    Raises:
        ShapeError, DTypeError: as `solve`.
        ArgumentError: ``trans`` is something else.

    Source: BLAS's trsm. Derivative: that of `solve`, of one triangle.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.linalg.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0], lower=True))()
        array([1., 2.])
    """
    if trans not in (0, 1, "N", "T"):
        raise ArgumentError(f'trans: 0, 1, "N" or "T" expected, got {trans!r}')
    left, right, vector = same_rows(square(a), b)
    result = solved_triangular(left, right, bool(lower), trans in (1, "T"), bool(unit_diagonal))
    return apply("squeeze", result, -1) if vector else result


@public(name="linalg.inv")
def inv(a: Any) -> Expr:
    """Return the inverse of square matrices; to multiply by it, `solve` is faster and more accurate.

    Args:
        a: shape (..., n, n).

    Returns:
        NaN where a matrix is singular, see `graphc.linalg.cholesky`.

    Raises:
        ShapeError, DTypeError: as `graphc.linalg.cholesky`.

    Source: LAPACK's getrf and getri. Derivative: Giles (2008), section 2.2.3.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.linalg.inv([[2.0, 1.0], [1.0, 1.0]]))().tolist()
        [[1.0, -1.0], [-1.0, 2.0]]
    """
    return build(INV, square(a))


@public(name="linalg.det")
def det(a: Any) -> Expr:
    """Return the determinant of square matrices.

    Up to three rows it is written out, so that its gradient holds for singular matrices too; the gradient of
    larger ones is NaN there.

    Raises:
        ShapeError, DTypeError: as `graphc.linalg.cholesky`.

    Source: LAPACK's getrf. Derivative: Giles (2008), section 2.2.4.

    Example:
        >>> import graphc as gx
        >>> gx.linalg.det(gx.tensor("a", ("batch", 3, 3))).shape
        (batch,)
    """
    node = square(a)
    if isinstance(node.shape[-1], int) and node.shape[-1] <= WRITTEN_OUT:
        return _written_out(node, node.shape[-1])
    sign, logarithm = factors(SLOGDET, node)
    return apply("multiply", sign, apply("exp", logarithm))


def _written_out(node: Expr, size: int) -> Expr:
    """Return the determinant of small matrices, by the elements of their first rows."""
    if size == 0:
        return apply("ones", node.shape[:-2], node.dtype)
    first = [node[..., 0, column] for column in range(size)]
    if size == 1:
        return first[0]
    minors = [[column for column in range(size) if column != left] for left in range(size)]
    if size == 2:
        return first[0] * node[..., 1, 1] - first[1] * node[..., 1, 0]
    parts = [node[..., 1, i] * node[..., 2, j] - node[..., 1, j] * node[..., 2, i] for i, j in minors]
    return first[0] * parts[0] - first[1] * parts[1] + first[2] * parts[2]


@public(name="linalg.slogdet")
def slogdet(a: Any) -> SlogdetResult:
    """Return sign and logarithm of the absolute value of the determinant: 0 and -inf for singular matrices.

    Args:
        a: shape (..., n, n).

    Returns:
        a named tuple (sign, logabsdet), each of shape (...).

    Raises:
        ShapeError, DTypeError: as `graphc.linalg.cholesky`.

    Source: LAPACK's getrf. Derivative: Giles (2008), section 2.2.4.

    Example:
        >>> import graphc as gx
        >>> gx.linalg.slogdet(gx.tensor("a", ("batch", 3, 3))).logabsdet.shape
        (batch,)
    """
    return SlogdetResult(*factors(SLOGDET, square(a)))


@public(name="linalg.matrix_power")
def matrix_power(a: Any, n: int) -> Expr:
    """Return the product of ``n`` times a square matrix; of its inverse where ``n`` is negative.

    Args:
        a: shape (..., n, n).
        n: an integer.

    Raises:
        ShapeError, DTypeError: as `graphc.linalg.cholesky`.
        ArgumentError: ``n`` is no integer.

    Source: repeated squaring.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.linalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 5))().tolist()
        [[1.0, 5.0], [0.0, 1.0]]
    """
    node = square(a)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise ArgumentError(f"n: an integer expected, got {n!r}")
    if n == 0:
        return on_diagonal(apply("ones", node.shape[:-1], node.dtype), node.shape[-2:])
    power, left = (node, int(n)) if n > 0 else (build(INV, node), -int(n))
    result: Expr | None = None
    while left:
        if left % 2:
            result = power if result is None else times(result, power)
        left //= 2
        power = times(power, power) if left else power
    assert result is not None
    return result
