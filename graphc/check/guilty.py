"""Which node is wrong: each one's own derivative against differences of that node alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.reference import evaluate
from graphc.check.differences import Estimate, richardson
from graphc.check.report import Guilty
from graphc.check.specialise import fixed_shape
from graphc.graph.block import ITEM
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr, make_node
from graphc.graph.origin import describe_origin
from graphc.graph.table import apply
from graphc.graph.types import is_float
from graphc.graph.walk import reaching, topological_order
from graphc.ops.custom_row import CUSTOM
from graphc.ops.scalar_row import ScalarOperation

RELATIVE = 1e-5
"""Relative difference above which a node's own rule is wrong."""


def find_guilty(objective: Expr, wrt: Sequence[Expr], point: Mapping[Expr, Any], seed: int) -> Guilty | None:
    """Return the first node in topological order whose own rule differs from its own differences.

    A rule given by the user is accused where no other is: its values do not tell what they are a function of.
    """
    order = topological_order([objective])
    active = reaching(order, wrt)
    values = dict(zip(order, evaluate(order, point), strict=True))
    generator = np.random.default_rng(seed)
    for node in order:
        if node in active and node.args and is_float(node.dtype) and node.op is not ITEM:
            detail = _local_fault(node, [values[argument] for argument in node.args], generator)
            if detail:
                return Guilty(node.op.name, describe_origin(node.origin), detail)
    ruled = next((node for node in order if node in active and node.op is CUSTOM), None)
    if ruled is not None:
        return Guilty(ruled.op.name, describe_origin(ruled.origin), "every other rule agrees with its own differences")
    return None


def _local_fault(node: Expr, operands: Sequence[Any], generator: np.random.Generator) -> str:
    """Return what is wrong with the rules of one node at given operands; nothing if nothing is."""
    if isinstance(node.op, ScalarOperation) and node.op.detached:
        return ""
    inputs = [symbol(f"operand_{number}", argument.shape, argument.dtype) for number, argument in enumerate(node.args)]
    alone = make_node(node.op, tuple(inputs), node.attributes, node.dtype, node.shape)
    weights = constant(generator.uniform(0.5, 1.5, fixed_shape(node)), node.dtype)
    values = dict(zip(inputs, operands, strict=True))
    for number, name in enumerate(inputs):
        if not is_float(name.dtype) or name.size == 0:
            continue
        direction = constant(generator.uniform(0.5, 1.5, fixed_shape(name)))
        expected = _difference(alone, weights, values, name, direction)
        tolerance = 10 * expected.error + RELATIVE * max(1.0, abs(expected.value))
        if not np.isfinite(expected.value) or expected.error > 1e-3 * max(1.0, abs(expected.value)):
            continue
        for rule, found in _by_rules(alone, weights, values, number, direction).items():
            if not abs(found - expected.value) <= tolerance:
                return f"its {rule} by argument {number} gives {found:.10g}, its own differences {expected.value:.10g}"
    return ""


def _difference(alone: Expr, weights: Expr, values: Mapping[Expr, Any], name: Expr, direction: Expr) -> Estimate:
    """Return the derivative of the weighted node along a direction of one operand, by differences."""
    distance = symbol("distance")
    moved = apply("add", name, apply("multiply", direction, distance))
    arguments = tuple(moved if argument is name else argument for argument in alone.args)
    node = make_node(alone.op, arguments, alone.attributes, alone.dtype, alone.shape)
    weighted = apply("sum", apply("multiply", node, weights))
    return richardson(lambda step: float(evaluate([weighted], {**values, distance: np.float64(step)})[0]))


def _by_rules(alone: Expr, weights: Expr, values: Mapping[Expr, Any], number: int, direction: Expr) -> dict[str, float]:
    """Return the same derivative by the node's forward rule and by its reverse rule."""
    tangents = [direction if position == number else None for position in range(len(alone.args))]
    wanted = [position == number for position in range(len(alone.args))]
    pushed = alone.op.pushforward(alone, tangents)
    pulled = alone.op.pullback(alone, weights, wanted)[number]
    return {
        "forward rule": _weighted(pushed, weights, values),
        "reverse rule": _weighted(pulled, direction, values),
    }


def _weighted(node: Expr | None, weights: Expr, values: Mapping[Expr, Any]) -> float:
    """Return the weighted sum of a tangent or adjoint; None is zero."""
    if node is None:
        return 0.0
    return float(evaluate([apply("sum", apply("multiply", node, weights))], values)[0])
