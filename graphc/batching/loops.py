"""Batching of loops: one loop whose carries and outputs are those of all items; and rows run item by item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from graphc.batching.rules import Batched, array_of, spread
from graphc.graph.block import item, placeholder, placeholder_like
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr, make_node
from graphc.graph.table import apply
from graphc.ops.control_row import Loop, open_loop

Batch: TypeAlias = "Callable[[Sequence[Expr], Mapping[Expr, Expr], Size], list[Expr | None]]"


def batch_loop(node: Expr, given: Batched, count: Size, batch: Batch) -> list[Expr]:
    """Return the results of a loop for all items: it runs while an item goes on, the others standing still."""
    loop, captured = open_loop(node)
    first, last = len(loop.carries), len(loop.carries) + len(loop.elements)
    counts = None if loop.steps is None else given[-1]
    parameters = zip((*loop.elements, *captured), given[first:], strict=False)
    arrays = {parameter: array_of(parameter, count) for parameter, array in parameters if array is not None}
    arrays |= _batched_carries(loop, given, arrays, counts is not None, count, batch)
    found = batch(loop.outputs, arrays, count)
    is_batched = [carry in arrays for carry in loop.carries]
    together = replace(
        loop,
        carries=tuple(arrays.get(carry, carry) for carry in loop.carries),
        elements=tuple(arrays.get(element, element) for element in loop.elements),
        following=_where_batched(is_batched, loop.following, found, count),
        stacked=tuple(spread(one, array, count) for one, array in zip(loop.stacked, found[first:], strict=False)),
        initial=_where_batched(is_batched, loop.initial, given, count),
        sequences=tuple(
            sequence if array is None else _exchanged(array)
            for sequence, array in zip(loop.sequences, given[first:last], strict=True)
        ),
    )
    outside = {
        arrays.get(parameter, parameter): argument if array is None else array
        for (parameter, argument), array in zip(captured.items(), given[last:], strict=False)
    }
    if loop.condition is not None and found[-1] is not None:
        return _while_any(together, found[-1], count, outside)
    if counts is not None:
        limits = placeholder("int64", (count,))
        alive = apply("less", loop.index, limits)
        together = replace(_still_unless(together, alive), steps=apply("max", counts))
        outside[limits] = counts
    results = together.build(outside)
    stacked = [_exchanged(result) for result in results[first : first + len(loop.stacked)]]
    steps = [spread(result, None, count) for result in results[first + len(stacked) :]]
    carried = [r if batched else spread(r, None, count) for r, batched in zip(results, is_batched, strict=False)]
    return [*carried, *stacked, *steps]


def _while_any(loop: Loop, alive: Expr, count: Size, outside: Mapping[Expr, Expr]) -> list[Expr]:
    """Return the results of a loop that runs while an item is alive, and how many steps each item took."""
    counter = placeholder("int64", (count,))
    still = _still_unless(loop, alive)
    results = replace(
        still,
        carries=(*still.carries, counter),
        following=(*still.following, apply("add", counter, apply("astype", alive, "int64"))),
        initial=(*still.initial, apply("zeros_like", counter)),
        condition=apply("any", alive),
    ).build(outside)
    first = len(loop.carries)
    stacked = [_exchanged(result) for result in results[first + 1 : first + 1 + len(loop.stacked)]]
    return [*results[:first], *stacked, results[first]]


def _still_unless(loop: Loop, alive: Expr) -> Loop:
    """Return a loop of all items in which those that are not alive keep their carries, and zeros of the step."""
    pairs = zip(loop.following, loop.carries, strict=True)
    return replace(
        loop,
        following=tuple(apply("where", _fitted(alive, carry), following, carry) for following, carry in pairs),
        stacked=tuple(apply("where", _fitted(alive, o), o, apply("zeros_like", o)) for o in loop.stacked),
    )


def _fitted(alive: Expr, like: Expr) -> Expr:
    """Return a condition of each item for all elements of an array of items."""
    return apply("broadcast_to", apply("expand_dims", alive, tuple(range(1, like.ndim))), like.shape)


def _batched_carries(
    loop: Loop, given: Batched, arrays: Mapping[Expr, Expr], masked: bool, count: Size, batch: Batch
) -> dict[Expr, Expr]:
    """Return the carries that differ from item to item, at once or steps later, with arrays for them."""
    found = {
        c: array_of(c, count) for c, array in zip(loop.carries, given, strict=False) if array is not None or masked
    }
    while True:
        following = batch(loop.outputs, {**arrays, **found}, count)
        stops = loop.condition is not None and following[-1] is not None
        pairs = zip(loop.carries, following, strict=False)
        more = [carry for carry, array in pairs if (array is not None or stops) and carry not in found]
        if not more:
            return found
        found |= {carry: array_of(carry, count) for carry in more}


def batch_item_by_item(node: Expr, results: Sequence[Expr], given: Batched, count: Size) -> list[Expr]:
    """Return the arrays of a node's values, or of a bundle's results, computed by a loop over the items."""
    arrays = {argument: array for argument, array in zip(node.args, given, strict=True) if array is not None}
    elements = {argument: placeholder_like(argument) for argument in arrays}
    arguments = tuple(elements.get(argument, argument) for argument in node.args)
    one = make_node(node.op, arguments, node.attributes, node.dtype, node.shape)
    stacked = [one if r is node else item(one, r.attribute("position"), r.dtype, r.shape) for r in results]
    index, sequences = placeholder("int64", ()), tuple(arrays.values())
    return Loop(index, (), tuple(elements.values()), (), tuple(stacked), (), sequences, count, False).build()


def _where_batched(is_batched: Sequence[bool], nodes: Sequence[Expr], arrays: Batched, count: Size) -> tuple[Expr, ...]:
    """Return the arrays of those carries that differ from item to item, the others as they are."""
    triples = zip(is_batched, nodes, arrays, strict=False)
    return tuple(spread(node, array, count) if batched else node for batched, node, array in triples)


def _exchanged(array: Expr) -> Expr:
    """Return an array with its first two axes, of items and of steps, exchanged."""
    return apply("swapaxes", array, 0, 1)
