"""Batching of values with a rule: values, arguments and rule each of all items."""

from __future__ import annotations

from graphc.batching.loops import Batch
from graphc.batching.rules import Batched, array_of, spread
from graphc.graph.block import block_of, placeholder_like
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr
from graphc.graph.walk import substitute
from graphc.ops.control_row import close, instantiate
from graphc.ops.custom_row import parts_of, with_rule


def batch_custom(node: Expr, given: Batched, count: Size, batch: Batch) -> list[Expr]:
    """Return the values of all items with the rule of all items; what is equal for all is repeated first."""
    parts, meaning, block = parts_of(node), node.attribute("meaning"), block_of(node)
    arrays = [spread(argument, array, count) for argument, array in zip(node.args, given, strict=True)]
    first, last = len(parts.values), len(parts.values) + len(parts.arguments)
    own = [placeholder_like(parameter) for parameter in block.parameters]
    outputs = instantiate(block, own)
    whole = [array_of(parameter, count) for parameter in own]
    found = batch(outputs, dict(zip(own, whole, strict=True)), count)
    results = [spread(output, array, count) for output, array in zip(outputs, found, strict=True)]
    free = len(own) - len(parts.captured)
    closed = close(whole[:free], substitute(results, dict(zip(whole[free:], arrays[last:], strict=True))))
    return with_rule(arrays[:first], arrays[first:last], closed, meaning)
