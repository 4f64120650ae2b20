"""What a loop keeps of each step for its backward loop: little memory, and nothing dear computed twice."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.graph.block import is_bundle
from graphc.graph.dimensions import is_open
from graphc.graph.leaf import Leaf
from graphc.graph.node import Expr
from graphc.graph.walk import first_reached, reaching, topological_order
from graphc.ops.lookup_row import GATHER
from graphc.ops.movement_row import MovementOperation
from graphc.ops.scalar_row import ScalarOperation

CHEAP = 8
"""An elementwise node is computed again up to this cost."""


def choose_saved(
    roots: Sequence[Expr], outputs: Sequence[Expr], carries: Sequence[Expr], recompute: bool = False
) -> list[Expr]:
    """Return the nodes of a forward step to keep for each step.

    Args:
        roots: what the backward step computes, from nodes of the forward step and adjoints.
        outputs: what the forward step computes.
        carries: the state at the beginning of a step, which the backward step does not have otherwise.
        recompute: keep nothing but the state, and compute the step again.
    """
    order = topological_order(outputs)
    changing = reaching(order, carries)
    needed = set(first_reached(roots, set(order).__contains__))
    saved: dict[Expr, None] = {}
    for node in reversed(order):
        if node in needed and not isinstance(node.op, Leaf) and (recompute or _is_map(node)):
            needed.remove(node)
            needed.update(node.args)
    for node in order:
        if node in needed and not _again(node, changing, saved):
            saved[node] = None
    return list(saved)


def _is_map(node: Expr) -> bool:
    """Tell whether a node is never kept: an index map of one array, or of a size that differs from step to step."""
    maps = isinstance(node.op, MovementOperation) and len(node.args) == 1
    return maps or is_bundle(node) or any(is_open(size) for size in node.shape)


def _again(node: Expr, changing: set[Expr], saved: dict[Expr, None]) -> bool:
    """Tell whether a node is computed again from what is there: parameters of the step, and what is saved."""
    pending, cost = [node], 0
    while pending:
        current = pending.pop()
        if current in saved or (isinstance(current.op, Leaf) and current not in changing):
            continue
        if isinstance(current.op, ScalarOperation):
            cost += current.op.cost
        elif not (isinstance(current.op, MovementOperation) and (len(current.args) == 1 or current.op is GATHER)):
            return False
        if cost > CHEAP:
            return False
        pending.extend(current.args)
    return True
