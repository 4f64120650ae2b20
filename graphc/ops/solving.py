"""Linear systems: solutions, inverses, determinants, and the triangular factors they are computed from.

Derivatives: Giles, An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation (2008), sections 2.2 and 2.3. Solving with the transpose, inverting and taking the
determinant of the same matrix share one factorisation: see the expansions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.graph.dimensions import Size
from graphc.graph.node import Expr, Gradient, build
from graphc.graph.table import apply
from graphc.ops.diagonals import lower_triangle, main_diagonal, upper_triangle
from graphc.ops.matrices import batch_of, given, negative, plus, times, transposed
from graphc.ops.matrix_row import Types, factors, matrix_row


def _like_last(arguments: Sequence[Expr], _attributes: dict[str, Any]) -> Types:
    return [(arguments[-1].dtype, arguments[-1].shape)]


def _cubed(node: Expr) -> Size:
    """Return ``2 n**3 / 3``, rounded down."""
    n = node.args[0].shape[-1]
    return n * n * n * 2 // 3


def _for_each_column(node: Expr) -> Size:
    """Return ``2 n**2`` for each right side."""
    n, columns = node.args[-1].shape[-2:]
    return n * n * columns * 2


def _swap(matrix: Any) -> Any:
    return np.swapaxes(matrix, -1, -2)


LU = matrix_row(
    name="lu",
    types=lambda arguments, _: [
        (arguments[0].dtype, arguments[0].shape),
        ("int32", arguments[0].shape[:-1]),
    ],
    reference=None,
    work=_cubed,
)
"""The factors that LAPACK's getrf gives of the transposes, in one matrix, and its pivots, counted from 1."""

LU_SOLVE = matrix_row(name="lu_solve", types=_like_last, reference=None, work=_for_each_column, kept=(0, 1))
"""The solution of a system from factors and pivots; attribute ``transposed``."""

LU_INVERSE = matrix_row(
    name="lu_inverse",
    types=lambda arguments, _: [(arguments[0].dtype, arguments[0].shape)],
    reference=None,
    work=lambda node: _cubed(node) * 2,
    kept=(1,),
)
"""The inverse from factors and pivots."""


def _solve_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    a, _ = node.args
    dot_a, dot_b = tangents
    if dot_a is not None:
        moved = times(transposed(dot_a) if node.attribute("transposed") else dot_a, node)
        dot_b = plus(dot_b, negative(moved))
    return [solved(a, given(dot_b), node.attribute("transposed"))]


def _solve_pull(node: Expr, adjoints: Sequence[Gradient], wanted: Sequence[bool]) -> list[Gradient]:
    a, _ = node.args
    bar_b = solved(a, given(adjoints[0]), not node.attribute("transposed"))
    bar_a = None
    if wanted[0]:
        left, right = (node, bar_b) if node.attribute("transposed") else (bar_b, node)
        bar_a = negative(times(left, transposed(right)))
    return [bar_a, bar_b if wanted[1] else None]


SOLVE = matrix_row(
    name="solve",
    types=_like_last,
    reference=lambda arrays, attributes: np.linalg.solve(
        _swap(arrays[0]) if attributes["transposed"] else arrays[0], arrays[1]
    ),
    work=lambda node: _cubed(node) + _for_each_column(node),
    push=_solve_push,
    pull=_solve_pull,
    expand=lambda node: [
        build(LU_SOLVE, *factors(LU, node.args[0]), node.args[1], transposed=node.attribute("transposed"))
    ],
)
INV = matrix_row(
    name="inv",
    types=_like_last,
    reference=lambda arrays, _: np.linalg.inv(arrays[0]),
    work=lambda node: _cubed(node) * 3,
    push=lambda node, tangents: [negative(times(node, given(tangents[0]), node))],
    pull=lambda node, adjoints, _: [negative(times(transposed(node), given(adjoints[0]), transposed(node)))],
    expand=lambda node: [build(LU_INVERSE, *factors(LU, node.args[0]))],
)


def _slogdet_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    (a,) = node.args
    inverse = transposed(build(INV, a))
    return [None, apply("sum", apply("multiply", inverse, given(tangents[0])), axis=(-2, -1))]


def _slogdet_pull(node: Expr, adjoints: Sequence[Gradient], _wanted: Sequence[bool]) -> list[Gradient]:
    (a,) = node.args
    if adjoints[1] is None:
        return [None]
    return [apply("multiply", transposed(build(INV, a)), apply("expand_dims", adjoints[1], (-2, -1)))]


def _slogdet_expand(node: Expr) -> list[Expr]:
    """Return sign and logarithm from the diagonal of the factors, and from which rows were exchanged."""
    matrix, pivots = factors(LU, node.args[0])
    diagonal = main_diagonal(matrix)
    places = apply("add", apply("arange", pivots.shape[-1]), 1)
    one = apply("ones_like", diagonal)
    exchanged = apply("not_equal", apply("astype", pivots, "int64"), places)
    signs = apply("where", exchanged, negative(one), one)
    return [
        apply("prod", apply("multiply", signs, apply("sign", diagonal)), axis=-1),
        apply("sum", apply("log", apply("abs", diagonal)), axis=-1),
    ]


SLOGDET = matrix_row(
    name="slogdet",
    types=lambda arguments, _: [(arguments[0].dtype, batch_of(arguments))] * 2,
    reference=lambda arrays, _: tuple(np.linalg.slogdet(arrays[0])),
    work=_cubed,
    push=_slogdet_push,
    pull=_slogdet_pull,
    expand=_slogdet_expand,
)


def _triangular_reference(arrays: Sequence[Any], attributes: dict[str, Any]) -> Any:
    """Return the solution; the other triangle, and the diagonal where it is ones, are never read."""
    a = (np.tril if attributes["lower"] else np.triu)(
        arrays[0], (-1 if attributes["lower"] else 1) * attributes["unit"]
    )
    if attributes["unit"]:
        a = a + np.eye(a.shape[-1], dtype=a.dtype)
    return np.linalg.solve(_swap(a) if attributes["transposed"] else a, arrays[1])


def _triangular_push(node: Expr, tangents: Sequence[Gradient]) -> list[Gradient]:
    a, _ = node.args
    dot_a, dot_b = tangents
    if dot_a is not None:
        part = _triangle_of(dot_a, node)
        moved = times(transposed(part) if node.attribute("transposed") else part, node)
        dot_b = plus(dot_b, negative(moved))
    return [build(TRIANGULAR, a, given(dot_b), **dict(node.attributes))]


def _triangular_pull(node: Expr, adjoints: Sequence[Gradient], wanted: Sequence[bool]) -> list[Gradient]:
    a, _ = node.args
    attributes = dict(node.attributes) | {"transposed": not node.attribute("transposed")}
    bar_b = build(TRIANGULAR, a, given(adjoints[0]), **attributes)
    bar_a = None
    if wanted[0]:
        left, right = (node, bar_b) if node.attribute("transposed") else (bar_b, node)
        bar_a = _triangle_of(negative(times(left, transposed(right))), node)
    return [bar_a, bar_b if wanted[1] else None]


def _triangle_of(matrix: Expr, node: Expr) -> Expr:
    """Return the part of a matrix that a triangular solution depends on."""
    unit = int(node.attribute("unit"))
    return lower_triangle(matrix, -unit) if node.attribute("lower") else upper_triangle(matrix, unit)


TRIANGULAR = matrix_row(
    name="solve_triangular",
    types=_like_last,
    reference=_triangular_reference,
    work=lambda node: _for_each_column(node) // 2,
    push=_triangular_push,
    pull=_triangular_pull,
    kept=(0,),
)


def solved(a: Expr, b: Expr, transposed: bool = False) -> Expr:
    """Return the solution of ``a @ x = b``, or of ``a.T @ x = b``."""
    return build(SOLVE, a, b, transposed=transposed)


def solved_triangular(a: Expr, b: Expr, lower: bool, transposed: bool = False, unit: bool = False) -> Expr:
    """Return the solution of a system whose matrix is one triangle of ``a``, or that transposed."""
    return build(TRIANGULAR, a, b, lower=lower, transposed=transposed, unit=unit)
