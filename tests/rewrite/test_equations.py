"""Every equation is proved, fires, and keeps the promise of its group."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from graphc.check.export_sympy import to_sympy
from graphc.errors import InternalError
from graphc.graph.leaf import constant, symbol
from graphc.ops.elementary import exp, log
from graphc.rewrite.engine import Trace, simplify
from graphc.rewrite.rule import EXACT, STABILISE, VECTOR_SIZE, Rule
from graphc.rewrite.rules import RULES
from tests.rewrite.rule_tools import (
    EQUATIONS,
    NUMBERS,
    ORDER,
    both_sides,
    grid,
    is_proved,
    names_of,
    same_bits,
    values_of,
    variables_of,
)

EXACT_ONES = [rule for rule in EQUATIONS if rule.group is EXACT]
STABLE_ONES = [rule for rule in EQUATIONS if rule.group is STABILISE]
POINTS = (0.0, 1e-300, 1e-17, 1e-9, 1e-3, 0.3, 0.9, 2.0, 20.0, 40.0, 300.0, 720.0)
EQUALLY_ACCURATE = {
    "log_sigmoid": "both are right; one function takes the place of two negations around another",
    "negative_log_sigmoid": "the same",
    "norm": "what improves is its derivative at 0",
    "power_of_two": "a product is rounded correctly, the C library's power almost always",
    "power_of_minus_one": "the same for a quotient",
}
"""Rules that do not improve on the reference backend's functions at these points, and why they are here."""
DIGITS = 900
"""Enough for 1 + exp(-720)."""


def test_every_rule_has_a_name_of_its_own() -> None:
    names = names_of(RULES)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", EQUATIONS, ids=names_of(EQUATIONS))
def test_sympy_proves_the_equation(rule: Rule) -> None:
    assert is_proved(rule, rule.left, rule.right)


@pytest.mark.parametrize("rule", EQUATIONS, ids=names_of(EQUATIONS))
def test_a_wrong_equation_is_not_proved(rule: Rule) -> None:
    wrong = ~rule.right if rule.left.dtype == "bool" else rule.right + constant(0.001)
    assert not is_proved(rule, rule.left, wrong)


@pytest.mark.parametrize("rule", EQUATIONS, ids=names_of(EQUATIONS))
def test_the_rule_fires_and_both_sides_get_one_form(rule: Rule) -> None:
    dtype = "float64" if "float64" in rule.dtypes else "int64"
    left, right = both_sides(rule, dtype, (2, VECTOR_SIZE), number=3.0)
    trace = Trace()
    simplified = simplify([left, right], ORDER[: ORDER.index(rule.group) + 1], trace)
    assert rule.name in names_of(step.rule for step in trace.steps)
    assert simplified[0] is simplified[1]


@pytest.mark.parametrize("rule", EXACT_ONES, ids=names_of(EXACT_ONES))
def test_an_exact_rule_keeps_every_bit(rule: Rule) -> None:
    for dtype in sorted({*rule.dtypes} & {"float32", "float64", "int8"}):
        values = grid(rule, dtype)
        for number in NUMBERS if rule.constants else NUMBERS[:1]:
            size = len(next(iter(values.values())))
            first, second = values_of(*both_sides(rule, dtype, (size,), number), values, dtype)
            wrong = np.flatnonzero(~same_bits(first, second))
            assert not wrong.size, [
                dtype,
                *(value[wrong[0]] for value in values.values()),
                first[wrong[0]],
                second[wrong[0]],
            ]


@pytest.mark.parametrize("rule", STABLE_ONES, ids=names_of(STABLE_ONES))
def test_a_stabilising_rule_is_at_least_as_accurate(rule: Rule) -> None:
    names = variables_of(rule)
    left, right = rule.left, rule.right
    atoms = sorted(to_sympy(left).free_symbols, key=str)
    exact_function = sympy.lambdify(atoms, to_sympy(left), "mpmath")
    better = 0
    for point in POINTS:
        for sign in (1, -1):
            values = {
                name: _vector(sign * point) if name in rule.vectors.split() else sign * point * (1 + 0.25 * index)
                for index, name in enumerate(names)
            }
            numbers = [number for name in sorted(names) for number in np.ravel(values[name])]
            with mpmath.workdps(DIGITS):
                exact = _real_value(exact_function, numbers)
                first, second = (mpmath.mpf(float(value)) for value in values_of(left, right, values, "float64"))
                if exact is None:
                    assert mpmath.isnan(second) or not mpmath.isfinite(second), (values, second)
                    continue
                before, after = (_error(value, exact) for value in (first, second))
                assert after <= max(before, 4), (values, mpmath.nstr(exact, 20), first, second)
                better += after < before
    assert bool(better) == (rule.name not in EQUALLY_ACCURATE)


def _vector(value: float) -> np.ndarray[Any, Any]:
    return np.array([value, value / 3, -value / 2])


def _real_value(function: Any, numbers: list[float]) -> Any:
    """Return the value in high precision, None where it is not a real number."""
    try:
        value = function(*(mpmath.mpf(float(number)) for number in numbers))
    except (ZeroDivisionError, ValueError):
        return None
    if isinstance(value, mpmath.mpc) and value.imag != 0:
        return None
    value = mpmath.re(value)
    return value if mpmath.isfinite(value) and abs(value) < 1e308 else None


def _error(value: Any, exact: Any) -> float:
    """Return the distance in units in the last place of the exact value; inf for NaN or infinity.

    What is below the normal numbers may become zero.
    """
    if not mpmath.isfinite(value):
        return float("inf")
    size, smallest = abs(float(exact)), float(np.finfo("float64").tiny)
    unit = float(np.spacing(size)) if size >= smallest else smallest
    return float(min(abs(value - exact) / mpmath.mpf(unit), mpmath.mpf(1e300)))


def test_a_rule_that_does_not_simplify_is_refused() -> None:
    with pytest.raises(InternalError, match="not simpler"):
        Rule("grow", lambda a: (exp(a), exp(a) * 1), EXACT)
    with pytest.raises(InternalError, match="not simpler"):
        Rule("commute", lambda a, b: (a + b, b + a), EXACT)


def test_the_statement_reads_as_the_equation() -> None:
    rule = Rule("log1p", lambda a: (log(1 + exp(a)), symbol("a")), STABILISE, condition="a < 3")
    assert rule.statement == "log(1 + exp(a)) -> a, a < 3"
