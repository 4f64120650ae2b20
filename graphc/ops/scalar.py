"""The scalar rows: arithmetic, selection, rounding, comparisons, logic. One row is one operation, whole.

Conventions at the edges (design of the derivative, read by both modes and every backend): abs'(0) = 0,
sign' = 0, ties of maximum and minimum split evenly, clip' at a bound goes to the bound. Division of
integers by zero gives what the machine gives, without a crash.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

from graphc.graph.leaf import as_expr, as_exprs, constant, constant_value, is_constant
from graphc.graph.node import Expr, build
from graphc.graph.types import as_dtype
from graphc.ops.public import public
from graphc.ops.scalar_row import INFINITY, REALS, CastOperation, Function, enter, make_operation, row

POSITIVE = (0.0, INFINITY)

# fmt: off
# --- arithmetic
add: Function = row("add", "x + y", "{x} + {y}", "np.add({x}, {y})", push=[lambda g, x, y, r: g, lambda g, x, y, r: g], rule="number", commutes=True, infix="+", example=("1.5, 2.0", "3.5"))
subtract: Function = row("subtract", "x - y", "{x} - {y}", "np.subtract({x}, {y})", push=[lambda g, x, y, r: g, lambda g, x, y, r: negative(g)], rule="number", infix="-", example=("1.5, 2.0", "-0.5"))
multiply: Function = row("multiply", "x*y", "{x} * {y}", "np.multiply({x}, {y})", partial=[lambda x, y, r: y, lambda x, y, r: x], rule="number", commutes=True, infix="*", example=("1.5, 2.0", "3.0"))
divide: Function = row("divide", "x/y", "{x} / {y}", "np.divide({x}, {y})", push=[lambda g, x, y, r: guarded_divide(g, y), lambda g, x, y, r: negative(guarded_multiply(guarded_divide(g, y), r))], aliases=("true_divide",), domain=(REALS, POSITIVE), infix="/", cost=4, example=("1.0, 4.0", "0.25"))
negative: Function = row("negative", "-x", "-{x}", "np.negative({x})", push=[lambda g, x, r: negative(g)], rule="number", example=("1.5", "-1.5"))
floor_divide: Function = row("floor_divide", "floor(x/y)", "{x} // {y}", "np.floor_divide({x}, {y})", rule="number", domain=(REALS, POSITIVE), kinks=lambda x, y: [divide(x, y) - rint(divide(x, y))], infix="//", cost=8, convention="derivative 0 everywhere; integers by zero: unspecified, no error", example=("-7, 3", "-3"))
mod: Function = row("mod", "x - y*floor(x/y)", "{x} % {y}", "np.mod({x}, {y})", push=[lambda g, x, y, r: g, lambda g, x, y, r: negative(multiply(g, floor_divide(x, y)))], rule="number", domain=(REALS, POSITIVE), kinks=lambda x, y: [divide(x, y) - rint(divide(x, y))], aliases=("remainder",), infix="%", cost=8, convention="sign of the divisor, as Python and NumPy", example=("-7, 3", "2"))
guarded_multiply: Function = row("guarded_multiply", "x*y", "({x} * {y} if {x} != {zero} else {x})", "np.where(np.equal({x}, 0), {x}, np.multiply({x}, {y}))", push=[lambda g, x, y, r: masked_multiply(g, y), lambda g, x, y, r: masked_multiply(g, x)], rule="number", convention="0 where x is 0, whatever y is")
masked_multiply: Function = row("masked_multiply", "x*y", "({x} * {y} if ({x} != {zero}) & ({y} != {zero}) else {zero})", "np.where(np.equal({x}, 0) | np.equal({y}, 0), 0, np.multiply({x}, {y}))", push=[lambda g, x, y, r: masked_multiply(g, y), lambda g, x, y, r: masked_multiply(g, x)], rule="number", commutes=True, convention="0 where x or y is 0, whatever the other is: second derivatives of guarded ones", example=("0.0, float('inf')", "0.0"))
guarded_divide: Function = row("guarded_divide", "x/y", "({x} / {y} if {x} != {zero} else {x})", "np.where(np.equal({x}, 0), {x}, np.divide({x}, {y}))", push=[lambda g, x, y, r: guarded_divide(g, y), lambda g, x, y, r: negative(guarded_divide(masked_multiply(g, r), y))], domain=(REALS, POSITIVE), cost=4, convention="0 where x is 0, whatever y is")
abs: Function = row("abs", "Abs(x)", "abs({x})", "np.abs({x})", partial=[lambda x, r: sign(x)], rule="number", kinks=lambda x: [x], aliases=("absolute", "fabs"), convention="abs'(0) = 0", summary="``x`` without its sign", example=("-1.5", "1.5"))
sign: Function = row("sign", "sign(x)", "sign({x})", "np.sign({x})", rule="number", kinks=lambda x: [x], convention="sign' = 0, also at 0", summary="-1, 0 or 1, the sign of ``x``", example=("-1.5", "-1.0"))
copysign: Function = row("copysign", "Piecewise((Abs(x), y >= 0), (-Abs(x), True))", "math.copysign({x}, {y})", "np.copysign({x}, {y})", push=[lambda g, x, y, r: multiply(multiply(g, sign(x)), copysign(1, y)), None], kinks=lambda x, y: [x, y], convention="derivative 0 at x = 0", summary="the size of ``x`` with the sign of ``y``", example=("1.5, -0.0", "-1.5"))

# --- rounding
floor: Function = row("floor", "floor(x)", "floor({x})", "np.floor({x})", rule="number", kinks=lambda x: [x - rint(x)], summary="the largest integer that is not above ``x``", example=("-1.5", "-2.0"))
ceil: Function = row("ceil", "ceiling(x)", "ceil({x})", "np.ceil({x})", rule="number", kinks=lambda x: [x - rint(x)], summary="the smallest integer that is not below ``x``", example=("-1.5", "-1.0"))
trunc: Function = row("trunc", "Piecewise((floor(x), x >= 0), (ceiling(x), True))", "trunc({x})", "np.trunc({x})", rule="number", kinks=lambda x: [x - rint(x)], aliases=("fix",), summary="the integer part of ``x``", example=("-1.5", "-1.0"))
rint: Function = row("rint", "Piecewise((2*floor((x + 1/2)/2), Eq(x - floor(x), 1/2)), (floor(x + 1/2), True))", "rint({x})", "np.rint({x})", rule="number", kinks=lambda x: [x - floor(x) - 0.5], convention="halves to even", summary="the integer nearest to ``x``", example=("2.5", "2.0"))

# --- selection
maximum: Function = row("maximum", "Max(x, y)", "({x} if ({x} >= {y}) | ({x} != {x}) else {y})", "np.maximum({x}, {y})", push=[lambda g, x, y, r: _share(g, x > y, x, y), lambda g, x, y, r: _share(g, y > x, x, y)], rule="number", kinks=lambda x, y: [x - y], commutes=True, convention="ties split evenly; NaN wins", summary="the larger of ``x`` and ``y``", example=("[1.0, 5.0], 2.0", "array([2., 5.])"))
minimum: Function = row("minimum", "Min(x, y)", "({x} if ({x} <= {y}) | ({x} != {x}) else {y})", "np.minimum({x}, {y})", push=[lambda g, x, y, r: _share(g, x < y, x, y), lambda g, x, y, r: _share(g, y < x, x, y)], rule="number", kinks=lambda x, y: [x - y], commutes=True, convention="ties split evenly; NaN wins", summary="the smaller of ``x`` and ``y``", example=("[1.0, 5.0], 2.0", "array([1., 2.])"))
_clip: Function = row("clip", "Min(Max(x, y), z)", "clip({x}, {y}, {z})", "np.clip({x}, {y}, {z})", push=[lambda g, x, y, z, r: where(logical_and(y < x, x < z), g, 0), lambda g, x, y, z, r: where(logical_and(x <= y, y < z), g, 0), lambda g, x, y, z, r: where(maximum(x, y) >= z, g, 0)], rule="number", kinks=lambda x, y, z: [x - y, x - z, y - z], cost=2, convention="at a bound the derivative is 0 for x and 1 for the bound")
where: Function = row("where", "Piecewise((y, x), (z, True))", "({y} if {x} else {z})", "np.where({x}, {y}, {z})", push=[None, lambda g, c, a, b, r: where(c, g, 0), lambda g, c, a, b, r: where(c, 0, g)], rule="select", convention="the branch not taken gets the gradient 0, whatever its own derivative is", summary="``y`` where ``x`` is true, else ``z``", example=("[True, False], 1.0, 2.0", "array([1., 2.])"))
stop_gradient: Function = row("stop_gradient", "x", "{x}", "{x}", rule="any", cost=0, detached=True, convention="derivative 0 by decree", summary="``x`` itself, with derivative 0", example=("1.5", "1.5"))

# --- comparison
less: Function = row("less", "x < y", "{x} < {y}", "np.less({x}, {y})", rule="compare", kinks=lambda x, y: [x - y], infix="<", aliases=("lt",), example=("[1, 2, 3], 2", "array([ True, False, False])"))
less_equal: Function = row("less_equal", "x <= y", "{x} <= {y}", "np.less_equal({x}, {y})", rule="compare", kinks=lambda x, y: [x - y], infix="<=", aliases=("le",), example=("[1, 2, 3], 2", "array([ True,  True, False])"))
greater: Function = row("greater", "x > y", "{x} > {y}", "np.greater({x}, {y})", rule="compare", kinks=lambda x, y: [x - y], infix=">", aliases=("gt",), example=("[1, 2, 3], 2", "array([False, False,  True])"))
greater_equal: Function = row("greater_equal", "x >= y", "{x} >= {y}", "np.greater_equal({x}, {y})", rule="compare", kinks=lambda x, y: [x - y], infix=">=", aliases=("ge",), example=("[1, 2, 3], 2", "array([False,  True,  True])"))
equal: Function = row("equal", "Eq(x, y)", "{x} == {y}", "np.equal({x}, {y})", rule="compare", kinks=lambda x, y: [x - y], commutes=True, aliases=("eq",), summary="``x == y``", example=("[1, 2, 3], 2", "array([False,  True, False])"))
not_equal: Function = row("not_equal", "Ne(x, y)", "{x} != {y}", "np.not_equal({x}, {y})", rule="compare", kinks=lambda x, y: [x - y], commutes=True, aliases=("ne",), summary="``x != y``", example=("[1, 2, 3], 2", "array([ True, False,  True])"))
isnan: Function = row("isnan", "False", "{x} != {x}", "np.isnan({x})", rule="test", convention="true for NaN", summary="whether ``x`` is NaN", example=("float('nan')", "True"))
isinf: Function = row("isinf", "False", "math.isinf({x})", "np.isinf({x})", rule="test", convention="true for both infinities", summary="whether ``x`` is infinite", example=("-float('inf')", "True"))
isfinite: Function = row("isfinite", "True", "math.isfinite({x})", "np.isfinite({x})", rule="test", convention="false for NaN and infinities", summary="whether ``x`` is neither infinite nor NaN", example=("float('inf')", "False"))

# --- logic
logical_and: Function = row("logical_and", "x & y", "{x} & {y}", "np.logical_and({x}, {y})", rule="logic", commutes=True, infix="&", aliases=("bitwise_and",), summary="whether ``x`` and ``y`` are true", example=("[True, False], True", "array([ True, False])"))
logical_or: Function = row("logical_or", "x | y", "{x} | {y}", "np.logical_or({x}, {y})", rule="logic", commutes=True, infix="|", aliases=("bitwise_or",), summary="whether ``x`` or ``y`` is true, or both", example=("[True, False], True", "array([ True,  True])"))
logical_xor: Function = row("logical_xor", "Xor(x, y)", "{x} ^ {y}", "np.logical_xor({x}, {y})", rule="logic", commutes=True, infix="^", aliases=("bitwise_xor",), summary="whether one of ``x`` and ``y`` is true, not both", example=("[True, False], True", "array([False,  True])"))
logical_not: Function = row("logical_not", "~x", "not {x}", "np.logical_not({x})", rule="logic", aliases=("invert", "bitwise_not"), summary="whether ``x`` is false", example=("[True, False]", "array([False,  True])"))
# fmt: on

ASTYPE = enter(make_operation("astype", "x", "{dtype}({x})", "{x}", rule="any", kind=CastOperation, cost=0))
"""The cast: its attribute ``dtype`` is the result's, which {dtype} in its code stands for."""


def _share(g: Expr, wins: Expr, x: Expr, y: Expr) -> Expr:
    """Return the gradient where this argument wins, half of it at a tie, else 0."""
    return where(wins, g, where(equal(x, y), multiply(g, 0.5), 0))


@public()
def astype(x: Any, dtype: Any) -> Expr:
    """Return the elements of ``x`` in another dtype.

    Args:
        x: an expression, array or number of any shape.
        dtype: float32, float64, an integer type or bool, as NumPy or text name it.

    Casts between floats pass the derivative on; casts to integers and bool have none. NaN and numbers
    out of range give an unspecified integer, as in NumPy.

    Raises:
        DTypeError: graphc has no such dtype.

    Example:
        >>> import graphc as gx
        >>> gx.astype(gx.symbol("x"), "float32").dtype
        'float32'
    """
    node = as_expr(x)
    target = as_dtype(dtype)
    if node.dtype == target:
        return node
    if is_constant(node):
        return constant(constant_value(node).astype(target))
    return build(ASTYPE, node, dtype=target)


@public()
def clip(x: Any, min: Any = None, max: Any = None) -> Expr:
    """Return ``x`` limited to the interval from ``min`` to ``max``; None leaves a side open.

    At a bound the derivative is 0 for ``x`` and 1 for the bound; where ``min > max`` the result is ``max``.

    Args:
        x, min, max: expressions, arrays or numbers, of shapes that broadcast.

    Raises:
        DTypeError: they are bool.
        ShapeError: the shapes do not broadcast.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.clip([-1.0, 0.5, 3.0], 0, 1))()
        array([0. , 0.5, 1. ])
    """
    if min is None and max is None:
        return as_expr(x)
    if max is None:
        return _clip(x, min, INFINITY) if _is_floating(x, min) else maximum(x, min)
    if min is None:
        return _clip(x, -INFINITY, max) if _is_floating(x, max) else minimum(x, max)
    return _clip(x, min, max)


def _is_floating(*values: Any) -> bool:
    """Tell whether values compute in floating point."""
    return any(node.is_differentiable for node in as_exprs(*values))


@public("around")
def round(x: Any, decimals: int = 0) -> Expr:
    """Return ``x`` rounded to a number of decimals, halves to even; the derivative is 0.

    Args:
        x: an expression, array or number.
        decimals: an integer; a negative one rounds to tens, hundreds and so on.

    Source: ``rint(x * 10**decimals) / 10**decimals``, as NumPy.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.round([2.5, 3.14159], 2))()
        array([2.5 , 3.14])
    """
    if decimals == 0:
        return rint(x)
    scale = float(10 ** builtins.abs(decimals))
    return divide(rint(multiply(x, scale)), scale) if decimals > 0 else multiply(rint(divide(x, scale)), scale)


@public()
def positive(x: Any) -> Expr:
    """Return ``x`` itself, as an expression: what ``+x`` does.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> gx.positive(x) is x
        True
    """
    return as_expr(x)


@public("radians")
def deg2rad(x: Any) -> Expr:
    """Return an angle in degrees in radians, for each element.

    Args:
        x: an expression, array or number.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.deg2rad(180.0))()
        3.141592...
    """
    return multiply(x, math.pi / 180)


@public("degrees")
def rad2deg(x: Any) -> Expr:
    """Return an angle in radians in degrees, for each element.

    Args:
        x: an expression, array or number.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.rad2deg(3.141592653589793))()
        180.0
    """
    return multiply(x, 180 / math.pi)
