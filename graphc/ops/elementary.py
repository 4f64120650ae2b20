"""The scalar rows of transcendental functions: exponentials, logarithms, angles, special functions."""

from __future__ import annotations

import math
from typing import Any

from graphc.errors import ArgumentError
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.ops.public import public
from graphc.ops.scalar import POSITIVE, equal, guarded_divide, isinf, logical_and, negative, where
from graphc.ops.scalar_row import INFINITY, REALS, Function, family, row

LN2 = math.log(2.0)
LN10 = math.log(10.0)
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)

# fmt: off
# --- exponentials and logarithms
exp: Function = row("exp", "exp(x)", "math.exp({x})", "np.exp({x})", partial=[lambda x, r: r], cost=10, example=("1.0", "2.718281..."))
exp2: Function = row("exp2", "2**x", "exp2({x})", "np.exp2({x})", partial=[lambda x, r: LN2 * r], cost=10, example=("3.0", "8.0"))
expm1: Function = row("expm1", "exp(x) - 1", "math.expm1({x})", "np.expm1({x})", partial=[lambda x, r: exp(x)], cost=10, example=("1e-12", "1.000000...e-12"))
log: Function = row("log", "log(x)", "math.log({x})", "np.log({x})", partial=[lambda x, r: 1 / x], singular=True, domain=POSITIVE, cost=10, example=("2.0", "0.693147..."))
log2: Function = row("log2", "log(x)/log(2)", "math.log2({x})", "np.log2({x})", partial=[lambda x, r: (1 / LN2) / x], singular=True, domain=POSITIVE, cost=10, example=("8.0", "3.0"))
log10: Function = row("log10", "log(x)/log(10)", "math.log10({x})", "np.log10({x})", partial=[lambda x, r: (1 / LN10) / x], singular=True, domain=POSITIVE, cost=10, example=("100.0", "2.0"))
log1p: Function = row("log1p", "log(1 + x)", "math.log1p({x})", "np.log1p({x})", partial=[lambda x, r: 1 / (1 + x)], singular=True, domain=(-1.0, INFINITY), cost=10, example=("1e-12", "9.999999...e-13"))
logaddexp: Function = row("logaddexp", "log(exp(x) + exp(y))", "logaddexp({x}, {y})", "np.logaddexp({x}, {y})", partial=[lambda x, y, r: expit(_difference(x, y)), lambda x, y, r: expit(_difference(y, x))], commutes=True, cancels=True, cost=20, convention="both infinite and equal: half each", example=("1000.0, 1000.0", "1000.693..."))
xlogy: Function = row("xlogy", "x*log(y)", "xlogy({x}, {y})", "special.xlogy({x}, {y})", partial=[lambda x, y, r: log(y), lambda x, y, r: guarded_divide(x, y)], singular=True, domain=(REALS, POSITIVE), cost=10, convention="0 where x is 0, also at y = 0", example=("0.0, 0.0", "0.0"))
xlog1py: Function = row("xlog1py", "x*log(1 + y)", "xlog1py({x}, {y})", "special.xlog1py({x}, {y})", partial=[lambda x, y, r: log1p(y), lambda x, y, r: guarded_divide(x, 1 + y)], singular=True, domain=(REALS, (-1.0, INFINITY)), cost=10, convention="0 where x is 0, also at y = -1", example=("0.0, -1.0", "0.0"))

# --- logistic functions
expit: Function = row("expit", "1/(1 + exp(-x))", "expit({x})", "special.expit({x})", partial=[lambda x, r: r * (1 - r)], aliases=("sigmoid",), cost=14, example=("1.0", "0.731058..."))
logit: Function = row("logit", "log(x/(1 - x))", "logit({x})", "special.logit({x})", partial=[lambda x, r: 1 / (x * (1 - x))], singular=True, domain=(0.0, 1.0), cost=20, example=("0.75", "1.098612..."))
softplus: Function = row("softplus", "log(1 + exp(x))", "softplus({x})", "np.logaddexp(0, {x})", partial=[lambda x, r: expit(x)], cost=20, example=("1000.0", "1000.0"))
log_sigmoid: Function = row("log_sigmoid", "-log(1 + exp(-x))", "log_sigmoid({x})", "-np.logaddexp(0, -{x})", partial=[lambda x, r: expit(negative(x))], cost=20, example=("-1000.0", "-1000.0"))

# --- angles
sin: Function = row("sin", "sin(x)", "math.sin({x})", "np.sin({x})", partial=[lambda x, r: cos(x)], cost=10, example=("0.5", "0.479425..."))
cos: Function = row("cos", "cos(x)", "math.cos({x})", "np.cos({x})", partial=[lambda x, r: negative(sin(x))], cost=10, example=("0.5", "0.877582..."))
tan: Function = row("tan", "tan(x)", "math.tan({x})", "np.tan({x})", partial=[lambda x, r: 1 + r * r], domain=(-math.pi / 2, math.pi / 2), cost=10, example=("0.5", "0.546302..."))
asin: Function = row("asin", "asin(x)", "math.asin({x})", "np.arcsin({x})", partial=[lambda x, r: 1 / apply("sqrt", (1 - x) * (1 + x))], singular=True, domain=(-1.0, 1.0), aliases=("arcsin",), cost=10, example=("0.5", "0.523598..."))
acos: Function = row("acos", "acos(x)", "math.acos({x})", "np.arccos({x})", partial=[lambda x, r: -1 / apply("sqrt", (1 - x) * (1 + x))], singular=True, domain=(-1.0, 1.0), aliases=("arccos",), cost=10, example=("0.5", "1.047197..."))
atan: Function = row("atan", "atan(x)", "math.atan({x})", "np.arctan({x})", partial=[lambda x, r: 1 / (1 + x * x)], aliases=("arctan",), cost=10, example=("1.0", "0.785398..."))
atan2: Function = row("atan2", "atan2(x, y)", "math.atan2({x}, {y})", "np.arctan2({x}, {y})", partial=[lambda x, y, r: guarded_divide(y, x * x + y * y), lambda x, y, r: negative(guarded_divide(x, x * x + y * y))], singular=True, domain=(REALS, POSITIVE), aliases=("arctan2",), cost=10, convention="gradient 0 at (0, 0)", example=("1.0, -1.0", "2.356194..."))

# --- hyperbolic functions
sinh: Function = row("sinh", "sinh(x)", "math.sinh({x})", "np.sinh({x})", partial=[lambda x, r: cosh(x)], cost=10, example=("1.0", "1.175201..."))
cosh: Function = row("cosh", "cosh(x)", "math.cosh({x})", "np.cosh({x})", partial=[lambda x, r: sinh(x)], cost=10, example=("1.0", "1.543080..."))
tanh: Function = row("tanh", "tanh(x)", "math.tanh({x})", "np.tanh({x})", partial=[lambda x, r: 1 - r * r], cost=10, example=("0.5", "0.462117..."))
asinh: Function = row("asinh", "asinh(x)", "math.asinh({x})", "np.arcsinh({x})", partial=[lambda x, r: 1 / apply("hypot", 1, x)], aliases=("arcsinh",), cost=10, example=("1.0", "0.881373..."))
acosh: Function = row("acosh", "acosh(x)", "math.acosh({x})", "np.arccosh({x})", partial=[lambda x, r: 1 / (apply("sqrt", x - 1) * apply("sqrt", x + 1))], singular=True, domain=(1.0, INFINITY), aliases=("arccosh",), cost=10, example=("2.0", "1.316957..."))
atanh: Function = row("atanh", "atanh(x)", "math.atanh({x})", "np.arctanh({x})", partial=[lambda x, r: 1 / ((1 - x) * (1 + x))], singular=True, domain=(-1.0, 1.0), aliases=("arctanh",), cost=10, example=("0.5", "0.549306..."))

# --- special functions
erf: Function = row("erf", "erf(x)", "math.erf({x})", "special.erf({x})", partial=[lambda x, r: TWO_OVER_ROOT_PI * exp(negative(x * x))], cost=10, example=("0.5", "0.520499..."))
erfc: Function = row("erfc", "erfc(x)", "math.erfc({x})", "special.erfc({x})", partial=[lambda x, r: -TWO_OVER_ROOT_PI * exp(negative(x * x))], cost=10, example=("10.0", "2.088487...e-45"))
ndtri: Function = row("ndtri", "sqrt(2)*erfinv(2*x - 1)", "ndtri({x})", "special.ndtri({x})", partial=[lambda x, r: ROOT_TWO_PI * exp(0.5 * r * r)], singular=True, domain=(0.0, 1.0), cost=30, ulp=8.0, widens=True, convention="inverse of the normal distribution function", summary="the ``x``-quantile of the standard normal distribution", example=("0.975", "1.959963..."))
gammaln: Function = row("gammaln", "loggamma(x)", "math.lgamma({x})", "special.gammaln({x})", partial=[lambda x, r: digamma(x)], singular=True, domain=POSITIVE, aliases=("lgamma",), cost=20, convention="log |gamma(x)|", summary="the logarithm of the absolute value of the gamma function", example=("5.0", "3.178053..."))
digamma: Function = row("digamma", "digamma(x)", "digamma({x})", "special.digamma({x})", partial=[lambda x, r: apply("polygamma", 1, x)], singular=True, domain=POSITIVE, aliases=("psi",), cost=40, widens=True, example=("1.0", "-0.57721..."))
# fmt: on


def _difference(x: Expr, y: Expr) -> Expr:
    """Return x - y, and 0 where both are the same infinity."""
    return where(logical_and(equal(x, y), isinf(x)), 0, x - y)


def _polygamma_columns(n: int) -> dict[str, Any]:
    """Return the columns of the row polygamma(n, x): the n-th derivative of digamma."""
    return {
        "definition": f"polygamma({n}, x)",
        "code": f"polygamma({n}, {{x}})",
        "reference": f"special.polygamma({n}, {{x}})",
        "partial": [lambda x, r: _polygamma(n + 1, x)],
        "domain": POSITIVE,
        "singular": True,
        "cost": 100,
        "ulp": 8.0,
        "widens": True,
        "convention": "NaN below -4096",
    }


_polygamma = family("polygamma", _polygamma_columns, members=(1, 2))


@public()
def polygamma(n: int, x: Any) -> Expr:
    """Return the ``n``-th derivative of digamma, for each element; NaN below -4096.

    Args:
        n: the order, a constant integer >= 0; 0 is digamma itself.
        x: expression, array or number.

    Raises:
        ArgumentError: the order is no such integer.

    Example:
        >>> import graphc as gx
        >>> gx.polygamma(1, gx.symbol("x")).shape
        ()
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ArgumentError(f"the order must be a constant integer >= 0, got {n!r}")
    return digamma(x) if n == 0 else _polygamma(n, x)
