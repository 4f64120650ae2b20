"""One table: SymPy head -> how graphc builds it.

Most entries are the rows' own definitions read backwards: a row defined as one SymPy function of its
arguments (``sin(x)``, ``atan2(x, y)``, ``x < y``) is what that function becomes. The rest are the heads
with a structure of their own: sums, products, powers, cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import sympy
from sympy.codegen import cfunctions
from sympy.matrices.expressions import hadamard

from graphc.check.definitions import Term, definition_of
from graphc.errors import InternalError, UnsupportedError
from graphc.graph.leaf import constant
from graphc.graph.node import Expr
from graphc.graph.table import FUNCTIONS, OPERATIONS, apply
from graphc.ops.scalar_row import ScalarOperation

Nodes: TypeAlias = "Sequence[Expr]"
Builder: TypeAlias = "Callable[[Any, Nodes], Expr]"
"""(SymPy term, what its arguments became) -> node."""


def _chain(name: str, start: Any) -> Builder:
    """Return the builder of a head with any number of arguments, folded by a function of two."""
    return lambda term, nodes: reduce(lambda a, b: apply(name, a, b), nodes) if nodes else constant(start)


def _composed(function: Callable[..., Any]) -> Builder:
    """Return the builder that applies a function to the arguments."""
    return lambda term, nodes: function(*nodes)


def _sum(_term: Term, nodes: Nodes) -> Expr:
    """Return a sum, terms with a minus sign subtracted."""
    total = nodes[0]
    for node in nodes[1:]:
        if node.op.name == "negative":
            total = total - node.args[0]
        elif total.op.name == "negative":
            total = node - total.args[0]
        else:
            total = total + node
    return total


def _product(_term: Term, nodes: Nodes) -> Expr:
    """Return a product: a leading -1 as a sign, reciprocals as one division."""
    above: list[Expr] = []
    below: list[Expr] = []
    minus = _is_minus_one(nodes[0])
    for node in nodes[1:] if minus else nodes:
        factor = _denominator(node)
        (above if factor is None else below).append(node if factor is None else factor)
    top = reduce(lambda a, b: a * b, above) if above else constant(1.0)
    result = top / reduce(lambda a, b: a * b, below) if below else top
    return -result if minus else result


def _is_minus_one(node: Expr) -> bool:
    return node is constant(-1.0)


def _denominator(node: Expr) -> Expr | None:
    """Return what a factor divides by, None where it multiplies."""
    row = node.op
    if row.name == "reciprocal":
        return node.args[0]
    if isinstance(row, ScalarOperation) and row.family == "power" and row.parameter < 0:
        return apply("power", node.args[0], float(-row.parameter))
    return None


def _power(term: Term, nodes: Nodes) -> Expr:
    """Return a power: roots and reciprocals by their own rows."""
    base, exponent = nodes
    fraction = term.args[1]
    if not fraction.is_Rational:
        return apply("power", base, exponent)
    if fraction.is_negative:
        return apply("reciprocal", _rational_power(base, term.args[0], -fraction))
    return _rational_power(base, term.args[0], fraction)


def _rational_power(base: Expr, original: Term, exponent: Term) -> Expr:
    """Return base to a positive rational power. ``x**(1/3)`` of negative x is no real number in SymPy."""
    if exponent == sympy.S.Half:
        return apply("sqrt", base)
    never_negative = original.func is sympy.Abs or (original.is_Symbol and original.is_nonnegative)
    if exponent == sympy.Rational(1, 3) and never_negative:
        return apply("cbrt", base)
    return apply("power", base, float(exponent))


def _piecewise(term: Term, nodes: Nodes) -> Expr:
    """Return nested where; NaN where no condition holds."""
    values, conditions = nodes[0::2], nodes[1::2]
    result = constant(math.nan)
    for value, condition, pair in reversed(list(zip(values, conditions, term.args, strict=True))):
        result = value if pair.args[1] == sympy.true else apply("where", condition, value, result)
    return result


def _heaviside(_term: Term, nodes: Nodes) -> Expr:
    x, at_zero = nodes
    return apply("where", x > 0, 1.0, apply("where", x < 0, 0.0, apply("where", apply("equal", x, 0), at_zero, x)))


def _polygamma(term: Term, nodes: Nodes) -> Expr:
    order = term.args[0]
    if not order.is_Integer:
        raise UnsupportedError(f"polygamma of the order {order}: only integers are supported")
    return apply("digamma", nodes[1]) if order == 0 else apply("polygamma", int(order), nodes[1])


def _gamma(x: Expr) -> Expr:
    """Return the gamma function by its logarithm; its sign alternates left of 0."""
    alternating = 1.0 - 2.0 * apply("mod", apply("floor", x), 2.0)
    return apply("where", x > 0, 1.0, alternating) * apply("exp", apply("gammaln", x))


def _sinc(x: Expr) -> Expr:
    return apply("where", apply("equal", x, 0), 1.0, apply("sin", x) / x)


def _array(term: Any, nodes: Nodes) -> Expr:
    """Return an explicit matrix or array from the nodes of its elements."""
    shape = tuple(int(size) for size in term.shape)
    if not nodes:
        return constant(np.zeros(shape))
    return apply("reshape", apply("stack", list(nodes)), shape)


def _inverse_of(name: str) -> Builder:
    return lambda term, nodes: apply("reciprocal", apply(name, nodes[0]))


def _of_inverse(name: str) -> Builder:
    return lambda term, nodes: apply(name, apply("reciprocal", nodes[0]))


def _named(name: str) -> Builder:
    return lambda term, nodes: apply(name, *nodes)


STRUCTURAL: dict[Any, Builder] = {
    sympy.Add: _sum,
    sympy.Mul: _product,
    sympy.Pow: _power,
    sympy.Piecewise: _piecewise,
    sympy.Max: _chain("maximum", -math.inf),
    sympy.Min: _chain("minimum", math.inf),
    sympy.And: _chain("logical_and", True),
    sympy.Or: _chain("logical_or", False),
    sympy.Xor: _chain("logical_xor", False),
    sympy.ITE: _named("where"),
    sympy.Heaviside: _heaviside,
    sympy.DiracDelta: lambda term, nodes: constant(0.0),
    sympy.Mod: _named("mod"),
    sympy.polygamma: _polygamma,
    sympy.gamma: _composed(_gamma),
    sympy.factorial: _composed(lambda x: _gamma(x + 1.0)),
    sympy.sinc: _composed(_sinc),
    sympy.erfinv: _composed(lambda x: apply("ndtri", 0.5 * x + 0.5) * 0.5**0.5),
    sympy.re: _composed(lambda x: x),
    sympy.im: lambda term, nodes: constant(0.0),
    sympy.conjugate: _composed(lambda x: x),
    sympy.arg: _composed(lambda x: apply("where", x >= 0, 0.0, math.pi)),
    sympy.UnevaluatedExpr: _composed(lambda x: x),
    sympy.frac: _composed(lambda x: x - apply("floor", x)),
    **{head: _inverse_of(name) for head, name in (
        (sympy.sec, "cos"), (sympy.csc, "sin"), (sympy.cot, "tan"),
        (sympy.sech, "cosh"), (sympy.csch, "sinh"), (sympy.coth, "tanh"),
    )},
    **{head: _of_inverse(name) for head, name in (
        (sympy.asec, "acos"), (sympy.acsc, "asin"), (sympy.acot, "atan"),
        (sympy.asech, "acosh"), (sympy.acsch, "asinh"), (sympy.acoth, "atanh"),
    )},
    **{getattr(cfunctions, head): _named(name) for head, name in (
        ("expm1", "expm1"), ("log1p", "log1p"), ("exp2", "exp2"), ("log2", "log2"), ("log10", "log10"),
        ("hypot", "hypot"), ("Sqrt", "sqrt"), ("Cbrt", "cbrt"),
    )},
    cfunctions.fma: _composed(lambda x, y, z: x * y + z),
    sympy.MatAdd: _sum,
    sympy.MatMul: lambda term, nodes: reduce(_matrix_product, nodes),
    sympy.Transpose: _composed(lambda x: x.T),
    sympy.Trace: _composed(lambda x: apply("einsum", "ii->", x)),
    hadamard.HadamardProduct: _chain("multiply", 1.0),
}  # fmt: skip
"""Heads with a structure of their own, or composed of several rows."""


def _matrix_product(left: Expr, right: Expr) -> Expr:
    """Return the product of two matrices, or of a number and a matrix."""
    return left @ right if left.shape and right.shape else left * right


def definition_heads() -> dict[Any, tuple[str, tuple[int, ...]]]:
    """Return SymPy function -> (row, order of arguments) for every row that is one SymPy function.

    Raises:
        InternalError: two rows claim one function, so that reading backwards is ambiguous.
    """
    found: dict[Any, tuple[str, tuple[int, ...]]] = {}
    for name, row in OPERATIONS.items():
        if not isinstance(row, ScalarOperation) or name not in FUNCTIONS:
            continue
        definition = definition_of(row)
        head, arguments = definition.expression.func, definition.expression.args
        if head in STRUCTURAL or not arguments or set(arguments) != set(definition.arguments):
            continue
        if len(arguments) != len(definition.arguments):
            continue
        if head in found:
            raise InternalError(f"rows {found[head][0]!r} and {name!r} are both defined as SymPy's {head.__name__}")
        found[head] = (name, tuple(arguments.index(symbol) for symbol in definition.arguments))
    return found


def _from_definition(name: str, order: tuple[int, ...]) -> Builder:
    return lambda term, nodes: apply(name, *(nodes[position] for position in order))


HEADS: dict[Any, Builder] = {
    **{head: _from_definition(*entry) for head, entry in definition_heads().items()},
    **STRUCTURAL,
}
"""SymPy head -> builder; checked to be unambiguous when this module is imported."""

ARRAYS = (sympy.MatrixBase, sympy.NDimArray)
"""Explicit arrays: their elements are their arguments."""


def builder_for(term: Any) -> Builder | None:
    """Return the builder of a term that is no atom; None where graphc has none."""
    return _array if isinstance(term, ARRAYS) else HEADS.get(term.func)


def supported_heads() -> list[str]:
    """Return the names of the SymPy heads graphc reads, sorted."""
    extra = (
        "Derivative",
        "Subs",
        "Symbol",
        "Integer",
        "Rational",
        "Float",
        "pi",
        "E",
        "Matrix",
        "Array",
        "MatrixSymbol",
    )
    return sorted({head.__name__ for head in HEADS} | set(extra), key=str.lower)
