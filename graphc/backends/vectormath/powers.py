"""Powers and roots.

Sources: Muller et al., Handbook of Floating-Point Arithmetic (2018), chapters 4 and 5, for error-free sums and
products; Markstein, IA-64 and Elementary Functions (2000), for the power as an exponential of y log x in two numbers.
"""

from __future__ import annotations

import math

from graphc.backends.vectormath import tables
from graphc.backends.vectormath.emit import Number, not_above, not_below, select
from graphc.backends.vectormath.exponentials import exp_limits, exp_shifted, power_of_two, reduce, scaled
from graphc.backends.vectormath.logarithms import parts, split

LN2 = {
    "float64": (0.6931471805598903, 5.497923018708371e-14),
    "float32": (0.693145751953125, 1.428606765330187e-06),
}
"""log 2 as a sum of two numbers, the first so short that its product with an exponent is exact."""
TWO_THIRDS = {
    "float64": (0.6666666666666666, 3.700743415417188e-17),
    "float32": (0.6666666865348816, -1.9868215517249155e-08),
}


def hypot(x: Number, y: Number) -> Number:
    """Return sqrt(x**2 + y**2), both scaled so that no square overflows or vanishes."""
    a, b = abs(x), abs(y)
    is_first = a > b
    long, short = select(is_first, a, b), select(is_first, b, a)
    form = x.format
    large, small, step = (2.0**500, 2.0**-400, 2.0**700) if form.name == "float64" else (2.0**60, 2.0**-40, 2.0**100)
    is_large, is_small = long > large, long < small
    scale = select(is_large, x.constant(1.0 / step), select(is_small, x.constant(step), 1.0))
    back = select(is_large, x.constant(step), select(is_small, x.constant(1.0 / step), 1.0))
    long, short = long * scale, short * scale
    result = long.times_plus(long, short * short).sqrt() * back
    return select(a.equals(math.inf) | b.equals(math.inf), math.inf, result)


def cbrt(x: Number) -> Number:
    """Return the real cube root: w = d**(-1/3) by a polynomial and a step of Newton's, then another for d w**2."""
    a, form = abs(x), x.format
    lift = form.pick(54.0, 24.0)
    is_subnormal = a < form.tiny
    k, f, _ = parts(select(is_subnormal, a * 2.0**lift, a))
    k = k - select(is_subnormal, k.constant(lift), 0.0)
    shifted = k.times_plus(1.0 / 3.0, form.magic)
    rest = (shifted - form.magic).times_plus(-3.0, k)
    is_above, is_below = rest > 0.0, rest < 0.0
    d = (f + 1.0) * select(is_above, x.constant(2.0), select(is_below, x.constant(0.5), 1.0))
    root = select(is_above, x.constant(2.0 ** (-1 / 3)), select(is_below, x.constant(2.0 ** (1 / 3)), 1.0))
    w = f.polynomial(tables.CBRT) * root
    w = (w * (1.0 / 3.0)).times_plus((-(d * w)).times_plus(w * w, 1.0), w)
    square = w * w
    y = d * square
    result = (-(y * y)).times_plus(y, d).times_plus(square * (1.0 / 3.0), y) * power_of_two(shifted.bits())
    return select(a.is_positive(), result.with_sign_of(x), x)


def _precise_log(x: Number) -> tuple[Number, Number]:
    """Return log(x) for x > 0 as a sum of two numbers."""
    k, f, _ = split(x)
    below = f + 2.0
    inverse = 1.0 / below
    s = f * inverse
    s_low = ((-s).times_plus(below, f) - s * (f - (below - 2.0))) * inverse
    z = s * s
    z_low = (s + s).times_plus(s_low, s.times_plus(s, -z))
    two_thirds, rest = TWO_THIRDS[x.format.name]
    later = z * z.polynomial(tables.LOG_REST)
    factor = later + two_thirds
    factor_low = (later - (factor - two_thirds)) + rest
    cube = s * z
    cube_low = s.times_plus(z, -cube) + s.times_plus(z_low, s_low * z)
    tail = cube * factor
    tail_low = cube.times_plus(factor, -tail) + cube.times_plus(factor_low, cube_low * factor)
    high, low = LN2[x.format.name]
    octaves, doubled = k * high, s + s
    near = octaves + doubled
    whole = near + tail
    errors = (doubled - (near - octaves)) + ((tail - (whole - near)) + tail_low)
    return whole, errors + k.times_plus(low, s_low + s_low)


def _exp_of_sum(x: Number, error: Number) -> Number:
    """Return exp(x + error) for an error far below 1."""
    low, high = exp_limits(x)
    inside = (x > low) & (x < high)
    k, r, missing = reduce(not_above(not_below(x, low), high))
    return scaled(exp_shifted(r, missing, select(inside, error, 0.0)) + 1.0, k)


def _power_of_positive(x: Number, y: Number) -> Number:
    """Return x**y for x >= 0 (or NaN) but where the logarithm or y is 0."""
    is_ordinary = x.is_positive()
    high, low = _precise_log(x)
    high = select(is_ordinary, high, select(x.equals(0.0), -math.inf, x))
    product = y * high
    return _exp_of_sum(product, y.times_plus(high, -product) + y * select(is_ordinary, low, 0.0))


def power(x: Number, y: Number) -> Number:
    """Return x**y, for all numbers what the C library gives."""
    a = abs(x)
    size = _power_of_positive(a, y)
    half, below = y * 0.5, y.floor()
    is_odd = (half.floor() < half) & below.equals(y)
    signed = select(x.has_sign() & is_odd, -size, size)
    value = select((x < 0.0) & (a < math.inf) & (below < y), math.nan, signed)
    is_one = y.equals(0.0) | x.equals(1.0) | (x.equals(-1.0) & abs(y).equals(math.inf))
    return select(is_one, 1.0, value)
