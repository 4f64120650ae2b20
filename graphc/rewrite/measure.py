"""The measure every rule lowers, which is why rewriting ends.

An operation of weight w on arguments measured m1, m2... measures ``w + 2*(m1 + m2 + ...)``, a reduction
or contraction ``w + 32*(m1 + ...)``, an operation that only moves elements ``1 + m``, a number and what
folds to one 1. A pattern measures a polynomial in its variables; a rule whose right side is smaller
coefficient by coefficient lowers the measure of every expression it is used in. The weights follow the cost
of the operations, so the measure falls with the work; ties between numbers go to fewer nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from graphc.graph.leaf import SIZE, is_constant, is_symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.walk import topological_order
from graphc.ops.contraction_row import ContractionOperation
from graphc.ops.movement_row import MovementOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation
from graphc.rewrite.arithmetic import COMPUTE

NUMBER = ""
"""The key of the term without a variable."""
COUNT = "#"
"""The key of the number of nodes, which decides between equal measures."""

Measure: TypeAlias = "dict[str, int]"

_WEIGHTS = {
    "divide": 6,
    "guarded_divide": 7,
    "guarded_multiply": 2,
    "power": 20,
    "reciprocal": 4,
    "contract": 40,
    "norm": 40,
}
_ELEMENTWISE, _TRANSCENDENTAL, _REDUCTION = 1, 10, 20
_REDUCTION_FACTOR = 32


def weight(node: Expr) -> int:
    """Return the weight of a node's operation, near what it costs for one element."""
    if node.op.name in _WEIGHTS:
        return _WEIGHTS[node.op.name]
    if isinstance(node.op, ScalarOperation):
        return _ELEMENTWISE if node.op.cost < 10 else _TRANSCENDENTAL
    return 1 if isinstance(node.op, MovementOperation) else _REDUCTION


def factor_of(node: Expr) -> int:
    """Return what the measure of an operation's arguments is multiplied by."""
    if isinstance(node.op, MovementOperation):
        return 1
    return _REDUCTION_FACTOR if isinstance(node.op, (ReductionOperation, ContractionOperation)) else 2


def measure(expression: Expr, constants: Iterable[str] = ()) -> Measure:
    """Return the measure of a pattern: coefficients of its symbols, of 1, and the number of nodes.

    Args:
        expression: a pattern, or any expression small enough to be measured as a tree.
        constants: names of symbols that stand for numbers.
    """
    numbers = set(constants)
    found: dict[Expr, Measure] = {}
    for node in topological_order([expression]):
        found[node] = _measure_node(node, numbers, [found[argument] for argument in node.args])
    return found[expression]


def is_lower(new: Mapping[str, int], old: Mapping[str, int]) -> bool:
    """Tell whether a measure is lower than another for whatever the variables stand."""
    keys = (set(new) | set(old)) - {COUNT}
    if any(new.get(key, 0) > old.get(key, 0) for key in keys - {NUMBER}):
        return False
    # A variable measures 1 at least, so what its coefficient falls by counts.
    new_total, old_total = (sum(each.get(key, 0) for key in keys) for each in (new, old))
    if keys == {NUMBER} and new_total == old_total:
        return new[COUNT] < old[COUNT]
    return new_total < old_total


def _measure_node(node: Expr, numbers: set[str], arguments: list[Measure]) -> Measure:
    """Return the measure of a node from those of its arguments."""
    count = 1 + sum(argument[COUNT] for argument in arguments)
    if is_symbol(node) and symbol_name(node) not in numbers:
        return {symbol_name(node): 1, NUMBER: 0, COUNT: 1}
    if is_symbol(node) or is_constant(node) or node.op is SIZE:
        return {NUMBER: 1, COUNT: count + (is_constant(node) and node.shape != ())}
    will_fold = isinstance(node.op, MovementOperation) or node.op.name in (*COMPUTE, "astype")
    if will_fold and all(set(argument) == {NUMBER, COUNT} and argument[NUMBER] == 1 for argument in arguments):
        # Of a number in another shape the simplest form is a broadcast.
        return {NUMBER: 1, COUNT: count + (node.op.name != "broadcast_to")}
    factor = factor_of(node)
    total: Measure = {NUMBER: weight(node)}
    for argument in arguments:
        for key, coefficient in argument.items():
            total[key] = total.get(key, 0) + factor * coefficient
    total[COUNT] = count
    return total
