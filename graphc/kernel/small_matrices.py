"""Factors and solutions of small matrices of many items, written out: what LAPACK does, by sums and products.

A call of LAPACK takes longer than all the arithmetic of a matrix of three rows, and needs it in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeAlias

from graphc.graph.dimensions import Size
from graphc.graph.leaf import constant
from graphc.graph.node import Expr
from graphc.graph.table import apply

MANY = 16
"""Batches of so many matrices are loops."""
SIZE = 3
"""Matrices of more rows are LAPACK's."""
Rows: TypeAlias = "list[list[Expr]]"


def written_out(node: Expr) -> Expr | None:
    """Return a matrix row of small matrices as sums and products of their elements, None for others."""
    write = ROWS.get(node.op.name)
    if write is None or node.ndim != 3 or not _are_many(node.shape[0]):
        return None
    if not all(isinstance(size, int) and 0 < size <= SIZE for size in node.shape[1:]):
        return None
    found, ends = write(node)
    fine = reduce(lambda a, b: apply("logical_and", a, b), ends)
    nan = constant(float("nan"), node.dtype)
    rows = [apply("stack", [apply("where", fine, element, nan) for element in row], -1) for row in found]
    return apply("stack", rows, -2)


def _are_many(count: Size) -> bool:
    return not isinstance(count, int) or count >= MANY


def _rows(matrix: Expr, transposed: bool = False) -> Rows:
    """Return the elements of matrices, row by row, or column by column."""
    rows, columns = (range(size) for size in matrix.shape[1:] if isinstance(size, int))
    if transposed:
        return [[matrix[:, i, j] for i in rows] for j in columns]
    return [[matrix[:, i, j] for j in columns] for i in rows]


def _less_products(value: Expr, factors: Sequence[tuple[Expr, Expr]]) -> Expr:
    """Return a value less the sum of some products, taken away one by one."""
    for left, right in factors:
        value = apply("subtract", value, apply("multiply", left, right))
    return value


def _cholesky(node: Expr) -> tuple[Rows, list[Expr]]:
    """Return the lower factor; each number under a root must be positive."""
    given = _rows(node.args[0])
    found: Rows = [[apply("zeros_like", element) for element in row] for row in given]
    fine = []
    for j in range(len(given)):
        square = _less_products(given[j][j], [(found[j][k], found[j][k]) for k in range(j)])
        fine.append(apply("greater", square, 0))
        found[j][j] = apply("sqrt", square)
        for i in range(j + 1, len(given)):
            rest = _less_products(given[i][j], [(found[i][k], found[j][k]) for k in range(j)])
            found[i][j] = apply("divide", rest, found[j][j])
    return found, fine


def _inverse(node: Expr) -> tuple[Rows, list[Expr]]:
    """Return the inverse as the solution for the identity."""
    given = _rows(node.args[0])
    names = [["ones_like" if i == j else "zeros_like" for j in range(len(given))] for i in range(len(given))]
    return _solved(given, [[apply(name, given[0][0]) for name in row] for row in names])


def _solution(node: Expr) -> tuple[Rows, list[Expr]]:
    """Return the solution of systems, or of transposed ones."""
    return _solved(_rows(node.args[0], node.attribute("transposed")), _rows(node.args[1]))


def _solved(left: Rows, right: Rows) -> tuple[Rows, list[Expr]]:
    """Return the solution by elimination with the greatest pivot of each column; none may be zero."""
    size = len(left)
    rows = [[*first, *second] for first, second in zip(left, right, strict=True)]
    for k in range(size):
        for r in range(k + 1, size):
            larger = apply("greater", apply("abs", rows[r][k]), apply("abs", rows[k][k]))
            pairs = list(zip(rows[k], rows[r], strict=True))
            rows[k] = [apply("where", larger, below, above) for above, below in pairs]
            rows[r] = [apply("where", larger, above, below) for above, below in pairs]
        for r in range(k + 1, size):
            factor = apply("divide", rows[r][k], rows[k][k])
            rest = [_less_products(b, [(factor, a)]) for a, b in zip(rows[k][k + 1 :], rows[r][k + 1 :], strict=True)]
            rows[r] = [*rows[r][: k + 1], *rest]
    return _substituted([row[:size] for row in rows], [row[size:] for row in rows], range(size - 1, -1, -1))


def _triangular(node: Expr) -> tuple[Rows, list[Expr]]:
    """Return the solution of triangular systems."""
    transposed, size = node.attribute("transposed"), len(_rows(node))
    upwards = node.attribute("lower") == transposed
    order = range(size - 1, -1, -1) if upwards else range(size)
    return _substituted(_rows(node.args[0], transposed), _rows(node.args[1]), order, node.attribute("unit"))


def _substituted(left: Rows, right: Rows, order: range, unit: bool = False) -> tuple[Rows, list[Expr]]:
    """Return the solution of a triangular system, its rows in the order in which they are known."""
    found: Rows = [[] for _ in left]
    fine = []
    for place, i in enumerate(order):
        for column in range(len(right[i])):
            rest = _less_products(right[i][column], [(left[i][k], found[k][column]) for k in order[:place]])
            found[i].append(rest if unit else apply("divide", rest, left[i][i]))
        fine.append(apply("equal", left[i][i], left[i][i]) if unit else apply("not_equal", left[i][i], 0))
    return found, fine


ROWS: dict[str, Callable[[Expr], tuple[Rows, list[Expr]]]] = {
    "cholesky": _cholesky,
    "inv": _inverse,
    "solve": _solution,
    "solve_triangular": _triangular,
}
"""By the name of the row: the elements of the result, and what must hold, else all are NaN."""
