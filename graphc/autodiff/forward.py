"""Forward mode on the graph: tangents carried along with the values, in one pass from the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.autodiff.choices import push_choice
from graphc.autodiff.custom import push_custom
from graphc.autodiff.loops import push_loop
from graphc.autodiff.reverse import adjoints
from graphc.graph.block import is_bundle
from graphc.graph.node import Expr, Gradient
from graphc.graph.origin import inherit_origin
from graphc.graph.walk import reaching, topological_order

PUSHES: dict[str, Any] = {
    "custom": lambda node, given, _: push_custom(node, given, adjoints),
    "scan": push_loop,
    "switch": push_choice,
}
"""The tangents of the results of bundles, by the name of their row."""


def tangents(outputs: Sequence[Expr], seeds: Mapping[Expr, Expr]) -> list[Gradient]:
    """Return the tangent of each output, None where it is zero, from those of the seeded nodes.

    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
    """
    order = topological_order(outputs)
    active = reaching(order, seeds)
    table: dict[Expr, Any] = dict(seeds)
    for node in order:
        if node in table or node not in active or not (node.is_differentiable or is_bundle(node)):
            continue
        given = [table.get(argument) for argument in node.args]
        with inherit_origin(node.origin):
            table[node] = _pushed(node, given)
    return [table.get(output) for output in outputs]


def _pushed(node: Expr, given: Sequence[Gradient]) -> Any:
    """Return the tangent of a node, or of each result of a bundle."""
    if node.op.name in PUSHES:
        return PUSHES[node.op.name](node, given, tangents)
    return node.op.push_results(node, given) if is_bundle(node) else node.op.pushforward(node, given)
