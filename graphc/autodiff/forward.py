"""Forward mode on the graph: tangents carried along with the values, in one pass from the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.autodiff.loops import push_loop
from graphc.graph.block import is_bundle
from graphc.graph.node import Expr, Gradient
from graphc.graph.origin import inherit_origin
from graphc.graph.walk import reaching, topological_order


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
            table[node] = push_loop(node, given, tangents) if is_bundle(node) else node.op.pushforward(node, given)
    return [table.get(output) for output in outputs]
