"""What SymPy can show about derivatives: that a term vanishes almost everywhere on a row's domain.

Where a term has kinks it is shown case by case, one for each order of the arguments and zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product
from typing import Any

import sympy

from graphc.check.definitions import NOT_ANALYTIC, Term
from graphc.check.elements import TERMS, sympy_number
from graphc.ops.scalar_row import ScalarOperation

SIMPLIFIED_OPERATIONS = 60
"""Terms longer than this are left to sampling: SymPy's simplify takes too long."""
CONSTANTS = (
    sympy.S.One, sympy.log(2), 1 / sympy.log(2), sympy.log(10), 1 / sympy.log(10),
    sympy.pi, 1 / sympy.pi, sympy.sqrt(sympy.pi), 1 / sympy.sqrt(sympy.pi), sympy.sqrt(2), 1 / sympy.sqrt(2 * sympy.pi),
)  # fmt: skip
"""Numbers that rules hold rounded to a float."""


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


def vanishes(operation: ScalarOperation, difference: Term, arguments: Sequence[Term]) -> bool:
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
