"""The SymPy meaning of rows: each row's ``definition`` text, parsed once per row and process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import sympy
from sympy.core.relational import Relational
from sympy.functions.special.delta_functions import DiracDelta
from sympy.logic.boolalg import Boolean, BooleanFunction

from graphc.backends.formulas import threefry
from graphc.errors import SymPyConversionError
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation

Term: TypeAlias = Any
"""A SymPy expression."""

NOT_ANALYTIC = (
    sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise, sympy.floor, sympy.ceiling, sympy.Heaviside,
    sympy.re, sympy.im, sympy.arg, sympy.conjugate, sympy.Mod, sympy.atan2, Relational, BooleanFunction, DiracDelta,
)  # fmt: skip
"""Heads that make a function other than analytic: a complex step through them is no derivative."""


class RandomBits(sympy.Function):  # type: ignore[misc]
    """The row ``threefry``, of which mathematics knows nothing but the values."""

    @classmethod
    def eval(cls, key: Term, counter: Term) -> Term | None:
        return sympy.Integer(_random_bits(key, counter)) if key.is_Integer and counter.is_Integer else None

    @staticmethod
    def _imp_(key: Any, counter: Any) -> int:
        """Return the value at numbers: what SymPy's ``lambdify`` calls."""
        return _random_bits(key, counter)


def _random_bits(key: Any, counter: Any) -> int:
    """Return the generator's 64 bits for two whole numbers."""
    with np.errstate(over="ignore"):
        return int(threefry(np.uint64(int(key)), np.uint64(int(counter))))


@dataclass(frozen=True, slots=True)
class Definition:
    """What a scalar row means: a SymPy expression in the symbols of its arguments."""

    arguments: tuple[Term, ...]
    expression: Term

    def __call__(self, *values: Term) -> Term:
        """Return the expression with values in place of the arguments."""
        return self.expression.xreplace(dict(zip(self.arguments, values, strict=True)))

    @property
    def is_analytic(self) -> bool:
        """Whether the complex derivative exists wherever the expression is smooth."""
        return not self.expression.has(*NOT_ANALYTIC) and not isinstance(self.expression, Boolean)


def argument_symbols(operation: ScalarOperation) -> tuple[Term, ...]:
    """Return the symbols that stand for the arguments of a row: real numbers or truth values."""
    names = ARGUMENT_NAMES[: operation.arity]
    if operation.rule == "logic":
        return tuple(sympy.Symbol(name) for name in names)
    symbols = tuple(sympy.Symbol(name, real=True) for name in names)
    return (sympy.Symbol(names[0]), *symbols[1:]) if operation.rule == "select" else symbols


@cache
def definition_of(operation: ScalarOperation) -> Definition:
    """Return the meaning of a scalar row.

    Raises:
        SymPyConversionError: SymPy cannot read the row's definition.
    """
    symbols = argument_symbols(operation)
    return Definition(symbols, parse(operation.name, operation.definition, {str(s): s for s in symbols}))


@cache
def fold_definition(operation: ReductionOperation, count: int) -> Definition:
    """Return the meaning of a reduction row for a number of elements.

    Raises:
        SymPyConversionError: SymPy cannot read the row's definition.
    """
    elements = tuple(sympy.Symbol(f"e{number}", real=True) for number in range(count))
    return Definition(elements, fold_terms(operation, elements))


def fold_terms(operation: ReductionOperation, elements: Sequence[Term]) -> Term:
    """Return the SymPy expression of a reduction row on elements."""
    namespace = {**vars(sympy), "xs": list(elements), "n": sympy.Integer(len(elements))}
    try:
        return sympy.sympify(eval(operation.definition, namespace))
    except Exception as error:
        raise _unreadable(operation.name, operation.definition, error) from None


def parse(name: str, text: str, symbols: dict[str, Term]) -> Term:
    """Return the SymPy expression of a text in which only ``symbols`` stand for values.

    Raises:
        SymPyConversionError: SymPy cannot read it, or it has other names.
    """
    try:
        expression = sympy.sympify(sympy.sympify(text, locals={"threefry": RandomBits, **symbols}))
        unknown = sorted(str(symbol) for symbol in expression.free_symbols - set(symbols.values()))
    except Exception as error:
        raise _unreadable(name, text, error) from None
    if unknown:
        raise _unreadable(name, text, f"it has the unknown names {', '.join(unknown)}")
    return expression


def _unreadable(name: str, text: str, why: object) -> SymPyConversionError:
    """Return the error for a definition that is no SymPy text."""
    return SymPyConversionError(
        f"operation {name!r}: SymPy does not read its definition {text!r}: {why}",
        remedy="write the definition with SymPy's functions and the arguments " + ", ".join(ARGUMENT_NAMES),
    )
