"""Products moved out of loops: of a sequence with a matrix before the loop, of a stacked output with one after it.

One product of all steps reads the matrix once and runs at the speed of large products.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.graph.block import placeholder_like
from graphc.graph.node import Expr, build
from graphc.graph.walk import reaching, topological_order
from graphc.ops.contraction_row import CONTRACT, unused_label
from graphc.ops.control_row import Loop


def move_products(loop: Loop) -> list[Expr]:
    """Return the results of a loop built with its products of elements before it, of outputs after it."""
    loop = _before(loop)
    inside = _inside(loop)
    products = [n for n, output in enumerate(loop.stacked) if _follows(output, inside)]
    operands = list(dict.fromkeys(_changing(loop.stacked[n], inside) for n in products))
    kept = [n for n in range(len(loop.stacked)) if n not in products]
    stacked = list(dict.fromkeys([*(loop.stacked[n] for n in kept), *operands]))
    count = len(loop.carries)
    results = replace(loop, stacked=tuple(stacked)).build()
    end = count + len(stacked)
    whole = dict(zip(stacked, results[count:end], strict=True))
    outputs = [_of_all_steps(node, whole) if n in products else whole[node] for n, node in enumerate(loop.stacked)]
    return [*results[:count], *outputs, *results[end:]]


def _before(loop: Loop) -> Loop:
    """Return the loop with the product of each element and an outside matrix as a sequence of its own."""
    sequences = dict(zip(loop.elements, loop.sequences, strict=True))
    inside = _inside(loop)
    found: dict[Expr, Expr] = {}
    for node in topological_order(loop.outputs):
        if node.op is CONTRACT and any(
            ours in sequences and other not in inside for ours, other in (node.args, node.args[::-1])
        ):
            found[node] = placeholder_like(node)
    return replace(
        loop.with_outputs(found),
        elements=(*loop.elements, *found.values()),
        sequences=(*loop.sequences, *(_of_all_steps(node, sequences) for node in found)),
    )


def _inside(loop: Loop) -> set[Expr]:
    """Return the nodes of the body that differ from step to step."""
    parameters = (loop.index, *loop.carries, *loop.elements)
    return reaching(topological_order(loop.outputs), parameters)


def _follows(output: Expr, inside: set[Expr]) -> bool:
    """Tell whether a stacked output is a product of something of the step with an outside matrix."""
    return output.op is CONTRACT and sum(argument in inside for argument in output.args) == 1


def _changing(product: Expr, inside: set[Expr]) -> Expr:
    """Return the operand of a product that differs from step to step."""
    return next(argument for argument in product.args if argument in inside)


def _of_all_steps(product: Expr, stacks: dict[Expr, Expr]) -> Expr:
    """Return the products of all steps as one, the steps along the first axis."""
    sides, step = (product.attribute("left"), product.attribute("right")), unused_label(product)
    left, right = (step * (a in stacks) + side for a, side in zip(product.args, sides, strict=True))
    first, second = (stacks.get(argument, argument) for argument in product.args)
    return build(CONTRACT, first, second, left=left, right=right, out=step + product.attribute("out"))
