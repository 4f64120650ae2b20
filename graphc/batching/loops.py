"""Batching of loops: one loop whose carries and outputs are those of all items; and rows run item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from graphc.batching.rules import Batched, spread
from graphc.graph.block import item, placeholder
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr, make_node
from graphc.graph.table import apply
from graphc.ops.control_row import Loop, open_loop

Batch: TypeAlias = "Callable[[Sequence[Expr], Mapping[Expr, Expr], Size], list[Expr | None]]"


def batch_loop(node: Expr, given: Batched, count: Size, batch: Batch) -> list[Expr]:
    """Return the results of a scan for all items: a loop over the same steps."""
    loop, outside = open_loop(node)
    carries, arguments = len(loop.carries), len(loop.carries) + len(loop.elements)
    arrays = {
        parameter: _array_of(parameter, count)
        for parameter, array in zip((*loop.elements, *outside), given[carries:], strict=True)
        if array is not None
    }
    arrays |= _batched_carries(loop, given, arrays, count, batch)
    found = batch((*loop.following, *loop.stacked), arrays, count)
    both = replace(
        loop,
        carries=tuple(arrays.get(carry, carry) for carry in loop.carries),
        elements=tuple(arrays.get(element, element) for element in loop.elements),
        following=tuple(
            spread(following, array, count) if carry in arrays else following
            for carry, following, array in zip(loop.carries, loop.following, found, strict=False)
        ),
        stacked=tuple(spread(o, array, count) for o, array in zip(loop.stacked, found[carries:], strict=True)),
        initial=tuple(
            spread(first, array, count) if carry in arrays else first
            for carry, first, array in zip(loop.carries, loop.initial, given, strict=False)
        ),
        sequences=tuple(
            sequence if array is None else _exchanged(array)
            for sequence, array in zip(loop.sequences, given[carries:arguments], strict=True)
        ),
    )
    captured = zip(outside, node.args[arguments:], given[arguments:], strict=True)
    results = both.build({arrays.get(p, p): argument if array is None else array for p, argument, array in captured})
    last = [spread(r, r if c in arrays else None, count) for r, c in zip(results, loop.carries, strict=False)]
    return [*last, *(_exchanged(result) for result in results[carries:])]


def _batched_carries(
    loop: Loop, given: Batched, arrays: Mapping[Expr, Expr], count: Size, batch: Batch
) -> dict[Expr, Expr]:
    """Return the carries that differ from item to item, at once or steps later, with arrays for them."""
    found = {c: _array_of(c, count) for c, array in zip(loop.carries, given, strict=False) if array is not None}
    while True:
        following = batch(loop.following, {**arrays, **found}, count)
        more = [c for c, array in zip(loop.carries, following, strict=True) if array is not None and c not in found]
        if not more:
            return found
        found |= {carry: _array_of(carry, count) for carry in more}


def batch_item_by_item(node: Expr, results: Sequence[Expr], given: Batched, count: Size) -> list[Expr]:
    """Return the arrays of a node's values, or of a bundle's results, computed by a loop over the items."""
    arrays = {argument: array for argument, array in zip(node.args, given, strict=True) if array is not None}
    elements = {argument: placeholder(argument.dtype, argument.shape) for argument in arrays}
    arguments = tuple(elements.get(argument, argument) for argument in node.args)
    one = make_node(node.op, arguments, node.attributes, node.dtype, node.shape)
    stacked = [one if r is node else item(one, r.attribute("position"), r.dtype, r.shape) for r in results]
    index, sequences = placeholder("int64", ()), tuple(arrays.values())
    return Loop(index, (), tuple(elements.values()), (), tuple(stacked), (), sequences, count, False).build()


def _array_of(parameter: Expr, count: Size) -> Expr:
    """Return a parameter for the array of all items in place of that of one."""
    return placeholder(parameter.dtype, (count, *parameter.shape))


def _exchanged(array: Expr) -> Expr:
    """Return an array with its first two axes, of items and of steps, exchanged."""
    return apply("swapaxes", array, 0, 1)
