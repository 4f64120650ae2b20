"""The error function, its complement, and the inverse of the normal distribution function.

erf is a polynomial in x**2 near 0, beyond 1 one minus the exponential of a polynomial. erfc is exp(-x**2) times a
function that hardly varies, a polynomial in (x - 4)/(x + 4): Shepherd & Laframboise, Chebyshev approximation of
(1 + 2x) exp(x**2) erfc x, Mathematics of Computation 36 (1981). The inverse: see `graphc.backends.quantile`.
"""

from __future__ import annotations

from graphc.backends import quantile
from graphc.backends.vectormath import logarithms, tables
from graphc.backends.vectormath.emit import Number, not_above, select
from graphc.backends.vectormath.exponentials import exp_reduced, exp_shifted, power_of_two, reduce, scaled

SLOPE = {
    "float64": (1.1283791670955126, 1.533545961316588e-17),
    "float32": (1.1283792257308960, -5.8635383e-08),
}
"""2/sqrt(pi), the derivative at 0, as a sum of two numbers."""
START = 1.0
"""The polynomial of log(erfc(x)) is one in x - 1, for x from 1 to 6."""


def _erf_near_0(x: Number) -> Number:
    """Return erf(x) for |x| <= 1."""
    high, low = SLOPE[x.format.name]
    z = not_above(x * x, 1.0)
    return x.times_plus(high, x * z.times_plus(z.polynomial(tables.ERF), low))


def erf(x: Number) -> Number:
    """Return the error function."""
    exponent = (not_above(abs(x), 6.0) - START).polynomial(tables.LOG_ERFC)
    k, r, _ = reduce(exponent)
    far = 1.0 - exp_reduced(r) * power_of_two(k)
    return select(abs(x) < START, _erf_near_0(x), far).with_sign_of(x)


def _scaled_erfc(a: Number) -> Number:
    """Return exp(a**2) erfc(a) for a >= 1/2."""
    near = 1.0 / (a + 4.0)
    q = (a - 4.0) * near
    q = near.times_plus(q.times_plus(-a, (q + 1.0).times_plus(-4.0, a)), q)
    product, doubled = q.polynomial(tables.ERFC), a + a
    inverse = 1.0 / (doubled + 1.0)
    result = product * inverse
    return inverse.times_plus(result.times_plus(-doubled, product - result), result)


def erfc(x: Number) -> Number:
    """Return one minus the error function, accurate where that is small."""
    a = not_above(abs(x), x.format.pick(28.0, 11.0))
    square = a * a
    k, r, missing = reduce(-square)
    size = _scaled_erfc(a)
    result = scaled(size.times_plus(exp_shifted(r, missing, -a.times_plus(a, -square)), size), k)
    far = select(x < 0.0, 2.0 - result, result)
    return select(abs(x) < 0.5, 1.0 - _erf_near_0(x), far)


def ndtri(p: Number) -> Number:
    """Return the inverse of the normal distribution function: all three quotients, one of them chosen."""
    q = p - 0.5
    tail = select(q < 0.0, p, 1.0 - p)
    r = not_above((-logarithms.log(tail)).sqrt(), 40.0)
    near, far = abs(q) <= quantile.CENTRE_LIMIT, r > quantile.FAR_START
    centre = (quantile.CENTRE_LIMIT**2 - q * q, quantile.CENTRE)
    quotients = (centre, (r - quantile.SIDE_START, quantile.SIDE), (r - quantile.FAR_START, quantile.FAR))
    tops, bottoms = ([z.horner(table[number]) for z, table in quotients] for number in (0, 1))
    top = select(near, tops[0], select(far, tops[2], tops[1]))
    bottom = select(near, bottoms[0], select(far, bottoms[2], bottoms[1]))
    size = select(tail.equals(0.0), float("inf"), top / bottom)
    return select(near, q * size, size.with_sign_of(q))
