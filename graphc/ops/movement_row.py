"""Movement rows: operations that only say where each element of the result comes from.

The index map is the lowering: the kernel compiler calls it with symbolic indices, the tests with numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.graph.dimensions import Shape, Size
from graphc.graph.node import Expr, Gradient, Operation
from graphc.graph.table import OPERATIONS
from graphc.graph.types import DType

Index: TypeAlias = Any
"""A position on one axis: anything with + - * // % and comparisons (a kernel value, an integer, an array)."""


@dataclass(frozen=True, slots=True)
class Source:
    """One place elements come from: an element of an argument, or a fill value where argument is None.

    Of a list of sources the first whose guard holds gives the element; a guard of None always holds.
    """

    argument: int | None
    index: tuple[Index, ...] = ()
    guard: Any = None
    fill: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class MovementOperation(Operation):
    """A row whose result only moves, repeats or drops elements of its arguments; linear in them.

    Columns:
        shape: (node's arguments, attributes) -> shape of the result.
        sources: (node, output index) -> the sources of that element, first match wins.
        adjoint: (node, adjoint of the result, argument number) -> adjoint of that argument.
        tangent: (node, tangents) -> tangent; by default the operation on the tangents, zeros for None.
    """

    shape_rule: Callable[[Sequence[Expr], dict[str, Any]], Shape]
    sources: Callable[..., list[Source]]
    adjoint: Callable[[Expr, Expr, int], Expr]
    tangent: Callable[[Expr, Sequence[Gradient]], Expr]
    reference: Callable[..., Any]
    """(arrays, shape, attributes) -> array: the same in NumPy, every size a number; the arrays may hold objects."""
    view: bool = False
    """Whether the result is the argument's memory read in another shape (reshape)."""

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return arguments[0].dtype, self.shape_rule(arguments, attributes)

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        return None if all(tangent is None for tangent in tangents) else self.tangent(node, tangents)

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        return [self.adjoint(node, adjoint, number) if want else None for number, want in enumerate(wanted)]

    def flops(self, node: Expr) -> Size:
        return 0


def movement(**columns: Any) -> MovementOperation:
    """Return a new movement row, entered in the table."""
    row = MovementOperation(**columns)
    OPERATIONS[row.name] = row
    return row
