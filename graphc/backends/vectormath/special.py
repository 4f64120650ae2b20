"""The error function: a polynomial in x**2 near 0, beyond 1 one minus the exponential of a polynomial."""

from __future__ import annotations

from graphc.backends.vectormath import tables
from graphc.backends.vectormath.emit import Number, not_above, select
from graphc.backends.vectormath.exponentials import exp_reduced, power_of_two, reduce

SLOPE = {
    "float64": (1.1283791670955126, 1.533545961316588e-17),
    "float32": (1.1283792257308960, -5.8635383e-08),
}
"""2/sqrt(pi), the derivative at 0, as a sum of two numbers."""
START = 1.0
"""The polynomial of log(erfc(x)) is one in x - 1, for x from 1 to 6."""


def erf(x: Number) -> Number:
    """Return the error function."""
    high, low = SLOPE[x.format.name]
    z = not_above(x * x, 1.0)
    near = x.times_plus(high, x * z.times_plus(z.polynomial(tables.ERF), low))
    exponent = (not_above(abs(x), 6.0) - START).polynomial(tables.LOG_ERFC)
    k, r, _ = reduce(exponent)
    far = 1.0 - exp_reduced(r) * power_of_two(k)
    return select(abs(x) < START, near, far).with_sign_of(x)
