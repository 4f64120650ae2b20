"""Exponentials and hyperbolic functions: Cody and Waite's reduction by multiples of log 2, then a polynomial.

Sources: Cody & Waite, Software Manual for the Elementary Functions (1980); Muller, Elementary Functions (2016),
chapters 3 and 11; Tang, Table-driven implementation of the expm1 function (1992), for the form of expm1.
"""

from __future__ import annotations

from graphc.backends.vectormath import tables
from graphc.backends.vectormath.emit import Bits, Number, not_above, not_below, select

LOG2_E = 1.4426950408889634
LN2 = {
    "float64": (0.6931471805599453, 2.3190468138462996e-17),
    "float32": (0.693147182464599609375, -1.904654299957767878541823431924500e-09),
}
"""log 2 as a sum of two numbers."""


def reduce(x: Number) -> tuple[Bits, Number, Number]:
    """Return k = round(x/log 2) in the low bits of an integer, x - k log 2, and the rounding error of that."""
    shifted = x.times_plus(LOG2_E, x.format.magic)
    k = shifted - x.format.magic
    high, low = LN2[x.format.name]
    exact = k.times_plus(-high, x)
    r = k.times_plus(-low, exact)
    return shifted.bits(), r, k.times_plus(-low, exact - r)


def power_of_two(k: Bits) -> Number:
    """Return 2**k for k in the low bits, where that is a normal number."""
    return ((k + k.format.bias) << k.format.digits).number()


def exp_reduced(r: Number) -> Number:
    """Return exp(r) for |r| <= log(2)/2."""
    return (r * r).times_plus(r.polynomial(tables.EXP), r) + 1.0


def exp_shifted(r: Number, missing: Number, error: Number) -> Number:
    """Return exp(r + missing + error) - 1 for |r| <= log(2)/2, where the error may be far larger than r's rounding."""
    whole = r + error
    rest = ((r - whole) + error) + missing
    return whole + (whole * whole).times_plus(whole.polynomial(tables.EXP), rest)


def scaled(y: Number, k: Bits) -> Number:
    """Return y 2**k for y near 1, in two steps: only the second may overflow or round to a subnormal number."""
    half = k >> 1
    return y * power_of_two(half) * power_of_two(k - half)


def exp_limits(x: Number) -> tuple[float, float]:
    """Return where exp is 0 for sure, and where it has overflowed."""
    return (-746.0, 709.9) if x.format.name == "float64" else (-104.5, 88.9)


def exp(x: Number) -> Number:
    """Return e**x."""
    low, high = exp_limits(x)
    k, r, _ = reduce(not_above(not_below(x, low), high))
    return scaled(exp_reduced(r), k)


def exp_of_negative(x: Number) -> Number:
    """Return e**x for x <= 0 (or NaN)."""
    k, r, _ = reduce(not_below(x, exp_limits(x)[0]))
    return scaled(exp_reduced(r), k)


def exp2(x: Number) -> Number:
    """Return 2**x."""
    low, high = (-1080.0, 1024.0) if x.format.name == "float64" else (-155.0, 128.0)
    bounded = not_above(not_below(x, low), high)
    shifted = bounded + x.format.magic
    r = bounded - (shifted - x.format.magic)
    return scaled(r.polynomial(tables.EXP2).times_plus(r, 1.0), shifted.bits())


def expm1(x: Number) -> Number:
    """Return e**x - 1."""
    k, r, missing = reduce(not_above(not_below(x, x.format.pick(-40.0, -20.0)), exp_limits(x)[1]))
    half = power_of_two(k - 1)
    tail = (r * r).times_plus(r.polynomial(tables.EXP), missing)
    result = half.times_plus(tail, half.times_plus(r, half - 0.5)) * 2.0
    return select(abs(x) < x.format.pick(1e-18, 1e-10), x, result)


def tanh(x: Number) -> Number:
    """Return the hyperbolic tangent: (e**2x - 1)/(e**2x + 1)."""
    doubled = not_above(abs(x) * 2.0, x.format.pick(44.0, 22.0))
    k, r, _ = reduce(doubled)
    power = power_of_two(k)
    top = power.times_plus((r * r).times_plus(r.polynomial(tables.EXP), r), power - 1.0)
    return (top / (top + 2.0)).with_sign_of(x)


def _hyperbolic(x: Number) -> tuple[Number, Number, Number, Number, Number]:
    """Return (2**k - 2**-k)/4, (2**k + 2**-k)/4, r, sinh r - r and cosh r - 1, for |x| = k log 2 + r."""
    bounded = not_above(abs(x), x.format.pick(710.8, 89.6))
    k, r, missing = reduce(bounded)
    grown, shrunk = power_of_two(k - 2), power_of_two(-k - 2)
    shrunk = select(bounded > x.format.pick(600.0, 60.0), 0.0, shrunk)
    z = r * r
    sine = (z * r).times_plus(z.polynomial(tables.SINH), missing)
    return grown - shrunk, grown + shrunk, r, sine, z * z.polynomial(tables.COSH)


def sinh(x: Number) -> Number:
    """Return the hyperbolic sine."""
    difference, total, r, sine, cosine = _hyperbolic(x)
    result = (total.times_plus(r, difference) + difference.times_plus(cosine, total * sine)) * 2.0
    return select(abs(x) < x.format.pick(1e-9, 1e-4), x, result.with_sign_of(x))


def cosh(x: Number) -> Number:
    """Return the hyperbolic cosine."""
    difference, total, r, sine, cosine = _hyperbolic(x)
    return (total + difference.times_plus(r, total.times_plus(cosine, difference * sine))) * 2.0


def expit(x: Number) -> Number:
    """Return 1/(1 + e**-x), the logistic function: 1 - q and z - z q for z = e**-|x| and q = z/(1 + z)."""
    z = exp_of_negative(-abs(x))
    share = z / (z + 1.0)
    scale = select(x < 0.0, z, 1.0)
    return (-scale).times_plus(share, scale)
