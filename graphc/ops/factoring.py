"""Factorisations of matrices: Cholesky, QR, eigenvalues, singular values, and the pseudoinverse made of these.

Derivatives: Giles (2008), see `graphc.ops.solving`; Murray, Differentiation of the Cholesky decomposition (2016);
Walter & Lehmann, Algorithmic differentiation of linear algebra functions (2018) for QR; Townsend,
Differentiating the singular value decomposition (2016); Golub & Pereyra (1973) for the pseudoinverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.graph.dimensions import Size, smaller
from graphc.graph.node import Expr, Gradient, build
from graphc.graph.table import apply
from graphc.ops.diagonals import lower_triangle, main_diagonal, on_diagonal
from graphc.ops.matrices import (
    batch_of,
    columns_times,
    finite,
    given,
    negative,
    plus,
    reciprocal_gaps,
    safe_reciprocal,
    symmetric_part,
    times,
    transposed,
)
from graphc.ops.matrix_row import Types, factors, matrix_row, results_of
from graphc.ops.slicing import take_slice
from graphc.ops.solving import solved_triangular


def _cube(node: Expr) -> Size:
    n = node.args[0].shape[-1]
    return n * n * n


def _halved(matrix: Expr) -> Expr:
    """Return the lower triangle with its diagonal halved: Murray's function Phi."""
    strict = lower_triangle(matrix, -1)
    return apply("add", strict, on_diagonal(apply("multiply", main_diagonal(matrix), 0.5), matrix.shape[-2:]))


def _cholesky_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    half = solved_triangular(node, given(tangents[0]), lower=True)
    inner = transposed(solved_triangular(node, transposed(half), lower=True))
    return [times(node, _halved(inner))]


def _cholesky_pull(node: Expr, adjoints: Sequence[Gradient], _wanted: Sequence[bool]) -> list[Gradient]:
    inner = symmetric_part(_halved(times(transposed(node), lower_triangle(given(adjoints[0])))))
    left = solved_triangular(node, inner, lower=True, transposed=True)
    return [transposed(solved_triangular(node, transposed(left), lower=True, transposed=True))]


CHOLESKY = matrix_row(
    name="cholesky",
    types=lambda arguments, _: [(arguments[0].dtype, arguments[0].shape)],
    reference=lambda arrays, _: np.linalg.cholesky(arrays[0]),
    work=lambda node: _cube(node) // 3,
    push=_cholesky_push,
    pull=_cholesky_pull,
)
"""The lower triangular factor of a matrix that is symmetric: tangents are symmetric too, and adjoints are given so."""


def _qr_types(arguments: Sequence[Expr], _attributes: dict[str, Any]) -> Types:
    dtype, shape = arguments[0].dtype, arguments[0].shape
    rank = smaller(shape[-2], shape[-1])
    return [(dtype, (*shape[:-1], rank)), (dtype, (*shape[:-2], rank, shape[-1]))]


def _right_divided(matrix: Expr, r: Expr, transpose: bool = False) -> Expr:
    """Return ``matrix @ inv(r)`` of an upper triangular ``r``, or with the transpose of the inverse."""
    return transposed(solved_triangular(r, transposed(matrix), lower=False, transposed=not transpose))


def _qr_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    q, r = results_of(node)
    ratio = _right_divided(given(tangents[0]), r)
    inner = times(transposed(q), ratio)
    below = lower_triangle(inner, -1)
    rest = apply("subtract", inner, apply("subtract", below, transposed(below)))
    return [apply("subtract", ratio, times(q, rest)), times(rest, r)]


def _qr_pull(node: Expr, adjoints: Sequence[Gradient], _wanted: Sequence[bool]) -> list[Gradient]:
    q, r = results_of(node)
    bar_q, bar_r = adjoints
    inner = plus(
        None if bar_r is None else times(r, transposed(bar_r)),
        None if bar_q is None else negative(times(transposed(bar_q), q)),
    )
    lower = lower_triangle(given(inner))
    mirrored = apply("add", lower, transposed(lower_triangle(given(inner), -1)))
    return [_right_divided(given(plus(bar_q, times(q, mirrored))), r, transpose=True)]


QR = matrix_row(
    name="qr",
    types=_qr_types,
    reference=lambda arrays, _: tuple(np.linalg.qr(arrays[0])),
    work=lambda node: node.args[0].shape[-2] * node.args[0].shape[-1] * node.args[0].shape[-1] * 4,
    push=_qr_push,
    pull=_qr_pull,
)
"""The reduced factors of matrices that have at least as many rows as columns."""


def _eigh_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    values, vectors = results_of(node)
    inner = times(transposed(vectors), given(tangents[0]), vectors)
    return [main_diagonal(inner), times(vectors, apply("multiply", reciprocal_gaps(values), inner))]


def _eigh_pull(node: Expr, adjoints: Sequence[Gradient], _wanted: Sequence[bool]) -> list[Gradient]:
    values, vectors = results_of(node)
    bar_values, bar_vectors = adjoints
    inner = None
    if bar_vectors is not None:
        inner = apply("multiply", reciprocal_gaps(values), times(transposed(vectors), bar_vectors))
        inner = symmetric_part(inner)
    if bar_values is not None:
        inner = plus(inner, on_diagonal(bar_values, node.args[0].shape[-2:]))
    return [times(vectors, given(inner), transposed(vectors))]


EIGH = matrix_row(
    name="eigh",
    types=lambda arguments, _: [
        (arguments[0].dtype, arguments[0].shape[:-1]),
        (arguments[0].dtype, arguments[0].shape),
    ],
    reference=lambda arrays, _: tuple(np.linalg.eigh(finite(arrays[0]))),
    work=lambda node: _cube(node) * 9,
    push=_eigh_push,
    pull=_eigh_pull,
)
"""Eigenvalues in ascending order and eigenvectors of matrices that are symmetric, as for `CHOLESKY`."""


def _svd_types(arguments: Sequence[Expr], _attributes: dict[str, Any]) -> Types:
    dtype, (*batch, rows, columns) = arguments[0].dtype, arguments[0].shape
    rank = smaller(rows, columns)
    return [(dtype, (*batch, rows, rank)), (dtype, (*batch, rank)), (dtype, (*batch, rank, columns))]


def _svd_reference(arrays: Sequence[Any], _attributes: dict[str, Any]) -> Any:
    """Return the factors by way of the transpose, as the kernels do: the signs of the vectors are then the same."""
    v, s, ut = np.linalg.svd(np.swapaxes(finite(arrays[0]), -1, -2), full_matrices=False)
    return np.swapaxes(ut, -1, -2), s, np.swapaxes(v, -1, -2)


def _outside(matrix: Expr, basis: Expr) -> Expr:
    """Return the columns of a matrix without their parts in the space of orthonormal columns."""
    return apply("subtract", matrix, times(basis, times(transposed(basis), matrix)))


def _svd_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    u, s, vt = results_of(node)
    dot, v = given(tangents[0]), transposed(vt)
    inner = times(transposed(u), dot, v)
    gaps, inverse = reciprocal_gaps(apply("square", s)), safe_reciprocal(s)
    rows = apply("expand_dims", s, -1)
    left, right = columns_times(inner, s), apply("multiply", rows, inner)
    left_turn = apply("multiply", gaps, apply("add", left, transposed(left)))
    right_turn = apply("multiply", gaps, apply("add", right, transposed(right)))
    dot_u = plus(times(u, left_turn), columns_times(_outside(times(dot, v), u), inverse))
    dot_v = plus(times(v, right_turn), columns_times(_outside(times(transposed(dot), u), v), inverse))
    return [dot_u, main_diagonal(inner), transposed(given(dot_v))]


def _svd_pull(node: Expr, adjoints: Sequence[Gradient], _wanted: Sequence[bool]) -> list[Gradient]:
    u, s, vt = results_of(node)
    bar_u, bar_s, bar_vt = adjoints
    gaps, inverse, v = reciprocal_gaps(apply("square", s)), safe_reciprocal(s), transposed(vt)
    inner, left, right = None, None, None
    if bar_u is not None:
        turn = times(transposed(u), bar_u)
        inner = columns_times(apply("multiply", gaps, apply("subtract", turn, transposed(turn))), s)
        left = times(columns_times(_outside(bar_u, u), inverse), vt)
    if bar_vt is not None:
        bar_v = transposed(bar_vt)
        turn = times(vt, bar_v)
        turned = apply("multiply", gaps, apply("subtract", turn, transposed(turn)))
        inner = plus(inner, apply("multiply", apply("expand_dims", s, -1), turned))
        right = times(u, transposed(columns_times(_outside(bar_v, v), inverse)))
    if bar_s is not None:
        rank = s.shape[-1]
        inner = plus(inner, on_diagonal(bar_s, (rank, rank)))
    return [plus(times(u, given(inner), vt), left, right)]


SVD = matrix_row(
    name="svd",
    types=_svd_types,
    reference=_svd_reference,
    work=lambda node: node.args[0].shape[-2] * node.args[0].shape[-1] * smaller(*node.args[0].shape[-2:]) * 8,
    push=_svd_push,
    pull=_svd_pull,
)


def greatest(values: Expr) -> Expr:
    """Return the first of each line of singular values, which is the greatest; nothing of lines of nothing."""
    size = values.shape[-1]
    return take_slice(values, values.ndim - 1, (0, 1, min(size, 1) if isinstance(size, int) else 1))


def _pinv_expand(node: Expr) -> list[Expr]:
    """Return the pseudoinverse by singular values, those below ``rcond`` times the greatest taken as 0."""
    u, s, vt = factors(SVD, node.args[0])
    least = apply("multiply", greatest(s), node.attribute("rcond"))
    used = apply("greater", s, least)
    inverse = apply("where", used, apply("reciprocal", apply("where", used, s, 1.0)), 0.0)
    return [times(columns_times(transposed(vt), inverse), transposed(u))]


def _pinv_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    a, dot = node.args[0], given(tangents[0])
    dot_t, node_t = transposed(dot), transposed(node)
    first = negative(times(node, dot, node))
    second = times(node, node_t, apply("subtract", dot_t, times(times(dot_t, a), node)))
    third = times(apply("subtract", dot_t, times(node, times(a, dot_t))), node_t, node)
    return [plus(first, second, third)]


def _pinv_pull(node: Expr, adjoints: Sequence[Gradient], _wanted: Sequence[bool]) -> list[Gradient]:
    a, bar = node.args[0], given(adjoints[0])
    bar_t, node_t = transposed(bar), transposed(node)
    first = negative(times(node_t, bar, node_t))
    second = times(apply("subtract", bar_t, times(a, times(node, bar_t))), node, node_t)
    third = times(node_t, node, apply("subtract", bar_t, times(times(bar_t, node), a)))
    return [plus(first, second, third)]


def _pinv_types(arguments: Sequence[Expr], _attributes: dict[str, Any]) -> Types:
    rows, columns = arguments[0].shape[-2:]
    return [(arguments[0].dtype, (*batch_of(arguments), columns, rows))]


PINV = matrix_row(
    name="pinv",
    types=_pinv_types,
    reference=lambda arrays, attributes: np.linalg.pinv(finite(arrays[0]), attributes["rcond"]),
    work=lambda node: node.args[0].shape[-2] * node.args[0].shape[-1] * smaller(*node.args[0].shape[-2:]) * 12,
    push=_pinv_push,
    pull=_pinv_pull,
    expand=_pinv_expand,
)
"""The pseudoinverse; its derivatives hold where the rank is constant."""


def pseudoinverse(node: Expr, rcond: float) -> Expr:
    """Return the pseudoinverse of matrices."""
    return build(PINV, node, rcond=rcond)
