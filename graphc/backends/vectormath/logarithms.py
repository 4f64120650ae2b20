"""Logarithms: the exponent apart, then one polynomial on [1/sqrt 2, sqrt 2), without a division.

Sources: Cephes, log.c (Moshier); Muller, Elementary Functions (2016), chapter 4 for log1p by the error of 1 + x.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphc.backends.vectormath import tables
from graphc.backends.vectormath.emit import Coefficients, Number, Truth, select
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


def series(k: Number, f: Number, rest: Number | None, table: Coefficients, unit: Pair, octave: Pair) -> Number:
    """Return ``unit`` log(1 + f + rest) + ``octave`` k."""
    (high, low), (octave_high, octave_low) = unit[f.format.name], octave[f.format.name]
    tail = (f * f) * f.polynomial(table) if rest is None else (f * f).times_plus(f.polynomial(table), rest)
    if octave_low:
        tail = k.times_plus(octave_low, tail)
    if high == 1.0:
        return k.times_plus(octave_high, f + tail)
    return k.times_plus(octave_high, f.times_plus(high, f.times_plus(low, tail)))


def _finish(x: Number, result: Number) -> Number:
    """Return a logarithm's result, or what x = 0, x < 0, infinity and NaN give."""
    edge = select(x.equals(0.0), -math.inf, select(x < 0.0, math.nan, x))
    return select((x > 0.0) & (x < math.inf), result, edge)


def _logarithm(x: Number, table: Coefficients, unit: Pair, octave: Pair) -> Number:
    """Return a logarithm of any base."""
    shift = float(x.format.digits + 2)
    is_subnormal = x < x.format.tiny
    k, f, _ = parts(select(is_subnormal, x * 2.0**shift, x))
    k = k - select(is_subnormal, k.constant(shift), 0.0)
    return _finish(x, series(k, f, None, table, unit, octave))


def log(x: Number) -> Number:
    """Return the natural logarithm."""
    return _logarithm(x, tables.LOG, ONE, LN2)


def log2(x: Number) -> Number:
    """Return the logarithm of base 2."""
    return _logarithm(x, tables.LOG2, LOG2_E, ONE)


def log10(x: Number) -> Number:
    """Return the logarithm of base 10."""
    return _logarithm(x, tables.LOG10, LOG10_E, LOG10_2)


def _log_of_sum(total: Number, error: Number) -> Number:
    """Return log(total + error) for a normal total > 0 and an error far below it."""
    k, f, inverse = parts(total)
    missing = (error * inverse) * 0.5
    whole = f + missing
    return series(k, whole, (f - whole) + missing, tables.LOG, ONE, LN2)


def log1p(x: Number) -> Number:
    """Return log(1 + x)."""
    total = x + 1.0
    part = total - 1.0
    result = _log_of_sum(total, (1.0 - (total - part)) + (x - part))
    edge = select((x + 1.0).equals(0.0), -math.inf, select(x < -1.0, math.nan, x))
    return select((x > -1.0) & (x < math.inf), result, edge).with_sign_of(x)


def _log1p_of_share(z: Number) -> Number:
    """Return log(1 + z) for 0 <= z <= 1 (or NaN)."""
    total = z + 1.0
    return _log_of_sum(total, z - (total - 1.0))


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
    """Return log(x/(1 - x)); near its root 1/2 as log1p((2x - 1)/(1 - x))."""
    is_middle: Truth = (x > 0.33) & (x < 0.67)
    ratio = select(is_middle, (x - 0.5) * 2.0, x) / (1.0 - x)
    total = select(is_middle, ratio + 1.0, ratio)
    shift = float(x.format.digits + 2)
    is_subnormal = total < x.format.tiny
    k, f, inverse = parts(select(is_subnormal, total * 2.0**shift, total))
    part = total - 1.0
    error = select(is_middle, (1.0 - (total - part)) + (ratio - part), 0.0)
    missing = (error * inverse) * 0.5
    whole = f + missing
    k = k - select(is_subnormal, k.constant(shift), 0.0)
    result = series(k, whole, (f - whole) + missing, tables.LOG, ONE, LN2)
    return select(x.equals(1.0), math.inf, _finish(total, result))


def xlogy(x: Number, y: Number) -> Number:
    """Return x log(y), 0 where x is 0 and y is a number."""
    return select(x.equals(0.0) & y.equals(y), 0.0, x * log(y))


def xlog1py(x: Number, y: Number) -> Number:
    """Return x log(1 + y), 0 where x is 0 and y is a number."""
    return select(x.equals(0.0) & y.equals(y), 0.0, x * log1p(y))
