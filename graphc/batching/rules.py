"""How each kind of row takes a batch: scalar rows as they are, the others with their axes one further back.

A rule has the node, for each argument the array of its values over the items along the first axis (None
where it is equal for all), and the number of items; it returns the array of the node's values, or None
where the node must be run item by item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphc.graph.block import placeholder
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr, Operation, build
from graphc.graph.table import apply
from graphc.ops.contraction_row import ContractionOperation, unused_label
from graphc.ops.cumulative import CumulativeOperation
from graphc.ops.custom_row import ANEW
from graphc.ops.diagonals import DIAGONAL, ON_DIAGONAL, TRIANGLE
from graphc.ops.joining import CONCATENATE
from graphc.ops.lookup_row import GATHER, SCATTER, Axis, Places, gather, scatter
from graphc.ops.matrix_row import MatrixOperation
from graphc.ops.movement import BROADCAST, EXPAND, RESHAPE, SQUEEZE, TRANSPOSE
from graphc.ops.native_row import ARGSORT, SEARCH
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation
from graphc.ops.slicing import EMBED, ROLL, SHIFT, SLICE
from graphc.ops.windows import GATHER_WINDOWS, SPREAD_WINDOWS

Batched: TypeAlias = "Sequence[Expr | None]"
Rule: TypeAlias = "Callable[[Expr, Batched, Size], Expr | None]"


def spread(node: Expr, array: Expr | None, count: Size) -> Expr:
    """Return the array of an argument, repeated for every item where it is equal for all."""
    return apply("broadcast_to", node, (count, *node.shape)) if array is None else array


def array_of(parameter: Expr, count: Size) -> Expr:
    """Return a parameter for the array of all items in place of that of one."""
    return placeholder(parameter.dtype, (count, *parameter.shape))


def _rebuilt(node: Expr, given: Batched, count: Size, **changed: Any) -> Expr:
    """Return the node's operation on the arrays of its arguments, with some attributes changed."""
    arrays = [spread(argument, array, count) for argument, array in zip(node.args, given, strict=True)]
    return build(node.op, *arrays, **{**dict(node.attributes), **changed})


def _as_it_is(node: Expr, given: Batched, count: Size) -> Expr:
    return _rebuilt(node, given, count)


def _along_axis(node: Expr, given: Batched, count: Size) -> Expr:
    return _rebuilt(node, given, count, axis=node.attribute("axis") + 1)


def _along_axes(node: Expr, given: Batched, count: Size) -> Expr:
    return _rebuilt(node, given, count, axes=tuple(axis + 1 for axis in node.attribute("axes")))


def _transpose(node: Expr, given: Batched, count: Size) -> Expr:
    return _rebuilt(node, given, count, axes=(0, *(axis + 1 for axis in node.attribute("axes"))))


def _reshape(node: Expr, given: Batched, count: Size) -> Expr:
    return _rebuilt(node, given, count, shape=(count, *node.shape))


def _broadcast(node: Expr, given: Batched, count: Size) -> Expr:
    """Return the items repeated, the axes they lack inserted behind the first."""
    (array,) = given
    assert array is not None
    lacking = tuple(range(1, 1 + len(node.shape) - len(node.args[0].shape)))
    return apply("broadcast_to", apply("expand_dims", array, lacking), (count, *node.shape))


def _slice(node: Expr, given: Batched, count: Size) -> Expr:
    starts, steps = node.attribute("starts"), node.attribute("steps")
    return _rebuilt(node, given, count, starts=(0, *starts), steps=(1, *steps), sizes=(count, *node.shape))


def _embed(node: Expr, given: Batched, count: Size) -> Expr:
    starts, steps = node.attribute("starts"), node.attribute("steps")
    return _rebuilt(node, given, count, shape=(count, *node.shape), starts=(0, *starts), steps=(1, *steps))


def _anew(node: Expr, given: Batched, count: Size) -> Expr:
    """Return the items anew; what they come after may be that of all items or of none."""
    value, after = node.args
    return build(node.op, spread(value, given[0], count), after if given[1] is None else given[1])


def _contract(node: Expr, given: Batched, count: Size) -> Expr:
    """Return the contraction with a further label for the items, in the operands that have them."""
    left, right, out = (node.attribute(name) for name in ("left", "right", "out"))
    label = unused_label(node)
    labels = [text if array is None else label + text for text, array in zip((left, right), given, strict=True)]
    first, second = (a if array is None else array for a, array in zip(node.args, given, strict=True))
    return build(node.op, first, second, left=labels[0], right=labels[1], out=label + out)


def _in_items(places: Places, many: bool, prefix: tuple[Axis, ...], count: Size) -> Places:
    """Return the places in the arrays of all items; ``many`` tells whether the indices differ between items."""
    axes = tuple((out + (out >= 0), which, start, step) for out, which, start, step in places.axes)
    spread = (*(0,) * many, *(axis + 1 for axis in places.spread))
    return Places((*prefix, *axes), spread, (count, *places.shape), places.drops)


def _indices(node: Expr, given: Batched, first: int, count: Size) -> tuple[bool, list[Expr]]:
    """Return whether the index arrays of a look-up differ between items, and these of all items."""
    own, arrays = node.args[first:], given[first:]
    if all(array is None for array in arrays):
        return False, list(own)
    return True, [spread(argument, array, count) for argument, array in zip(own, arrays, strict=True)]


def _gather(node: Expr, given: Batched, count: Size) -> Expr:
    """Return what is read in an array for each item, or in the one array for all of them."""
    many, indices = _indices(node, given, 1, count)
    x, prefix = (node.args[0], ()) if given[0] is None else (given[0], (ITEMS,))
    return gather(x, indices, _in_items(node.attribute("places"), many, prefix, count))


def _scatter(node: Expr, given: Batched, count: Size) -> Expr:
    """Return an array for each item with what is written to it."""
    many, indices = _indices(node, given, 2, count)
    base, values = (spread(argument, array, count) for argument, array in zip(node.args, given[:2], strict=False))
    places = _in_items(node.attribute("places"), many, (ITEMS,), count)
    return scatter(base, values, indices, places, node.attribute("fold"))


def _search(node: Expr, given: Batched, _count: Size) -> Expr | None:
    """Return the places of all items' values in one line, None where the lines differ."""
    line, values = given
    if line is not None or values is None:
        return None
    found = build(SEARCH, node.args[0], apply("ravel", values), **dict(node.attributes))
    return apply("reshape", found, values.shape)


ITEMS: Axis = (0, -1, 0, 1)
"""The axis of items, which is the first of the result too."""

ROWS: dict[Operation, Rule] = {
    ANEW: _anew,
    ARGSORT: _as_it_is,
    BROADCAST: _broadcast,
    CONCATENATE: _along_axis,
    DIAGONAL: _as_it_is,
    EMBED: _embed,
    EXPAND: _along_axes,
    GATHER_WINDOWS: _along_axes,
    ON_DIAGONAL: _as_it_is,
    GATHER: _gather,
    RESHAPE: _reshape,
    ROLL: _along_axis,
    SCATTER: _scatter,
    SEARCH: _search,
    SHIFT: _along_axis,
    SLICE: _slice,
    SQUEEZE: _along_axes,
    SPREAD_WINDOWS: _along_axes,
    TRIANGLE: _as_it_is,
    TRANSPOSE: _transpose,
}
"""Rows with a rule of their own."""

KINDS: dict[type[Operation], Rule] = {
    ScalarOperation: _as_it_is,
    ReductionOperation: _along_axes,
    CumulativeOperation: _along_axis,
    ContractionOperation: _contract,
    MatrixOperation: _as_it_is,
}
"""Kinds of rows whose rows all take a batch in one way."""


def find_rule(node: Expr) -> Rule | None:
    """Return how a node takes a batch, None where no rule says so: then it is run item by item."""
    rule = ROWS.get(node.op)
    if rule is not None:
        return rule
    return next((rule for kind, rule in KINDS.items() if isinstance(node.op, kind)), None)
