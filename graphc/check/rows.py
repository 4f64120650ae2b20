"""Proofs about scalar rows: each partial is the derivative of the row's definition."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import mpmath
import sympy
from mpmath import mp

from graphc.check.definitions import Term, definition_of
from graphc.check.elements import MPMATH, NUMBERS, cell, evaluate_elements
from graphc.check.proofs import RULE_TERMS, differentiate, vanishes
from graphc.errors import CheckFailed
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation, elementwise

Point: TypeAlias = "tuple[Any, ...]"

PROOF_DIGITS = 50
PROOF_POINTS = 20
TOLERANCE = 1e-14
"""Relative: the constants of partials (1/log 2, 2/sqrt(pi)) are float64."""
SMALLEST, LARGEST = 1e-6, 30.0
"""Magnitudes sampled: wide, yet no overflow."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a partial was proved: "symbolic" (SymPy shows the difference is 0) or "numeric" (50 digits)."""

    row: str
    argument: str
    method: str


def sample_points(operation: ScalarOperation, count: int, seed: int = 0) -> list[Point]:
    """Return points of the row's domain: small and large magnitudes, both signs where they are allowed."""
    generator = random.Random(f"{operation.name} {seed}")
    truth = operation.arity if operation.rule == "logic" else int(operation.rule == "select")
    return [
        tuple(
            generator.random() < 0.5 if number < truth else _sample(generator, *operation.domain[number])
            for number in range(operation.arity)
        )
        for _ in range(count)
    ]


def _sample(generator: random.Random, low: float, high: float) -> float:
    """Return a number of an open interval."""
    if math.isfinite(low) and math.isfinite(high):
        distance = (high - low) / 2 * 10 ** generator.uniform(-4, 0)
        return low + distance if generator.random() < 0.5 else high - distance
    magnitude = math.exp(generator.uniform(math.log(SMALLEST), math.log(LARGEST)))
    if math.isfinite(low):
        return low + magnitude
    if math.isfinite(high):
        return high - magnitude
    return magnitude if generator.random() < 0.5 else -magnitude


def prove_row(operation: ScalarOperation) -> list[Proof]:
    """Return how each partial of a row was proved to be the derivative of its definition.

    Args:
        operation: a row of the table; its partials or pushes are what is proved.

    Raises:
        CheckFailed: a partial is wrong; the message names the row, the argument and a point.

    Example:
        >>> import graphc as gx
        >>> from graphc.graph.table import OPERATIONS
        >>> prove_row(OPERATIONS["sin"])
        [Proof(row='sin', argument='x', method='symbolic')]
    """
    arguments = _arguments(operation)
    node = elementwise(operation, *arguments)
    if not node.is_differentiable:
        return []
    wanted = [argument.is_differentiable for argument in arguments]
    parts = node.op.pullback(node, constant(1.0), wanted)
    return [
        Proof(operation.name, ARGUMENT_NAMES[number], _prove_partial(operation, arguments, number, part))
        for number, part in enumerate(parts)
        if wanted[number] and not operation.detached
    ]


def _arguments(operation: ScalarOperation) -> list[Expr]:
    """Return a symbol for each argument, of the dtype the row takes."""
    names = ARGUMENT_NAMES[: operation.arity]
    if operation.rule == "logic":
        return [symbol(name, (), "bool") for name in names]
    first = symbol(names[0], (), "bool" if operation.rule == "select" else "float64")
    return [first, *(symbol(name) for name in names[1:])]


def _prove_partial(operation: ScalarOperation, arguments: Sequence[Expr], number: int, part: Expr | None) -> str:
    """Return the method that proved one partial.

    Raises:
        CheckFailed: it is wrong.
    """
    if _is_symbolic_identity(operation, arguments, number, part):
        return "symbolic"
    with mp.workdps(PROOF_DIGITS):
        for point in sample_points(operation, PROOF_POINTS):
            found, expected = _evaluate(arguments, part, point), _expected(operation, number, point)
            if not abs(found - expected) <= TOLERANCE * abs(expected) + 1e-30:
                where = ", ".join(f"{name} = {value!r}" for name, value in zip(ARGUMENT_NAMES, point, strict=False))
                raise CheckFailed(
                    f"row {operation.name!r}: the partial by {ARGUMENT_NAMES[number]} is {mpmath.nstr(found, 15)} at "
                    f"{where}, the definition {operation.definition!r} gives {mpmath.nstr(expected, 15)}",
                    remedy="correct the partial, or leave it out: SymPy derives it",
                )
    return "numeric"


@cache
def derivative_of(operation: ScalarOperation, number: int) -> Term:
    """Return the derivative of a row's definition by one argument, almost everywhere."""
    definition = definition_of(operation)
    return differentiate(definition.expression, definition.arguments[number])


def _is_symbolic_identity(
    operation: ScalarOperation, arguments: Sequence[Expr], number: int, part: Expr | None
) -> bool:
    """Tell whether SymPy shows that the partial is the derivative."""
    definition = definition_of(operation)
    claimed: Term = sympy.S.Zero
    if part is not None:
        values = {node: cell(term) for node, term in zip(arguments, definition.arguments, strict=True)}
        claimed = evaluate_elements([part], values, RULE_TERMS)[0][()]
    return vanishes(operation, claimed - derivative_of(operation, number), definition.arguments)


def _evaluate(arguments: Sequence[Expr], part: Expr | None, point: Point) -> Any:
    """Return a graph's value at a point in high precision."""
    if part is None:
        return mpmath.mpf(0)
    values = {node: cell(NUMBERS.lift(value)) for node, value in zip(arguments, point, strict=True)}
    return _real(evaluate_elements([part], values, NUMBERS)[0][()])


def _real(value: Any) -> Any:
    """Return a number without imaginary part as a real one; NaN for others."""
    number = mpmath.mpmathify(value)
    return mpmath.re(number) if mpmath.im(number) == 0 else mpmath.nan


def _expected(operation: ScalarOperation, number: int, point: Point) -> Any:
    """Return the derivative of the definition at a point, in high precision."""
    values = [NUMBERS.lift(value) for value in point]
    function = _compiled_derivative(operation, number)
    if function is not None:
        return _real(function(*values))
    whole = NUMBERS.scalar(operation)
    return mpmath.diff(lambda x: whole(*values[:number], x, *values[number + 1 :]), values[number])


@cache
def _compiled_derivative(operation: ScalarOperation, number: int) -> Any:
    """Return the derivative as a function of mpmath numbers; None where SymPy leaves it unevaluated."""
    derivative = derivative_of(operation, number)
    if derivative.has(sympy.Derivative, sympy.Subs):
        return None
    return sympy.lambdify(definition_of(operation).arguments, derivative, modules=[MPMATH, "mpmath"])


def scalar_rows(table: Any) -> Iterator[ScalarOperation]:
    """Yield the scalar rows of a table."""
    return (row for row in list(table.values()) if isinstance(row, ScalarOperation))
