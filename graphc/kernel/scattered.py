"""Sums with what a scatter writes into zeros, written into the other term instead: no array of zeros, no sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.graph.leaf import constant_value, is_constant
from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.walk import rebuild, topological_order, with_arguments
from graphc.ops.lookup_row import SCATTER, scatter
from graphc.ops.movement import BROADCAST


def fold_into_scatters(roots: Sequence[Expr]) -> list[Expr]:
    """Return the roots with ``a + scatter(zeros, values)`` as ``scatter(a, values)``, where nothing else reads it."""
    order = topological_order(roots)
    if not any(node.op is SCATTER for node in order):
        return list(roots)
    users = Counter(argument for node in order for argument in node.args)
    users.update(roots)
    alone: set[Expr] = set()

    def fold(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = with_arguments(node, args)
        if node.op.name == "add" and node.shape:
            for term, other in (args, args[::-1]):
                if term in alone and _adds_to_zeros(term):
                    with inherit_origin(node.origin):
                        new = scatter(other, term.args[1], term.args[2:], term.attribute("places"), "add")
                    break
        if users[node] == 1:
            alone.add(new)
        return new

    became = rebuild(roots, fold)
    return [became[root] for root in roots]


def _adds_to_zeros(node: Expr) -> bool:
    """Tell whether a node is the sums of values by place, and zeros elsewhere."""
    if node.op is not SCATTER or node.attribute("fold") != "add":
        return False
    base = node.args[0]
    while base.op is BROADCAST:
        (base,) = base.args
    return is_constant(base) and not constant_value(base).any()
