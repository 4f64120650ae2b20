"""Proofs that a scalar row's derivative is the derivative of its definition.

The row's own rule is run on a symbolic node, both sides become SymPy terms, and their difference must
vanish: by simplification where SymPy can, else at many points of the row's domain with 40 digits.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from typing import Any

import mpmath
import sympy

from graphc.check.definitions import NOT_ANALYTIC, Definition, Term, argument_symbols, definition_of
from graphc.check.elements import DIGITS, TERMS, cell, compiled_definition, evaluate_elements, sympy_number
from graphc.errors import CheckFailed
from graphc.graph.leaf import symbol
from graphc.graph.node import Expr, build
from graphc.ops.scalar_row import ARGUMENT_NAMES, CastOperation, ScalarOperation

POINTS = 24
"""Points of the domain at which both sides are compared in high precision."""
REACH = 3.0
"""Sample points lie within this distance of zero or of the finite end of the domain."""
CONSTANTS = (
    sympy.S.One, sympy.log(2), 1 / sympy.log(2), sympy.log(10), 1 / sympy.log(10),
    sympy.pi, 1 / sympy.pi, sympy.sqrt(sympy.pi), 1 / sympy.sqrt(sympy.pi), sympy.sqrt(2), 1 / sympy.sqrt(2 * sympy.pi),
)  # fmt: skip
"""Numbers that rules hold rounded to a float."""
PRECISION = mpmath.mpf(10) ** -25
"""Relative difference above which two high-precision values differ."""
SIMPLIFIED_OPERATIONS = 60
"""Terms longer than this are compared at points only: SymPy's simplify takes too long."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known about the derivative of a row.

    Attributes:
        row: its name.
        how: "proved" by SymPy, "sampled" at points with 40 digits, "detached" where the derivative is
            zero by decree, or "wrong".
        counterexample: argument, point and both values, where wrong.
    """

    row: str
    how: str
    counterexample: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the row."""
        return self.how != "wrong"


@cache
def prove_row(operation: ScalarOperation) -> Proof:
    """Return whether the row's partials are the derivatives of its definition; once per row and process.

    Args:
        operation: a scalar row, in a table or not.

    Raises:
        SymPyConversionError: SymPy cannot read the definition.

    Example:
        >>> from graphc.graph.table import OPERATIONS
        >>> prove_row(OPERATIONS["sin"]).how
        'proved'
    """
    if operation.detached:
        return Proof(operation.name, "detached")
    definition = definition_of(operation)
    how = "proved"
    for number in range(operation.arity):
        if not _has_derivative(operation, number):
            continue
        claimed, expected = _both_sides(operation, definition, number)
        found = _counterexample(operation, definition.arguments, claimed, expected)
        if found:
            return Proof(operation.name, "wrong", f"d/d{ARGUMENT_NAMES[number]} {found}")
        if not _is_zero(operation, claimed - expected, definition.arguments):
            how = "sampled"
    return Proof(operation.name, how)


def require_proof(operation: ScalarOperation) -> Proof:
    """Return the proof of a row.

    Raises:
        CheckFailed: its derivative is wrong.
    """
    proof = prove_row(operation)
    if not proof.ok:
        raise CheckFailed(
            f"row {proof.row!r}: {proof.counterexample}", remedy="correct the row's partial, or its definition"
        )
    return proof


def _has_derivative(operation: ScalarOperation, number: int) -> bool:
    """Tell whether an argument and the result are floats."""
    if operation.rule in ("compare", "logic", "test"):
        return False
    return not (operation.rule == "select" and number == 0)


def _both_sides(operation: ScalarOperation, definition: Definition, number: int) -> tuple[Term, Term]:
    """Return the partial the row claims and the derivative of the definition, as SymPy terms."""
    arguments = [symbol(str(name), (), "float64" if name.is_real else "bool") for name in argument_symbols(operation)]
    seed = symbol("adjoint_of_result")
    node = build(operation, *arguments, **({"dtype": "float64"} if isinstance(operation, CastOperation) else {}))
    wanted = [position == number for position in range(operation.arity)]
    contribution = operation.pullback(node, seed, wanted)[number]
    seed_term = sympy.Symbol("g", real=True)
    values = {**dict(zip(arguments, definition.arguments, strict=True)), seed: seed_term}
    claimed = sympy.S.Zero if contribution is None else _as_term(contribution, values).subs(seed_term, 1)
    return claimed, differentiate(definition.expression, definition.arguments[number])


def _as_term(node: Expr, values: Mapping[Expr, Term]) -> Term:
    cells = {name: cell(value) for name, value in values.items()}
    return evaluate_elements([node], cells, RULE_TERMS)[0][()]


def differentiate(expression: Term, variable: Term) -> Term:
    """Return a derivative almost everywhere: that of steps is zero, not a delta function."""
    expression = expression.replace(sympy.Mod, lambda x, y: x - y * sympy.floor(x / y))
    derivative = sympy.diff(expression, variable)
    derivative = derivative.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)
    steps = (sympy.floor, sympy.ceiling, sympy.sign)
    return derivative.replace(
        lambda term: isinstance(term, (sympy.Derivative, sympy.Subs)) and term.args[0].has(*steps),
        lambda term: sympy.S.Zero,
    )


def _counterexample(operation: ScalarOperation, arguments: Sequence[Term], claimed: Term, expected: Term) -> str:
    """Return where the two sides differ, in words; nothing where they agree at every point."""
    left = compiled_definition(Definition(tuple(arguments), claimed))
    right = compiled_definition(Definition(tuple(arguments), expected))
    generator = random.Random(operation.name)
    compared = 0
    with mpmath.workdps(DIGITS):
        for _ in range(POINTS):
            point = [_sample(interval, name, generator) for interval, name in zip(
                operation.domain, arguments, strict=True)]  # fmt: skip
            values = _at_point(left, point), _at_point(right, point)
            if None in values:
                continue
            compared += 1
            a, b = values
            if abs(a - b) > PRECISION * max(1, abs(a), abs(b)):
                shown = ", ".join(f"{name} = {mpmath.nstr(x, 6)}" for name, x in zip(arguments, point, strict=True))
                return f"at {shown}: the row says {mpmath.nstr(a, 12)}, its definition {mpmath.nstr(b, 12)}"
    return "" if compared else "no point of the domain gives a value"


def _sample(interval: tuple[float, float], name: Term, generator: random.Random) -> Any:
    """Return a point of an open interval; a truth value for an argument that is one."""
    low, high = interval
    if not name.is_real:
        return generator.random() < 0.5
    if low == -mpmath.inf and high == mpmath.inf:
        low, high = -REACH, REACH
    elif high == mpmath.inf:
        high = low + REACH
    elif low == -mpmath.inf:
        low = high - REACH
    return mpmath.mpf(generator.uniform(low, high))


def _at_point(function: Any, point: Sequence[Any]) -> Any:
    """Return a real finite value; None where there is none."""
    try:
        value = mpmath.mpmathify(function(*point))
    except (ZeroDivisionError, ValueError):
        return None
    if abs(mpmath.im(value)) > PRECISION * (1 + abs(value)) or not mpmath.isfinite(value):
        return None
    return mpmath.re(value)


def _is_zero(operation: ScalarOperation, difference: Term, arguments: Sequence[Term]) -> bool:
    """Tell whether SymPy can show that a term vanishes almost everywhere on the row's domain."""
    if difference == 0 or sympy.expand(difference) == 0:
        return True
    if difference.has(*NOT_ANALYTIC):
        cases = (difference.xreplace(case) for case in _orderings(operation, arguments))
        return all(sympy.simplify(case) == 0 for case in cases)
    return bool(sympy.count_ops(difference) <= SIMPLIFIED_OPERATIONS and sympy.simplify(difference) == 0)


def _orderings(operation: ScalarOperation, arguments: Sequence[Term]) -> Iterator[dict[Term, Term]]:
    """Yield one substitution for each strict order of the arguments and zero that the domain allows.

    In it every comparison of arguments has a truth value that SymPy sees from the signs alone.
    """
    numbers = [name for name in arguments if name.is_real]
    truths = [name for name in arguments if not name.is_real]
    for order in permutations([*numbers, sympy.S.Zero]):
        zero = order.index(0)
        case: dict[Term, Term] = {}
        for direction, side in ((1, order[zero + 1 :]), (-1, order[:zero][::-1])):
            total = sympy.S.Zero
            for name in side:
                total += direction * sympy.Dummy(positive=True)
                case[name] = total
        if all(_allows(operation.domain[arguments.index(name)], term) for name, term in case.items()):
            for choice in product((sympy.true, sympy.false), repeat=len(truths)):
                yield {**case, **dict(zip(truths, choice, strict=True))}


def _allows(interval: tuple[float, float], term: Term) -> bool:
    """Tell whether an interval has numbers of the sign of a term."""
    return bool(interval[1] > 0 if term.is_positive else interval[0] < 0)


def recognised(value: Any) -> Term:
    """Return a float in a rule as the number it rounds: a fraction, or one times a known constant."""
    if not isinstance(value, float) or not math.isfinite(value):
        return sympy_number(value)
    for constant in CONSTANTS:
        ratio = value / float(constant)
        fraction = Fraction(ratio).limit_denominator(100)
        if fraction and math.isclose(float(fraction), ratio, rel_tol=1e-15):
            return sympy.Rational(fraction.numerator, fraction.denominator) * constant
    return sympy_number(value)


RULE_TERMS = replace(TERMS, lift=recognised)
"""SymPy terms of a rule: its float constants stand for the numbers they round."""
