"""Derivatives without rules: Richardson-extrapolated central differences, one-sided ones, complex steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import mpmath
import numpy as np

from graphc.check.definitions import definition_of, fold_definition
from graphc.check.elements import DIGITS, NUMBERS, Cells, evaluate_elements, lift_array
from graphc.graph.node import Expr
from graphc.graph.walk import reaching, topological_order
from graphc.ops.contraction_row import ContractionOperation
from graphc.ops.movement_row import MovementOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation

Line: TypeAlias = "Callable[[float], float]"
"""The function along a line: distance from the point -> value."""

STEPS = ((4e-3, 4), (1e-5, 2))
"""(first step, number of halvings) of each attempt; the one with the smaller error estimate is taken."""
EPSILON = float(np.finfo(np.float64).eps)
ELEMENT_LIMIT = 3000
"""Elements a graph may compute for a complex step in high precision."""
COMPLEX_STEP = mpmath.mpf(10) ** -30


@dataclass(frozen=True, slots=True)
class Estimate:
    """A derivative and a bound on its error as far as differences can tell."""

    value: float
    error: float


def richardson(line: Line, scale: float = 1.0) -> Estimate:
    """Return the derivative of a line at 0 by extrapolated central differences.

    Source: Richardson's deferred approach to the limit; Ridders, Advances in Engineering Software 4 (1982).
    """
    estimates = [_extrapolate(line, first * scale, levels) for first, levels in STEPS]
    return min(estimates, key=lambda estimate: (not np.isfinite(estimate.value), estimate.error))


def _extrapolate(line: Line, first: float, levels: int) -> Estimate:
    """Return the extrapolation of central differences with steps first, first/2, ..."""
    table: list[float] = []
    previous, largest = np.nan, 0.0
    for level in range(levels):
        step = first / 2**level
        right, left = line(step), line(-step)
        largest = max(largest, abs(right), abs(left))
        previous = table[-1] if table else np.nan
        row = [(right - left) / (2 * step)]
        for order, old in enumerate(table, start=1):
            row.append(row[-1] + (row[-1] - old) / (4.0**order - 1))
        table = row
    rounding = 4 * EPSILON * largest * 2**levels / first
    error = abs(table[-1] - previous) + rounding
    return Estimate(table[-1], error if np.isfinite(error) else np.inf)


def one_sided(line: Line, scale: float = 1.0) -> tuple[float, float]:
    """Return the derivatives from the left and from the right, by differences of second order."""
    step = 1e-5 * scale
    middle = line(0.0)
    right = (4 * line(step) - line(2 * step) - 3 * middle) / (2 * step)
    left = -(4 * line(-step) - line(-2 * step) - 3 * middle) / (2 * step)
    return left, right


def complex_step_obstacle(objective: Expr, wrt: Sequence[Expr]) -> str:
    """Return why a complex step gives no derivative here; nothing where it does."""
    order = topological_order([objective])
    active = reaching(order, wrt)
    elements = sum(int(node.size) for node in order)
    if elements > ELEMENT_LIMIT:
        return f"{elements} elements to compute, the limit is {ELEMENT_LIMIT}"
    for node in order:
        if node in active and not _is_analytic(node):
            return f"{node.op.name} is not analytic"
    return ""


def _is_analytic(node: Expr) -> bool:
    """Tell whether a node has a complex derivative."""
    if isinstance(node.op, ScalarOperation):
        return definition_of(node.op).is_analytic
    if isinstance(node.op, ReductionOperation):
        return node.op.differentiable and fold_definition(node.op, 2).is_analytic
    return isinstance(node.op, (MovementOperation, ContractionOperation)) or not node.args


def complex_step(objective: Expr, point: Mapping[Expr, Any], tangents: Mapping[Expr, Any]) -> float:
    """Return the derivative along tangents: the imaginary part after an imaginary step, in high precision.

    Source: Squire & Trapp, Using complex variables to estimate derivatives, SIAM Review 40 (1998).
    """
    with mpmath.workdps(2 * DIGITS):
        cells = {node: _moved(value, tangents.get(node)) for node, value in point.items()}
        (result,) = evaluate_elements([objective], cells, NUMBERS)
        return float(mpmath.im(result[()]) / COMPLEX_STEP)


def _moved(value: Any, tangent: Any) -> Cells:
    """Return the elements of a value with an imaginary step along a tangent."""
    cells = lift_array(value, NUMBERS)
    if tangent is None:
        return cells
    moved: Cells = np.empty(cells.shape, dtype=object)
    for index in np.ndindex(cells.shape):
        moved[index] = mpmath.mpc(cells[index], COMPLEX_STEP * mpmath.mpf(float(tangent[index])))
    return moved
