"""The elements of a node for all items, from those of its arguments: a small matrix is nine expressions.

An element is None where a zero means that there is nothing: in the directions of a Jacobian, and in what is linear
in them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from graphc.graph.dimensions import Shape, Size, product
from graphc.graph.leaf import constant
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import DType
from graphc.kernel.assembly import Place, item_axis, places_of
from graphc.kernel.ir import Name
from graphc.kernel.nest import accumulator_dtype
from graphc.ops.contraction_row import CONTRACT
from graphc.ops.movement import RESHAPE
from graphc.ops.movement_row import MovementOperation, Source
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation

Cell: TypeAlias = "Expr | None"
Cells: TypeAlias = "Mapping[Place, Cell]"
Argument: TypeAlias = "Callable[[tuple[Any, ...]], Cell]"
"""An argument's element at an index, which has the item where its axis of items is."""

ITEM = Name("item")
FOLDS = ("add", "multiply", "maximum", "minimum", "logical_and", "logical_or")
PRODUCTS = ("multiply", "guarded_multiply")
FIRST = ("divide", "guarded_divide", "negative", "astype")
"""Operations that are nothing where their first argument is."""


class Unsuited(Exception):
    """The elements of a node do not follow from single elements of its arguments."""


class Elements:
    """A node whose elements are asked for.

    Attributes:
        arguments: how the elements of each argument are found, of the shape of the node's own.
        shape: the shape of an element: one for each item, or none where the node is the same for all items.
        linear: whether the node is linear in directions of a Jacobian, so that fills are nothing.
    """

    def __init__(self, node: Expr, arguments: Sequence[Argument], count: Size, linear: bool) -> None:
        self.node = node
        self.arguments = arguments
        self.axis = item_axis(node.shape, count)
        self.argument_axes = [item_axis(argument.shape, count) for argument in node.args]
        self.shape: Shape = () if self.axis is None else (count,)
        self.linear = linear

    def cells(self) -> Cells | None:
        """Return the elements by place, None where they do not follow from single elements of the arguments."""
        try:
            return {place: self._cell(self._index(place)) for place in places_of(self.node.shape, self.axis)}
        except Unsuited:
            return None

    def _index(self, place: Place) -> tuple[Any, ...]:
        """Return the index of an element of all items."""
        return place if self.axis is None else (*place[: self.axis], ITEM, *place[self.axis :])

    def _cell(self, index: tuple[Any, ...]) -> Cell:
        """Return the element at an index."""
        op = self.node.op
        if isinstance(op, ScalarOperation):
            return self._scalar([argument(index) for argument in self.arguments])
        if isinstance(op, ReductionOperation):
            return self._reduced(op, index)
        if op is CONTRACT:
            return self._contracted(index)
        if op is RESHAPE:
            return self._reshaped(index)
        if isinstance(op, MovementOperation):
            return self._moved(op, index)
        raise Unsuited

    def _filled(self, cell: Cell, dtype: DType) -> Expr:
        """Return an element as an expression."""
        return apply("broadcast_to", constant(0, dtype), self.shape) if cell is None else cell

    def _scalar(self, cells: Sequence[Cell]) -> Cell:
        """Return a scalar row of elements; what is linear in nothing is nothing."""
        name = self.node.op.name
        if (name in PRODUCTS and None in cells) or (name in FIRST and cells[0] is None):
            return None
        if name == "where" and cells[1] is None and cells[2] is None:
            return None
        if name in ("add", "subtract") and None in cells:
            first, second = cells
            return first if second is None else second if name == "add" else apply("negative", second)
        given = [self._filled(cell, a.dtype) for cell, a in zip(cells, self.node.args, strict=True)]
        return build(self.node.op, *given, **dict(self.node.attributes))

    def _reduced(self, op: ReductionOperation, index: tuple[Any, ...]) -> Cell:
        """Return what elements of an item fold to."""
        (argument,), axes = self.node.args, self.node.attribute("axes")
        sizes = [argument.shape[axis] for axis in axes]
        if op.fold not in FOLDS or not all(isinstance(size, int) and size > 0 for size in sizes):
            raise Unsuited
        dtype, terms = accumulator_dtype(op.fold, self.node.dtype), []
        for inner in itertools.product(*map(range, sizes)):
            within, others = dict(zip(axes, inner, strict=True)), iter(index)
            at = tuple(within[axis] if axis in within else next(others) for axis in range(argument.ndim))
            cell = self.arguments[0](at)
            cell = cell if op.fold == "add" else self._filled(cell, argument.dtype)
            terms.append(cell if cell is None else apply("astype", apply("astype", cell, self.node.dtype), dtype))
        total = _folded(terms, op.fold)
        return None if total is None else apply("astype", total, self.node.dtype)

    def _contracted(self, index: tuple[Any, ...]) -> Cell:
        """Return an element of a contraction as its products, added one by one."""
        labels = [self.node.attribute("left"), self.node.attribute("right")]
        out = dict(zip(self.node.attribute("out"), index, strict=True))
        sizes = {
            label: size
            for text, each in zip(labels, self.node.args, strict=True)
            for label, size in zip(text, each.shape, strict=True) if label not in out and isinstance(size, int)
        }  # fmt: skip
        terms = []
        for at in itertools.product(*map(range, sizes.values())):
            where = out | dict(zip(sizes, at, strict=True))
            parts = [a(tuple(where[label] for label in text)) for a, text in zip(self.arguments, labels, strict=True)]
            terms.append(None if None in parts else apply("multiply", *parts))
        return _folded(terms, "add")

    def _reshaped(self, index: tuple[Any, ...]) -> Cell:
        """Return the element of a reshape that keeps the items: the other axes are counted on either side of theirs."""
        old, new, before, after = self.node.args[0].shape, self.node.shape, self.argument_axes[0], self.axis
        if before is None or after is None:
            if before is not after:
                raise Unsuited
            return self.arguments[0](_renumbered(index, new, old))
        if product(old[:before]) != product(new[:after]):
            raise Unsuited
        left = _renumbered(index[:after], new[:after], old[:before])
        right = _renumbered(index[after + 1 :], new[after + 1 :], old[before + 1 :])
        return self.arguments[0]((*left, ITEM, *right))

    def _moved(self, op: MovementOperation, index: tuple[Any, ...]) -> Cell:
        """Return the element of a movement row whose index map leaves the item alone."""
        source = _first(op.sources(self.node, index))
        if source.argument is None:
            nothing = self.linear and source.fill == 0
            return None if nothing else apply("broadcast_to", constant(source.fill, self.node.dtype), self.shape)
        axis = self.argument_axes[source.argument]
        if not all(i == ITEM if number == axis else isinstance(i, int) for number, i in enumerate(source.index)):
            raise Unsuited
        return self.arguments[source.argument](source.index)


def _folded(terms: Sequence[Cell], fold: str) -> Cell:
    """Return terms folded one by one, without those that are nothing."""
    total: Cell = None
    for term in terms:
        if term is not None:
            total = term if total is None else apply(fold, total, term)
    return total


def _renumbered(place: Sequence[int], shape: Shape, other: Shape) -> Place:
    """Return where the element at a place of one shape is in another of as many elements."""
    number = 0
    for position, size in zip(place, shape, strict=True):
        number = number * int(size) + position
    found: list[int] = []
    for size in reversed(other):
        number, rest = divmod(number, int(size))
        found.append(rest)
    return tuple(reversed(found))


def _first(sources: Sequence[Source]) -> Source:
    """Return the source that gives an element."""
    for source in sources:
        if source.guard is None or source.guard is True:
            return source
        if source.guard is not False:
            break
    raise Unsuited
