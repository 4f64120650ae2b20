"""Batching of a graph: every node that depends on the item becomes one with the items along its first axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.batching.choices import batch_choice
from graphc.batching.custom import batch_custom
from graphc.batching.loops import batch_item_by_item, batch_loop
from graphc.batching.rules import find_rule
from graphc.graph.block import ITEM, is_bundle, items_of
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.walk import reaching, topological_order
from graphc.ops.branch_row import SWITCH
from graphc.ops.control_row import SCAN
from graphc.ops.custom_row import CUSTOM
from graphc.ops.matrix_row import results_of


def batch(outputs: Sequence[Expr], arrays: Mapping[Expr, Expr], count: Size) -> list[Expr | None]:
    """Return the outputs of all items along a first axis; None for those equal for every item.

    Args:
        outputs: expressions of one item.
        arrays: nodes of one item, with the arrays that hold those of all along their first axes.
        count: the number of items.
    """
    order = topological_order(outputs)
    active = reaching(order, arrays)
    table: dict[Expr, Any] = dict(arrays)
    for node in order:
        if node in table or node not in active:
            continue
        given = [table.get(argument) for argument in node.args]
        with inherit_origin(node.origin):
            table[node] = _batched(node, given, count, order)
    return [table.get(output) for output in outputs]


def _batched(node: Expr, given: Sequence[Any], count: Size, order: Sequence[Expr]) -> Any:
    """Return the array of a node's values; for a bundle the arrays of its results by position."""
    if node.op is ITEM:
        return given[0][node.attribute("position")]
    if node.op is SCAN:
        return dict(enumerate(batch_loop(node, given, count, batch)))
    if node.op is SWITCH and given[0] is None:
        return dict(enumerate(batch_choice(node, given, count, batch)))
    if node.op is CUSTOM:
        return dict(enumerate(batch_custom(node, given, count, batch)))
    rule = find_rule(node)
    array = None if rule is None else rule(node, given, count)
    if array is not None:
        return dict(enumerate(results_of(array))) if is_bundle(node) else array
    if not is_bundle(node):
        return batch_item_by_item(node, [node], given, count)[0]
    results = items_of(node, order)
    arrays = batch_item_by_item(node, list(results.values()), given, count)
    return dict(zip(results, arrays, strict=True))
