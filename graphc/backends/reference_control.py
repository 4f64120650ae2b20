"""Loops and choices of the reference backend, as Python's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from graphc.backends.unfinished import unfinished
from graphc.graph.block import Block, block_of
from graphc.graph.dimensions import concrete, evaluate, names
from graphc.graph.node import Expr
from graphc.ops.branch_row import split_branches

Array: TypeAlias = "np.ndarray[Any, Any]"
Sizes: TypeAlias = "dict[str, int]"
Compute: TypeAlias = "Callable[[Block, list[Array]], list[Array]]"
"""What returns the outputs of a block for the values of its parameters."""


def _run_loop(node: Expr, operands: list[Array], sizes: Sizes, compute: Compute) -> list[Array]:
    """Return the last carries and the stacked outputs of a scan."""
    block, count = block_of(node), node.attribute("carries")
    after = count + node.attribute("elements")
    counted = node.attribute("counted")
    carries, sequences = operands[:count], operands[count:after]
    outside = operands[after : len(operands) - counted]
    if counted:
        sizes[str(node.attribute("length"))] = int(operands[-1])
    if node.attribute("conditional"):
        return _run_while(node, carries, outside, sizes, compute)
    length = evaluate(node.attribute("length"), sizes)
    stacked = [np.empty((length, *concrete(kept.shape, sizes)), kept.dtype) for kept in block.outputs[count:]]
    for index in reversed(range(length)) if node.attribute("reverse") else range(length):
        values = [np.asarray(index), *carries, *(array[index] for array in sequences), *outside]
        results = compute(block, values)
        carries = results[:count]
        for whole, result in zip(stacked, results[count:], strict=True):
            whole[index] = result
    return [*carries, *stacked]


def _run_choice(node: Expr, operands: list[Array], sizes: Sizes, compute: Compute) -> list[Array]:
    """Return the results of the branch that is chosen."""
    block = block_of(node)
    chosen = split_branches(node, block.outputs)[int(operands[0])]
    return compute(Block(block.parameters, chosen), operands[1:])


def _run_while(node: Expr, carries: list[Array], outside: list[Array], sizes: Sizes, compute: Compute) -> list[Array]:
    """Return the last carries and the tapes of a loop with a condition; note how many steps it took.

    Raises:
        ArgumentError: the condition still holds after as many steps as are allowed.
    """
    block, count, limit = block_of(node), len(carries), node.attribute("limit")
    tapes: list[list[Array]] = [[] for _ in block.outputs[count:-1]]
    steps = 0
    while True:
        *results, going_on = compute(block, [np.asarray(steps), *carries, *outside])
        if not going_on:
            break
        if steps == limit:
            raise unfinished(limit, node.origin)
        carries = results[:count]
        for tape, result in zip(tapes, results[count:], strict=True):
            tape.append(result)
        steps += 1
    (name,) = names(node.attribute("length"))
    sizes[name] = steps
    kept = zip(tapes, block.outputs[count:-1], strict=True)
    return [
        *carries,
        *(np.reshape(np.array(tape, like.dtype), (steps, *concrete(like.shape, sizes))) for tape, like in kept),
        np.asarray(steps),
    ]


def _run_custom(node: Expr, operands: list[Array], sizes: Sizes, compute: Compute) -> list[Array]:
    """Return the values whose derivative is given."""
    return operands[: node.attribute("values")]


RUNS = {"custom": _run_custom, "scan": _run_loop, "switch": _run_choice}
"""What computes the results of bundles, by the name of their row."""
