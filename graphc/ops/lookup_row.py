"""The rows of look-ups: elements read at, and written to, places that are themselves values.

`GATHER` reads and `SCATTER` writes; sums written are the adjoint of what is read, and the reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.graph.dimensions import Shape, Size, concrete, evaluate, product
from graphc.graph.node import Expr, Gradient, Operation, build
from graphc.graph.table import OPERATIONS, apply
from graphc.graph.types import DType
from graphc.ops.movement_row import MovementOperation, Source
from graphc.ops.slicing import shift

Axis = tuple[int, int, Size, int]
"""For one axis of the array: axis of the result or -1, number of the index array or -1, start, step."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where each element of a result is in an array.

    Along one axis it is at ``start + step * o + v``: o is the position on an axis of the result (0 for -1),
    v the value of an index array there (0 for -1), counted from the end where it is negative.

    Attributes:
        axes: one `Axis` for each of the array.
        spread: the axes of the result along which all index arrays run.
        shape: the shape of the result.
        drops: whether indices out of range are meant: they read 0 and write nothing. Otherwise they are
            errors: the reference backend raises, kernels stay within the array.
    """

    axes: tuple[Axis, ...]
    spread: tuple[int, ...]
    shape: Shape
    drops: bool = False

    @property
    def count(self) -> int:
        """The number of index arrays: a node's last arguments."""
        return sum(axis[1] >= 0 for axis in self.axes)

    @property
    def distinct(self) -> bool:
        """Whether no two elements can be at one place: each axis with indices tells elements apart itself too."""
        return set(self.spread) <= {out for out, _, _, _ in self.axes}

    def limit(self, axis: int, size: Size) -> Size:
        """Return how many values an index along an axis of that size can have: fewer where it is a start."""
        out = self.axes[axis][0]
        return size if out < 0 else size - self.shape[out] + 1

    def concrete(self, sizes: dict[str, int]) -> Places:
        """Return the places with every size a number."""
        axes = tuple((out, index, evaluate(start, sizes), step) for out, index, start, step in self.axes)
        return Places(axes, self.spread, concrete(self.shape, sizes), self.drops)

    def __repr__(self) -> str:
        """Return what stands in brackets: index arrays by number, slices, integers."""
        return "[" + ", ".join(self._axis_text(*axis) for axis in self.axes) + "]"

    def _axis_text(self, out: int, which: int, start: Size, step: int) -> str:
        first = f"#{which}" if which >= 0 else str(start)
        if out < 0:
            return first
        return (
            f"{first}:{first}+{self.shape[out]}" if which >= 0 else f"{start}:{start + self.shape[out] * step}:{step}"
        )


def gather(x: Expr, indices: Sequence[Expr], places: Places) -> Expr:
    """Return the elements of an array at places."""
    return build(GATHER, x, *indices, places=places)


def scatter(base: Expr, values: Expr, indices: Sequence[Expr], places: Places, fold: str) -> Expr:
    """Return an array with values written to places of it, one after the other.

    Args:
        base: what it is elsewhere; values: of the shape of ``places``.
        fold: "set", or the scalar row that combines the element there with each value.
    """
    return build(SCATTER, base, values, *indices, places=places, fold=fold)


def positions(places: Places, number: int, index: Sequence[Any], values: Sequence[Any]) -> Any:
    """Return where along an axis of the array an element of the result is.

    Args:
        index: the element's place in the result; values: what each index array says there.
    """
    out, which, start, step = places.axes[number]
    found: Any = 0 if out < 0 else index[out] if step == 1 else index[out] * step
    for part in (start, values[which] if which >= 0 else 0):
        found = found if isinstance(part, int) and part == 0 else part if _is_zero(found) else found + part
    return found


def _is_zero(value: Any) -> bool:
    return isinstance(value, int) and value == 0


def _gather_sources(node: Expr, index: tuple[Any, ...], *values: Any) -> list[Source]:
    """Return the source of an element, given what each index array says there."""
    places: Places = node.attribute("places")
    inside = tuple(positions(places, number, index, values) for number in range(len(places.axes)))
    if not places.drops:
        return [Source(0, inside)]
    guard: Any = None
    for number, (_, which, _, _) in enumerate(places.axes):
        if which >= 0:
            limit = places.limit(number, node.args[0].shape[number])
            here = (values[which] >= 0) & (values[which] < limit)
            guard = here if guard is None else guard & here
    return [Source(0, inside)] if guard is None else [Source(0, inside, guard), Source(None)]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class GatherOperation(MovementOperation):
    """A movement whose index map reads its further arguments; ``sources`` takes their values behind the index."""

    reference: Callable[..., Any] = NotImplemented
    """The reference backend computes it itself: it names the user's line where an index is out of range."""

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return arguments[0].dtype, attributes["places"].shape


def _gather_adjoint(node: Expr, adjoint: Expr, _number: int) -> Expr:
    x, *indices = node.args
    return scatter(apply("zeros_like", x), adjoint, indices, node.attribute("places"), "add")


def _gather_tangent(node: Expr, tangents: Sequence[Gradient]) -> Expr:
    assert tangents[0] is not None
    return gather(tangents[0], node.args[1:], node.attribute("places"))


GATHER = GatherOperation(
    name="gather",
    shape_rule=lambda arguments, attributes: attributes["places"].shape,
    sources=_gather_sources,
    adjoint=_gather_adjoint,
    tangent=_gather_tangent,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ScatterOperation(Operation):
    """``result = base``, then ``result[place] = fold(result[place], value)`` for each value in memory order.

    Arguments base, values and index arrays; attributes places and fold. Of equal places the last one wins
    in "set"; extremes that are met several times share the derivative evenly.
    """

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return arguments[0].dtype, arguments[0].shape

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        given = tangents[:2]
        if all(tangent is None for tangent in given):
            return None
        if node.attribute("fold") in LINEAR:
            base, values = (
                apply("zeros_like", argument) if tangent is None else tangent
                for argument, tangent in zip(node.args[:2], given, strict=True)
            )
            return _like(node, base, values)
        parts = [
            None if tangent is None else apply("multiply", tangent, weight)
            for tangent, weight in zip(given, _weights(node, given), strict=True)
        ]
        base, values = (
            apply("zeros_like", argument) if part is None else part
            for argument, part in zip(node.args[:2], parts, strict=True)
        )
        return _like(node, base, values, "add")

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        fold, rest = node.attribute("fold"), [None] * (len(node.args) - 2)
        read = gather(adjoint, node.args[2:], node.attribute("places")) if wanted[1] else None
        if fold == "add":
            return [adjoint if wanted[0] else None, read, *rest]
        if fold == "set":
            kept = _like(node, adjoint, apply("zeros_like", node.args[1])) if wanted[0] else None
            return [kept, None if read is None else apply("where", _is_last(node), read, 0), *rest]
        weights = _weights(node, [True if want else None for want in wanted[:2]])
        parts = zip((adjoint, read), weights, strict=True)
        return [*(None if w is None or part is None else apply("multiply", part, w) for part, w in parts), *rest]

    def flops(self, node: Expr) -> Size:
        return 0 if node.attribute("fold") == "set" else node.args[1].size


LINEAR = ("add", "set")
SCATTER = ScatterOperation(name="scatter")
OPERATIONS.update({row.name: row for row in (GATHER, SCATTER)})


def _like(node: Expr, base: Expr, values: Expr, fold: str = "") -> Expr:
    """Return the same scatter of other values, with another fold if one is given."""
    return scatter(base, values, node.args[2:], node.attribute("places"), fold or node.attribute("fold"))


def _read(node: Expr, x: Expr) -> Expr:
    """Return the elements of an array at the places of a scatter."""
    return gather(x, node.args[2:], node.attribute("places"))


def _is_last(node: Expr) -> Expr:
    """Return which values nothing is written over."""
    if node.attribute("places").distinct:
        return apply("full", node.args[1].shape, True, "bool")
    numbers = numbered(node.args[1].shape)
    written = _like(node, apply("full", node.shape, -1, "int64"), numbers, "set")
    return apply("equal", _read(node, written), numbers)


def numbered(shape: Shape) -> Expr:
    """Return the numbers of elements in memory order."""
    size = product(shape)
    return apply("reshape", apply("arange", size), shape)


def _weights(node: Expr, wanted: Sequence[Any]) -> list[Expr | None]:
    """Return the derivatives of the result by the base, and by each value where it is written."""
    base, values = node.args[:2]
    if node.attribute("fold") == "multiply":
        return [
            None if wanted[0] is None else _like(node, apply("ones_like", base), values),
            None if wanted[1] is None else _product_of_others(node),
        ]
    at_base = apply("astype", apply("equal", base, node), node.dtype)
    at_values = apply("astype", apply("equal", values, _read(node, node)), node.dtype)
    share = apply("divide", 1, _like(node, at_base, at_values, "add"))
    return [apply("multiply", at_base, share), apply("multiply", at_values, _read(node, share))]


def _product_of_others(node: Expr) -> Expr:
    """Return for each value what it is multiplied by: the element there, and the other values for its place.

    Values are sorted by place; what comes before and after each among those of its place are two linear
    recurrences, so that zeros are exact, to any order.
    """
    base, values = node.args[:2]
    here = _read(node, base)
    if node.attribute("places").distinct:
        return here
    place = apply("ravel", _read(node, numbered(base.shape)))
    order = apply("argsort", place)
    sorted_place, line = (apply("take", each, order) for each in (place, apply("ravel", values)))
    others = apply("multiply", _products(sorted_place, line, 1), _products(sorted_place, line, -1))
    back = apply("take", others, apply("argsort", order))
    return apply("multiply", here, apply("reshape", back, values.shape))


def _products(place: Expr, line: Expr, step: int) -> Expr:
    """Return for each element the product of those before it (after it for -1) that are at its place."""
    first = apply("not_equal", place, shift(place, step, 0, fill=-1))
    factors = apply("where", first, 0, shift(line, step, 0))
    return apply("linear_recurrence", factors, apply("astype", first, line.dtype), reverse=step < 0)
