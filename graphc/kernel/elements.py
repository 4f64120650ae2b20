"""Small arrays of many items become an expression for each element, so that an item is computed in registers.

Of a function of one item, mapped over many, every small array then is a few values of the one loop over the
items: a rotation is nine of them, a stack of numbers is these numbers, a slice is some of them. What is not
needed is not there, zeros of a Jacobian's directions included.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from graphc.graph.dimensions import Shape, Size, product
from graphc.graph.leaf import constant, constant_value, is_constant, is_pattern
from graphc.graph.node import Expr, build
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.types import DType
from graphc.graph.walk import reaching, topological_order, with_arguments
from graphc.kernel.assembly import ASSEMBLE, item_axis, places_of
from graphc.kernel.cells import Cell, Cells, Elements
from graphc.kernel.partition import CHEAP
from graphc.ops.contraction_row import CONTRACT
from graphc.ops.diagonals import ON_DIAGONAL, TRIANGLE
from graphc.ops.joining import CONCATENATE
from graphc.ops.lookup_row import GATHER
from graphc.ops.movement_row import MovementOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation
from graphc.ops.slicing import EMBED

MANY = 16
"""So many items are a loop worth having."""
LARGEST = 32
"""Arrays of more elements an item stay arrays."""
WIDEST = 256
"""The same for those that hold a number for each direction of a Jacobian: most are zeros."""
ELEMENTARY = 9
"""Elementary functions of more elements an item are better left to loops, which have vectors for them."""
LONGEST = 1024
"""Contractions of more multiplications an item stay products of matrices."""
REACH = 20_000
"""Elements in all, zeros included, of nodes that are looked at."""
MOST = 4000
"""Graphs stay as they are where they would be longer by so many nodes: so would the code."""
MIXING = (CONCATENATE, EMBED, ON_DIAGONAL, TRIANGLE)
"""Rows that put arrays together of elements of others."""


def in_elements(roots: Sequence[Expr]) -> list[Expr]:
    """Return normalised roots with the small arrays of many items in elements, where arrays would be put together."""
    current = list(roots)
    for count in _counts(current):
        order = topological_order(current)
        linear = reaching(order, [node for node in order if is_pattern(node)])
        chosen = _chosen(order, count, linear)
        if sum(_size(node, count) for node in chosen) <= REACH:
            found = _Rewriting(current, count, chosen, linear).roots()
            current = found if len(topological_order(found)) <= len(order) + MOST else current
    return current


def _counts(roots: Sequence[Expr]) -> list[Size]:
    """Return the numbers of items that nodes put arrays together for."""
    found: dict[Size, None] = {}
    for node in topological_order(roots):
        if node.op in MIXING:
            named = [size for size in node.shape if not isinstance(size, int)]
            first = node.shape[0] if node.shape else 0
            count = named[0] if named else first
            if not isinstance(count, int) or count >= MANY:
                found.setdefault(count)
    return list(found)


def _is_candidate(node: Expr, count: Size, linear: bool) -> bool:
    """Tell whether a node is a small array that may be computed element by element.

    It is one of each item; or one of numbers that the directions of a Jacobian lead to.
    """
    axis = item_axis(node.shape, count)
    if axis is None and not (linear and all(isinstance(size, int) for size in node.shape)):
        return False
    each = product(size for number, size in enumerate(node.shape) if number != axis)
    if node.op is GATHER or not isinstance(each, int) or not 0 < each <= (WIDEST if linear else LARGEST):
        return False
    if node.op is CONTRACT:  # others are long enough for a library: see `normalise`
        return linear and _is_short(node, each)
    if isinstance(node.op, ScalarOperation):
        return node.op.cost <= CHEAP or each <= ELEMENTARY
    return isinstance(node.op, (MovementOperation, ReductionOperation))


def _is_short(node: Expr, each: int) -> bool:
    """Tell whether a contraction with so many elements an item has few multiplications."""
    labels, out = node.attribute("left"), node.attribute("out")
    terms = product(size for label, size in zip(labels, node.args[0].shape, strict=True) if label not in out)
    return isinstance(terms, int) and each * terms <= LONGEST


def _chosen(order: Sequence[Expr], count: Size, linear: set[Expr]) -> set[Expr]:
    """Return the nodes to be computed in elements: candidates connected with one that mixes elements."""
    near: dict[Expr, list[Expr]] = {node: [] for node in order if _is_candidate(node, count, node in linear)}
    for node in near:
        for argument in node.args:
            if argument in near:
                near[node].append(argument)
                near[argument].append(node)
    chosen: set[Expr] = set()
    seen: set[Expr] = set()
    for node in near:
        if node not in seen:
            component = _connected(node, near)
            seen |= component
            if any(_mixes(each, count) for each in component):
                chosen |= component
    return chosen


def _mixes(node: Expr, count: Size) -> bool:
    """Tell whether a node puts arrays of an item together, not of items."""
    return node.op in MIXING and all(item_axis(each.shape, count) is not None for each in (node, *node.args))


def _size(node: Expr, count: Size) -> int:
    """Return how many elements a node has for each item."""
    return len(places_of(node.shape, item_axis(node.shape, count)))


def _connected(start: Expr, near: dict[Expr, list[Expr]]) -> set[Expr]:
    """Return the nodes that a walk from one reaches."""
    found, stack = {start}, [start]
    while stack:
        for other in near[stack.pop()]:
            if other not in found:
                found.add(other)
                stack.append(other)
    return found


class _Rewriting:
    """Roots being rewritten: what each node became, and the elements of those that are computed in elements."""

    def __init__(self, given: Sequence[Expr], count: Size, chosen: set[Expr], linear: set[Expr]) -> None:
        self.given = given
        self.count = count
        self.chosen = chosen
        self.linear = linear
        self.became: dict[Expr, Expr] = {}
        self.cells: dict[Expr, Cells] = {}

    def roots(self) -> list[Expr]:
        """Return the roots rewritten."""
        for node in topological_order(self.given):
            with inherit_origin(node.origin):
                cells = self._cells(node) if node in self.chosen else None
                if cells is not None:
                    self.cells[node] = cells
                if cells is None or item_axis(node.shape, self.count) is None:
                    self.became[node] = with_arguments(node, tuple(self._whole(argument) for argument in node.args))
        return [self._whole(root) for root in self.given]

    def _cells(self, node: Expr) -> Cells | None:
        """Return the elements of a node, None where it stays an array."""
        shape: Shape = () if item_axis(node.shape, self.count) is None else (self.count,)
        arguments = [partial(self._find, argument, shape) for argument in node.args]
        return Elements(node, arguments, self.count, node in self.linear).cells()

    def _whole(self, node: Expr) -> Expr:
        """Return a node as an array."""
        if node not in self.became:
            cells = [_filled(cell, node.dtype, self.count) for cell in self.cells[node].values()]
            axis = item_axis(node.shape, self.count)
            whole = cells[0] if node.ndim == 1 else build(ASSEMBLE, *cells, shape=node.shape, axis=axis)
            self.became[node] = whole
        return self.became[node]

    def _find(self, node: Expr, shape: Shape, index: tuple[Any, ...]) -> Cell:
        """Return an element of a node, broadcast to a shape."""
        axis = item_axis(node.shape, self.count)
        place = index if axis is None else (*index[:axis], *index[axis + 1 :])
        if node in self.cells:
            cell = self.cells[node][place]
            return None if cell is None else apply("broadcast_to", cell, shape)
        whole = self._whole(node)
        if axis is not None:
            return whole[(*place[:axis], slice(None), *place[axis:])] if node.ndim > 1 else whole
        if is_constant(node):
            value = constant_value(node)[index]
            return None if is_pattern(node) and value == 0 else apply("broadcast_to", constant(value), shape)
        return apply("broadcast_to", whole[index] if index else whole, shape)


def _filled(cell: Cell, dtype: DType, count: Size) -> Expr:
    """Return an element as an expression of all items."""
    return apply("broadcast_to", constant(0, dtype), (count,)) if cell is None else cell
