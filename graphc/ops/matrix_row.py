"""Matrix rows: what LAPACK computes of each matrix, the axes before the last two being batches.

Rows with several results (factors) are bundles; their derivatives take and give one adjoint or tangent each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.graph.block import BUNDLE, item
from graphc.graph.dimensions import Shape, Size, product
from graphc.graph.node import Expr, Gradient, Operation, build
from graphc.graph.table import OPERATIONS
from graphc.graph.types import DType

Types: TypeAlias = "Sequence[tuple[DType, Shape]]"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class MatrixOperation(Operation):
    """A row computed matrix by matrix; its arguments have the same batch axes and at least two others.

    Columns:
        types: (arguments, attributes) -> dtype and shape of each result; with more than one the row is a bundle.
        reference: (arrays, attributes) -> array or tuple of arrays, the same in NumPy.
        work: (node) -> floating-point operations for one matrix, to leading order.
        push: (node, tangents, none of them None) -> tangent of each result.
        pull: (node, adjoint of each result or None, wanted) -> contributions to the arguments.
        expand: node -> its results in other rows, used when kernels are made.
        kept: positions of the arguments that LAPACK reads where they are; others are copied to where it works.
    """

    types: Callable[[Sequence[Expr], dict[str, Any]], Types]
    reference: Callable[..., Any]
    work: Callable[[Expr], Size]
    push: Callable[[Expr, Sequence[Gradient]], Sequence[Gradient]] | None = None
    pull: Callable[[Expr, Sequence[Gradient], Sequence[bool]], Sequence[Gradient]] | None = None
    expand: Callable[[Expr], Sequence[Expr]] | None = None
    kept: tuple[int, ...] = ()

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        found = self.types(arguments, attributes)
        return found[0] if len(found) == 1 else (BUNDLE, ())

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        return self.push_results(node, tangents)[0]

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        return self.pull_results(node, {0: adjoint}, wanted)

    def push_results(self, node: Expr, tangents: Sequence[Gradient]) -> Sequence[Gradient]:
        assert self.push is not None
        return self.push(node, tangents)

    def pull_results(self, node: Expr, adjoints: Mapping[int, Expr], wanted: Sequence[bool]) -> Sequence[Gradient]:
        assert self.pull is not None
        count = len(self.types(node.args, dict(node.attributes)))
        return self.pull(node, [adjoints.get(position) for position in range(count)], wanted)

    def flops(self, node: Expr) -> Size:
        return product(node.args[0].shape[:-2]) * self.work(node)


def matrix_row(**columns: Any) -> MatrixOperation:
    """Return a new matrix row, entered in the table."""
    row = MatrixOperation(**columns)
    OPERATIONS[row.name] = row
    return row


def results_of(node: Expr) -> list[Expr]:
    """Return the results of a node of a matrix row."""
    assert isinstance(node.op, MatrixOperation)
    if node.dtype != BUNDLE:
        return [node]
    found = node.op.types(node.args, dict(node.attributes))
    return [item(node, position, dtype, shape) for position, (dtype, shape) in enumerate(found)]


def factors(row: MatrixOperation, *arguments: Expr, **attributes: Any) -> list[Expr]:
    """Return the results of a row on arguments."""
    return results_of(build(row, *arguments, **attributes))
