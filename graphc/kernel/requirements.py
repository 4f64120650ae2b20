"""What must hold of run-time sizes for a graph to have a value: checked before its kernel runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphc.errors import OutOfRangeError, ShapeError
from graphc.graph.dimensions import Dimension, Size, evaluate, product
from graphc.graph.node import Expr
from graphc.graph.origin import Origin, describe_origin
from graphc.graph.types import format_shape
from graphc.ops.lookup_row import GATHER, SCATTER, Places
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.slicing import SLICE


@dataclass(frozen=True, slots=True)
class InRange:
    """A slice reads from ``first`` in steps of ``step`` to ``last``, all within 0 and ``length``."""

    first: Size
    last: Size
    count: Size
    length: Size
    origin: Origin

    def check(self, sizes: dict[str, int]) -> None:
        """Raise when the slice reads outside its argument."""
        first, last, length = (evaluate(size, sizes) for size in (self.first, self.last, self.length))
        if evaluate(self.count, sizes) > 0 and not (0 <= first < length and 0 <= last < length):
            raise ShapeError(
                f"index {first if not 0 <= first < length else last} is out of bounds for size {length}",
                origin=describe_origin(self.origin),
            )


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """A reduction without identity needs an element for each of its results."""

    name: str
    reduced: Size
    results: Size
    shape: tuple[Size, ...]
    origin: Origin

    def check(self, sizes: dict[str, int]) -> None:
        """Raise when there is nothing to reduce."""
        if evaluate(self.reduced, sizes) == 0 and evaluate(self.results, sizes) > 0:
            shape = tuple(evaluate(size, sizes) for size in self.shape)
            raise ShapeError(
                f"{self.name} of no elements: shape {format_shape(shape)} is empty along the reduced axes",
                origin=describe_origin(self.origin),
            )


@dataclass(frozen=True, slots=True)
class HasPlaces:
    """A look-up along an axis needs a place there for each of its elements."""

    limit: Size
    count: Size
    length: Size
    origin: Origin

    def check(self, sizes: dict[str, int]) -> None:
        """Raise when whatever index is out of range."""
        if evaluate(self.count, sizes) > 0 and evaluate(self.limit, sizes) < 1:
            raise OutOfRangeError(
                f"no index is in range for size {evaluate(self.length, sizes)}", origin=describe_origin(self.origin)
            )


Requirement = InRange | NotEmpty | HasPlaces


def requirements(order: Iterable[Expr]) -> list[Requirement]:
    """Return what the sizes of a graph must satisfy, beyond what its shapes say."""
    found: list[Requirement] = []
    for node in order:
        if node.op is SLICE:
            found.extend(_slice_requirements(node))
        elif node.op in (GATHER, SCATTER):
            found.extend(_lookup_requirements(node))
        elif isinstance(node.op, ReductionOperation) and node.op.identity is None and node.op.fold:
            argument, axes = node.args[0], node.attribute("axes")
            reduced = product(argument.shape[axis] for axis in axes)
            if isinstance(reduced, Dimension) or reduced == 0:
                found.append(NotEmpty(node.op.name, reduced, product(node.shape), argument.shape, node.origin))
    return found


def _slice_requirements(node: Expr) -> list[Requirement]:
    """Return the requirements of a slice: one for each axis whose size is open."""
    found: list[Requirement] = []
    cuts = zip(node.attribute("starts"), node.attribute("steps"), node.shape, node.args[0].shape, strict=True)
    for start, step, size, length in cuts:
        if any(isinstance(each, Dimension) for each in (start, size, length)):
            last = start + (size - 1) * step
            found.append(InRange(start, last, size, length, node.origin))
    return found


def _lookup_requirements(node: Expr) -> list[Requirement]:
    """Return the requirements of a look-up: one for each axis that may have no places."""
    places: Places = node.attribute("places")
    lengths = node.args[0].shape
    axes = [number for number, axis in enumerate(places.axes) if axis[1] >= 0]
    limits = [(places.limit(number, lengths[number]), lengths[number]) for number in axes]
    count = product(places.shape)
    return [
        HasPlaces(limit, count, length, node.origin)
        for limit, length in limits
        if isinstance(limit, Dimension) or limit < 1
    ]
