"""Reduction rows: operations that fold some axes of an array into one element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.graph.dimensions import Shape, Size
from graphc.graph.node import Expr, Gradient, Operation
from graphc.graph.table import OPERATIONS, apply
from graphc.graph.types import DType, is_float
from graphc.ops.masked import is_masked

Weight = Callable[[Expr, Expr, Expr], Expr]


def _same_dtype(dtype: DType) -> DType:
    return dtype


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ReductionOperation(Operation):
    """A row that removes the axes in its attribute ``axes`` (sorted, from the front).

    Columns:
        fold: the scalar row that combines an accumulator with an element ("add", "maximum", ...);
            "" where the row is lowered by ``expand`` instead.
        identity: (dtype) -> the neutral element of fold, or None where an empty axis is an error.
        expand: node -> the same value in other rows, used when kernels are made.
        plain: node -> the textbook form, for arrays of symbols, where ``expand`` is a stable rearrangement.
        weight: (node, argument, result broadcast to it) -> d result / d element, elementwise; None
            means one everywhere (sum). It serves both modes.
        result: dtype of the result from that of the argument.
        reference: (array, axes) -> array, the same in NumPy.
    """

    definition: str
    """SymPy text of the value for a list of elements ``xs``, for the docs and the proofs."""
    reference: Callable[..., Any]
    fold: str = ""
    identity: Callable[[DType], Any] | None = None
    expand: Callable[[Expr], Expr] | None = None
    plain: Callable[[Expr], Expr] | None = None
    weight: Weight | None = None
    differentiable: bool = True
    result: Callable[[DType], DType] = _same_dtype
    convention: str = ""

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        (argument,) = arguments
        axes = attributes["axes"]
        shape = tuple(size for axis, size in enumerate(argument.shape) if axis not in axes)
        return self.result(argument.dtype), shape

    def spread(self, node: Expr, value: Expr) -> Expr:
        """Return a value of the result's shape broadcast to the argument's."""
        (argument,) = node.args
        return apply("broadcast_to", apply("expand_dims", value, node.attribute("axes")), argument.shape)

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        (tangent,) = tangents
        if tangent is None or not self.differentiable:
            return None
        if self.weight is not None:
            tangent = self._weighted(tangent, node)
        return apply("sum", tangent, axis=node.attribute("axes"))

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        if not (wanted[0] and self.differentiable):
            return [None]
        spread = self.spread(node, adjoint)
        if self.weight is None:
            return [spread]
        return [self._weighted(spread, node)]

    def _weighted(self, gradient: Expr, node: Expr) -> Expr:
        """Return a tangent or adjoint times the weights; what ``where`` masked stays zero."""
        assert self.weight is not None
        weight = self.weight(node, node.args[0], self.spread(node, node))
        return apply("guarded_multiply" if is_masked(gradient) else "multiply", gradient, weight)

    def flops(self, node: Expr) -> Size:
        return node.args[0].size if is_float(node.dtype) else 0


def reduction(**columns: Any) -> ReductionOperation:
    """Return a new reduction row, entered in the table."""
    row = ReductionOperation(**columns)
    OPERATIONS[row.name] = row
    return row
