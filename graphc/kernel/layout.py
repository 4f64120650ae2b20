"""Elementwise operations on transposed arrays as transposes of operations on the arrays as they lie in memory.

A product takes a transposed operand for nothing, and blocks of rows need the rows where they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.ops.movement import BROADCAST, TRANSPOSE
from graphc.ops.scalar_row import ScalarOperation

CHEAP = 8
"""Operations up to this cost may be computed again for a product, if others use them too."""


def transpose_last(operand: Expr) -> Expr:
    """Return an operand of a product with the transpose of what it is made of elementwise as its last step."""
    became: dict[Expr, Expr] = {}
    stack = [operand]
    while stack:
        node = stack[-1]
        elementwise = isinstance(node.op, ScalarOperation) and node.op.cost <= CHEAP
        pending = [argument for argument in node.args if argument not in became] if elementwise else []
        if pending:
            stack.extend(pending)
            continue
        stack.pop()
        became[node] = _transposed_after(node, [became[a] for a in node.args]) if elementwise else node
    return became[operand]


def _transposed_after(node: Expr, arguments: Sequence[Expr]) -> Expr:
    """Return an elementwise node with the one transpose of all its arrays after it; repeated arguments follow."""
    orders = {argument.attribute("axes") for argument in arguments if argument.op is TRANSPOSE}
    if len(orders) != 1 or not all(argument.op in (TRANSPOSE, BROADCAST) for argument in arguments):
        return node
    (order,) = orders
    before = tuple(int(axis) for axis in np.argsort(order))
    moved = [a.args[0] if a.op is TRANSPOSE else _repeated_before(a, before) for a in arguments]
    return apply("transpose", build(node.op, *moved, **dict(node.attributes)), order)


def _repeated_before(node: Expr, before: tuple[int, ...]) -> Expr:
    """Return a repeated array with its axes in another order: what is repeated is moved, not the copies."""
    (argument,) = node.args
    shape = tuple(node.shape[axis] for axis in before)
    if not argument.shape:
        return apply("broadcast_to", argument, shape)
    lacking = tuple(range(len(node.shape) - len(argument.shape)))
    return apply("broadcast_to", apply("transpose", apply("expand_dims", argument, lacking), before), shape)
