"""The scalar rows of powers and roots; integer powers are a family of rows, one for each exponent."""

from __future__ import annotations

from typing import Any

from graphc.errors import DTypeError
from graphc.graph.leaf import as_exprs, constant, constant_value, is_constant
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import is_float, promote
from graphc.ops.elementary import log
from graphc.ops.public import public
from graphc.ops.scalar import POSITIVE, equal, guarded_divide, guarded_multiply, logical_and, multiply, negative, where
from graphc.ops.scalar_row import REALS, Function, family, row

LARGEST_EXPONENT = 32
"""Integer exponents up to this are multiplications; beyond, the general power is faster and more accurate."""
INLINE_EXPONENT = 4

# fmt: off
square: Function = row("square", "x**2", "{x} * {x}", "np.square({x})", partial=[lambda x, r: 2 * x], rule="number", example=("-3.0", "9.0"))
reciprocal: Function = row("reciprocal", "1/x", "{one} / {x}", "np.reciprocal({x})", partial=[lambda x, r: negative(square(r))], singular=True, domain=POSITIVE, cost=4, example=("4.0", "0.25"))
sqrt: Function = row("sqrt", "sqrt(x)", "math.sqrt({x})", "np.sqrt({x})", partial=[lambda x, r: 0.5 / r], singular=True, domain=POSITIVE, cost=4, convention="sqrt'(0) = inf, but 0 times it is 0", example=("9.0", "3.0"))
cbrt: Function = row("cbrt", "cbrt(x)", "cbrt({x})", "np.cbrt({x})", partial=[lambda x, r: (1 / 3) / square(r)], singular=True, domain=POSITIVE, cost=10, example=("-27.0", "-3.0"))
hypot: Function = row("hypot", "sqrt(x**2 + y**2)", "math.hypot({x}, {y})", "np.hypot({x}, {y})", partial=[lambda x, y, r: guarded_divide(x, r), lambda x, y, r: guarded_divide(y, r)], commutes=True, kinks=lambda x, y: [hypot(x, y)], cost=10, convention="gradient 0 at (0, 0)", example=("3.0, 4.0", "5.0"))
_power: Function = row("power", "x**y", "power({x}, {y})", "np.power({x}, {y})", partial=[lambda x, y, r: guarded_multiply(y, _power(x, y - 1)), lambda x, y, r: _by_exponent(x, y, r)], singular=True, rule="number", domain=(POSITIVE, REALS), cost=20, infix="**", convention="at x = 0 the derivative by y is 0 for y >= 0")
# fmt: on


def _by_exponent(x: Expr, y: Expr, r: Expr) -> Expr:
    """Return d x**y / dy: x**y log(x), and its limit 0 where x is 0."""
    return where(logical_and(equal(x, 0), y >= 0), 0 * r, multiply(r, log(x)))


def _integer_power_columns(n: int) -> dict[str, Any]:
    """Return the columns of the row x**n."""
    size = abs(n)
    product = " * ".join(["{x}"] * size) if size < 4 else "({x} * {x}) * ({x} * {x})"
    code = product if size <= INLINE_EXPONENT else f"integer_power({{x}}, {size})"
    return {
        "definition": f"x**({n})",
        "code": code if n > 0 else f"{{one}} / ({code})",
        "reference": f"np.power({{x}}, {n})" if n > 0 else f"np.power({{x}}, {float(n)})",
        "partial": [lambda x, r: n * _times_itself(x, n - 1)],
        "rule": "number" if n > 0 else "float",
        "singular": n < 0,
        "domain": REALS if n > 0 else POSITIVE,
        "cost": size.bit_length() + size.bit_count() - 2 + 4 * (n < 0),
        "ulp": max(4.0, float(size)),
    }


_integer_power = family("power", _integer_power_columns, members=(3, 4, 7, -2))


def _times_itself(x: Expr, n: int) -> Expr:
    """Return x**n for an integer n, by the row made for it."""
    if n == 0:
        return apply("broadcast_to", constant(1, x.dtype), x.shape)
    special = {1: lambda x: x, 2: square, -1: reciprocal}
    result: Expr = special[n](x) if n in special else _integer_power(n, x)
    return result


@public("pow")
def power(x: Any, y: Any) -> Expr:
    """Return ``x**y`` for each element, broadcasting like NumPy.

    Constant integer exponents up to 32 are multiplications, right for negative ``x`` too; other
    exponents need ``x >= 0`` (NaN otherwise, as in NumPy). d/dx is 0 where ``y`` is 0; at ``x = 0``
    d/dy is 0 for ``y >= 0``.

    Args:
        x: expression, array or number.
        y: expression, array or number.

    Raises:
        DTypeError: an integer to a negative integer power, which has no integer value.

    Example:
        >>> import graphc as gx
        >>> gx.power(gx.symbol("x"), 3).dtype
        'float64'
    """
    base, exponent = as_exprs(x, y)
    dtype = promote(base.dtype, exponent.dtype)
    number = _constant_integer(exponent)
    if number is None or dtype == "bool":
        return _power(x, y)
    if number < 0 and not is_float(dtype):
        raise DTypeError(
            "integers to negative integer powers have no integer value",
            remedy="write a float exponent or cast the base with .astype(float)",
        )
    return _times_itself(apply("astype", base, dtype), number)


def _constant_integer(node: Expr) -> int | None:
    """Return the integer a constant scalar holds, None where it is none or too large to multiply out."""
    if not is_constant(node) or node.shape != ():
        return None
    value = float(constant_value(node))
    return int(value) if value.is_integer() and abs(value) <= LARGEST_EXPONENT else None
