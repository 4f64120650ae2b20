"""Reverse mode on the graph: each node is visited once, its adjoint summed in a table.

The table is the memoisation: the gradient adds at most a small constant times the nodes there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.graph.node import Expr
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.walk import reaching, topological_order


def adjoints(seeds: Mapping[Expr, Expr], wrt: Sequence[Expr]) -> dict[Expr, Expr]:
    """Return the adjoint of every differentiable node between ``wrt`` and the seeded outputs.

    Args:
        seeds: each output with its adjoint, of the same shape and dtype.
        wrt: the nodes the derivative is taken for; only paths that reach them are followed.

    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
    """
    order = [node for node in topological_order(seeds) if node.is_differentiable]
    active = reaching(order, wrt)
    targets = set(wrt)
    table = {output: seed for output, seed in seeds.items() if output in active}
    for node in reversed(order):
        adjoint = table.get(node)
        if adjoint is None or node not in active:
            continue
        wanted = [argument in active for argument in node.args]
        if not any(wanted):
            continue
        with inherit_origin(node.origin):
            for argument, part in zip(node.args, node.op.pullback(node, adjoint, wanted), strict=True):
                if part is not None:
                    table[argument] = apply("add", table[argument], part) if argument in table else part
        if node not in targets and node not in seeds:
            del table[node]
    return table
