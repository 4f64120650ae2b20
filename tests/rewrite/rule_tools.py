"""What the tests of the rules share: values to try, sides of an equation at any dtype, equality of bits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import sympy

from graphc.backends.reference import evaluate
from graphc.check.export_sympy import to_sympy
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.rewrite.match import apply_variants, fitting_variants
from graphc.rewrite.rule import ALGEBRAIC, EXACT, STABILISE, Rule
from graphc.rewrite.rules import RULES

EQUATIONS = [rule for rule in RULES if isinstance(rule, Rule)]
ORDER = (EXACT, STABILISE, ALGEBRAIC)
NUMBERS = (2.0, -3.0, 0.5)
"""What variables that stand for a constant are tried as."""


def names_of(rules: Any) -> list[str]:
    """Return the names of rules, for the ids of tests."""
    return [rule.name for rule in rules]


def variables_of(rule: Rule) -> list[str]:
    """Return the names of the variables of an equation."""
    return list(rule.equation.__code__.co_varnames[: rule.equation.__code__.co_argcount])


def is_proved(rule: Rule, left: Expr, right: Expr) -> bool:
    """Tell whether SymPy finds both sides equal, for reals, or positives where the rule says so."""
    first, second = to_sympy(left), to_sympy(right)
    if left.dtype == "bool":
        return bool(sympy.simplify(sympy.Equivalent(first, second)) == sympy.true)
    difference = sympy.sympify(first) - sympy.sympify(second)
    positive = rule.positive.split()
    difference = difference.subs(
        {each: sympy.Symbol(each.name, positive=True) for each in difference.free_symbols if each.name in positive}
    )
    if difference == 0 or sympy.simplify(difference) == 0:
        return True
    return bool(sympy.simplify(sympy.exp(difference).rewrite(sympy.exp)) == 1)  # exp is injective on the reals


def special_values(dtype: str, count: int) -> np.ndarray[Any, Any]:
    """Return the values where IEEE or integer arithmetic is peculiar, and random ones."""
    if dtype == "int8":
        return np.arange(-128, 128, dtype=np.int8)[:: 1 if count > 100 else 9]
    limits, generator = np.finfo(dtype), np.random.default_rng(0)
    edges = [0.0, np.inf, limits.smallest_subnormal, 7 * limits.smallest_subnormal, limits.tiny, limits.max]
    edges += [1.0, 1 + limits.eps, 0.5, 3.0]
    ordinary = np.exp(generator.normal(0, 4, max(count - 2 * len(edges) - 1, 2)))
    signed = np.array([*edges, *ordinary]).astype(dtype)
    return np.concatenate([signed, -signed, np.array([np.nan], dtype)])


def grid(rule: Rule, dtype: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return every combination of special values of the variables, one array each."""
    names = [name for name in variables_of(rule) if name not in rule.constants.split()]
    count = {0: 200, 1: 200, 2: 60, 3: 20}[len([name for name in names if name not in rule.booleans.split()])]
    choices = [
        np.array([False, True]) if name in rule.booleans.split() else special_values(dtype, count) for name in names
    ]
    columns = zip(*itertools.product(*choices), strict=True)
    return {name: np.array(column) for name, column in zip(names, columns, strict=True)}


def both_sides(rule: Rule, dtype: str, shape: tuple[int, ...], number: float = 2.0) -> tuple[Expr, Expr]:
    """Return the left side of an equation on symbols of a dtype and shape, and what the engine makes of it.

    The first variable that stands for a constant is ``number``, the others are 7.
    """
    arguments = []
    for name in variables_of(rule):
        if name in rule.constants.split():
            arguments.append(constant(number, dtype))
            number = 7.0
        else:
            arguments.append(symbol(name, shape, "bool" if name in rule.booleans.split() else dtype))
    left = rule.equation(*arguments)[0]
    right = apply_variants(rule, fitting_variants(rule, left), left)
    assert right is not None, f"{rule.name} does not match its own left side in {dtype}"
    return left, right


def values_of(left: Expr, right: Expr, values: dict[str, Any], dtype: str) -> list[np.ndarray[Any, Any]]:
    """Return both sides evaluated by the reference backend, for the values of the variables by name."""
    bound = {}
    for name, value in values.items():
        array = np.asarray(value)
        kind = "bool" if array.dtype == bool else dtype
        bound[symbol(name, array.shape, kind)] = array.astype(kind)
    return evaluate([left, right], bound)


def same_bits(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Tell for each element whether both have the same bits, or both are NaN."""
    assert first.dtype == second.dtype
    if first.dtype.kind != "f":
        return np.asarray(first == second)
    bits = {4: np.uint32, 8: np.uint64}[first.dtype.itemsize]
    equal = np.ascontiguousarray(first).view(bits) == np.ascontiguousarray(second).view(bits)
    return np.asarray(equal | (np.isnan(first) & np.isnan(second)))
