"""Reverse mode on the graph: each node is visited once, its adjoint summed in a table.

The table is the memoisation: the gradient adds at most a small constant times the nodes there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.autodiff.choices import pull_choice
from graphc.autodiff.custom import pull_custom
from graphc.autodiff.loops import pull_loop
from graphc.graph.block import ITEM, is_bundle
from graphc.graph.node import Expr, Gradient
from graphc.graph.origin import inherit_origin
from graphc.graph.table import apply
from graphc.graph.walk import reaching, topological_order

PULLS = {"custom": pull_custom, "scan": pull_loop, "switch": pull_choice}
"""What the bundles contribute to their arguments, by the name of their row."""


def adjoints(seeds: Mapping[Expr, Expr], wrt: Sequence[Expr]) -> dict[Expr, Expr]:
    """Return the adjoint of every differentiable node between ``wrt`` and the seeded outputs.

    Args:
        seeds: each output with its adjoint, of the same shape and dtype.
        wrt: the nodes the derivative is taken for; only paths that reach them are followed.

    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
    """
    order = [node for node in topological_order(seeds) if node.is_differentiable or is_bundle(node)]
    active = reaching(order, wrt)
    targets = set(wrt)
    table = {output: seed for output, seed in seeds.items() if output in active}
    results: dict[Expr, dict[int, Expr]] = {}
    for node in reversed(order):
        adjoint = table.get(node)
        if (adjoint is None and node not in results) or node not in active:
            continue
        wanted = [argument in active for argument in node.args]
        if not any(wanted):
            continue
        with inherit_origin(node.origin):
            for argument, part in zip(node.args, _pulled(node, adjoint, wanted, results), strict=True):
                if part is not None:
                    table[argument] = apply("add", table[argument], part) if argument in table else part
        if node not in targets and node not in seeds:
            table.pop(node, None)
    return table


def _pulled(
    node: Expr, adjoint: Gradient, wanted: Sequence[bool], results: dict[Expr, dict[int, Expr]]
) -> Sequence[Gradient]:
    """Return what a node contributes to its arguments; adjoints of a bundle's results are kept until it is reached."""
    if is_bundle(node):
        parts = results.pop(node)
        if node.op.name in PULLS:
            return PULLS[node.op.name](node, parts, wanted, adjoints)
        return node.op.pull_results(node, parts, wanted)
    assert adjoint is not None
    if node.op is ITEM:
        results.setdefault(node.args[0], {})[node.attribute("position")] = adjoint
        return [None]
    return node.op.pullback(node, adjoint, wanted)
