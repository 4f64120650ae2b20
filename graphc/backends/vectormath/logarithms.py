"""Logarithms: the exponent apart, then artanh's series on [1/sqrt 2, sqrt 2].

Sources: fdlibm, e_log.c (Sun), for log(1 + f) by s = f/(2 + f); Muller, Elementary Functions (2016), chapter 4
for log1p by the error of 1 + x.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphc.backends.vectormath import tables
from graphc.backends.vectormath.emit import Number, select
from graphc.backends.vectormath.exponentials import LN2, exp_of_negative

ROOT_HALF = {"float64": 0x3FE6A09E667F3BCD, "float32": 0x3F3504F3}
"""The bits of sqrt(1/2)."""
Pair = Mapping[str, tuple[float, float]]
ONE: Pair = {"float64": (1.0, 0.0), "float32": (1.0, 0.0)}
LOG2_E: Pair = {
    "float64": (1.4426950408889634, 2.0355273740931033e-17),
    "float32": (1.44269502162933349609375, 1.925963033500011e-08),
}
LOG10_E: Pair = {
    "float64": (0.4342944819032518, 1.098319650216765e-17),
    "float32": (0.4342944920063018798828125, -1.0103049943608312e-08),
}
LOG10_2: Pair = {
    "float64": (0.3010299956639812, -2.8037281277851704e-18),
    "float32": (0.301030009984970092773438, -1.4320989e-08),
}


def parts(x: Number) -> tuple[Number, Number, Number]:
    """Return k, f and 2**(1 - k) with x = 2**k (1 + f), 1 + f between sqrt(1/2) and sqrt(2), for normal x > 0."""
    form = x.format
    one = form.bias << form.digits
    bits = x.bits() + (one - ROOT_HALF[form.name])
    biased = bits >> form.digits
    exponent = biased << form.digits
    mantissa = (x.bits() - exponent + one).number()
    joined = (biased | ((form.digits + form.bias) << form.digits)).number()
    k = joined - (2.0**form.digits + form.bias)
    inverse = (-exponent + (2 * one + (1 << form.digits))).number()
    return k, mantissa - 1.0, inverse


def log_less_linear(f: Number) -> Number:
    """Return log(1 + f) - f for 1 + f between sqrt(1/2) and sqrt(2)."""
    s = f / (f + 2.0)
    z = s * s
    half_square = f * (f * 0.5)
    return s.times_plus(z.times_plus(z.polynomial(tables.LOG), half_square), -half_square)


def series(k: Number, f: Number, rest: Number | None, unit: Pair, octave: Pair) -> Number:
    """Return ``unit`` log(1 + f + rest) + ``octave`` k."""
    (high, low), (octave_high, octave_low) = unit[f.format.name], octave[f.format.name]
    tail = log_less_linear(f)
    tail = tail if rest is None else tail + rest
    if high != 1.0:
        tail = f.times_plus(low, tail * high)
    if octave_low:
        tail = k.times_plus(octave_low, tail)
    return k.times_plus(octave_high, f + tail if high == 1.0 else f.times_plus(high, tail))


def _finish(x: Number, result: Number) -> Number:
    """Return a logarithm's result, or what x = 0, x < 0, infinity and NaN give."""
    edge = select(x.equals(0.0), -math.inf, select(x.has_sign(), math.nan, x))
    return select(x.is_positive(), result, edge)


def split(x: Number) -> tuple[Number, Number, Number]:
    """Return the parts of a positive number that may be subnormal."""
    shift = float(x.format.digits + 2)
    is_subnormal = x < x.format.tiny
    k, f, inverse = parts(select(is_subnormal, x * 2.0**shift, x))
    return k - select(is_subnormal, k.constant(shift), 0.0), f, inverse


def _logarithm(x: Number, unit: Pair, octave: Pair) -> Number:
    """Return a logarithm of any base."""
    k, f, _ = split(x)
    return _finish(x, series(k, f, None, unit, octave))


def log(x: Number) -> Number:
    """Return the natural logarithm."""
    return _logarithm(x, ONE, LN2)


def log2(x: Number) -> Number:
    """Return the logarithm of base 2."""
    return _logarithm(x, LOG2_E, ONE)


def log10(x: Number) -> Number:
    """Return the logarithm of base 10."""
    return _logarithm(x, LOG10_E, LOG10_2)


def log_of_sum(split_total: tuple[Number, Number, Number], error: Number) -> Number:
    """Return log(total + error) for the parts of a total > 0 and an error far below it."""
    k, f, inverse = split_total
    missing = (error * inverse) * 0.5
    whole = f + missing
    return series(k, whole, (f - whole) + missing, ONE, LN2)


def log1p(x: Number) -> Number:
    """Return log(1 + x)."""
    total = x + 1.0
    part = total - 1.0
    result = log_of_sum(parts(total), (1.0 - (total - part)) + (x - part))
    edge = select((x + 1.0).equals(0.0), -math.inf, select(x < -1.0, math.nan, x))
    return select((x > -1.0) & (x < math.inf), result, edge).with_sign_of(x)


def _log1p_of_share(z: Number) -> Number:
    """Return log(1 + z) for 0 <= z <= 1 (or NaN): beyond sqrt(2) - 1 as log 2 + log((1 + z)/2)."""
    is_large = z > math.sqrt(2.0) - 1.0
    f = select(is_large, z.times_plus(0.5, -0.5), z)
    high, low = (select(is_large, z.constant(part), 0.0) for part in LN2[z.format.name])
    return high + (f + (log_less_linear(f) + low))


def softplus(x: Number) -> Number:
    """Return log(1 + e**x)."""
    return select(x < 0.0, 0.0, x) + _log1p_of_share(exp_of_negative(-abs(x)))


def log_sigmoid(x: Number) -> Number:
    """Return -log(1 + e**-x)."""
    return select(x > 0.0, 0.0, x) - _log1p_of_share(exp_of_negative(-abs(x)))


def logaddexp(x: Number, y: Number) -> Number:
    """Return log(e**x + e**y)."""
    gap = select(x.equals(y), 0.0, x - y)
    return select(x > y, x, y) + _log1p_of_share(exp_of_negative(-abs(gap)))


def logit(x: Number) -> Number:
    """Return log(x/(1 - x)), with the rounding errors of the quotient."""
    below = 1.0 - x
    inverse = 1.0 / below
    ratio = x * inverse
    error = ((-ratio).times_plus(below, x) - ratio * ((1.0 - below) - x)) * inverse
    return _finish(ratio, log_of_sum(split(ratio), error))


def xlogy(x: Number, y: Number) -> Number:
    """Return x log(y), 0 where x is 0 and y is a number."""
    return select(x.equals(0.0) & y.equals(y), 0.0, x * log(y))


def xlog1py(x: Number, y: Number) -> Number:
    """Return x log(1 + y), 0 where x is 0 and y is a number."""
    return select(x.equals(0.0) & y.equals(y), 0.0, x * log1p(y))
