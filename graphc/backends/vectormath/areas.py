"""Inverse hyperbolic functions: logarithms of a sum that is carried with its rounding error.

Source: Muller, Elementary Functions (2016), chapter 4, for log(total + error).
"""

from __future__ import annotations

import math

from graphc.backends.vectormath.emit import Number, select
from graphc.backends.vectormath.logarithms import log_of_sum, parts


def _log_of_root(x: Number, total: Number, error: Number) -> Number:
    """Return log(total + error), or log(2x) where x is so large that the total is 2x."""
    is_large = x > x.format.pick(2.0**28, 2.0**13)
    k, f, inverse = parts(select(is_large, x, total))
    octave = select(is_large, x.constant(1.0), 0.0)
    return log_of_sum((k + octave, f, inverse), select(is_large, 0.0, error))


def _plus_one(x: Number, error: Number) -> tuple[Number, Number]:
    """Return 1 + x + error as a number and its rounding error."""
    total = x + 1.0
    part = total - 1.0
    return total, ((1.0 - (total - part)) + (x - part)) + error


def asinh(x: Number) -> Number:
    """Return the inverse hyperbolic sine: log(1 + a + a**2/(1 + sqrt(1 + a**2))) for a = |x|."""
    a = abs(x)
    square = a * a
    part = square / ((square + 1.0).sqrt() + 1.0)
    rise = a + part
    result = _log_of_root(a, *_plus_one(rise, part - (rise - a)))
    return select(a < math.inf, result, x).with_sign_of(x)


def acosh(x: Number) -> Number:
    """Return the inverse hyperbolic cosine: log(x + sqrt((x - 1)(x + 1)))."""
    below, above = x - 1.0, x + 1.0
    square = below * above
    error = below.times_plus(above, -square) + (below * (1.0 - (above - x)) + above * ((x - below) - 1.0))
    root = square.sqrt()
    rest = ((-root).times_plus(root, square) + error) * (0.5 / root)
    total = x + root
    lost = (root - (total - x)) + select(root > 0.0, rest, 0.0)
    result = _log_of_root(x, total, lost)
    return select((x >= 1.0) & (x < math.inf), result, select(x < 1.0, math.nan, x))


def atanh(x: Number) -> Number:
    """Return the inverse hyperbolic tangent: log(1 + 2a/(1 - a))/2 for a = |x|."""
    a = abs(x)
    doubled, below = a + a, 1.0 - a
    inverse = 1.0 / below
    ratio = doubled * inverse
    error = ((-ratio).times_plus(below, doubled) - ratio * ((1.0 - below) - a)) * inverse
    total, lost = _plus_one(ratio, error)
    result = log_of_sum(parts(total), lost) * 0.5
    return select(a < 1.0, result, select(a.equals(1.0), x.constant(math.inf), math.nan)).with_sign_of(x)
