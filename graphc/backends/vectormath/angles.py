"""Circular functions and their inverses.

Angles are reduced by Cody and Waite's method: pi/2 in three parts, with fused multiply-adds, so that the
first step is exact (Muller, Elementary Functions (2016), section 11.2). Angles beyond `FARTHEST` go to the
C library, in a branch that leaves the rest vectorised.
"""

from __future__ import annotations

import math

from graphc.backends.vectormath import tables
from graphc.backends.vectormath.emit import Bits, Number, Truth, select
from graphc.backends.vectormath.library import from_library

HALF_PI = {
    "float64": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
    "float32": (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
}
"""pi/2 as a sum of three numbers."""
FARTHEST = {"float64": 2.0**40, "float32": 2.0**16}


def reduce(x: Number) -> tuple[Bits, Number, Number]:
    """Return k = round(2x/pi) in the low bits of an integer, and x - k pi/2 as a number and its rounding error."""
    shifted = x.times_plus(2.0 / math.pi, x.format.magic)
    k = shifted - x.format.magic
    first, second, third = HALF_PI[x.format.name]
    exact = k.times_plus(-first, x)
    product = k * second
    r = exact - product
    missing = ((exact - r) - product) - k.times_plus(second, -product)
    return shifted.bits(), r, k.times_plus(-third, missing)


def sine(r: Number, missing: Number) -> Number:
    """Return sin(r + missing) for |r| <= pi/4."""
    z = r * r
    return r + (z * r).times_plus(z.polynomial(tables.SIN), missing)


def cosine(r: Number, missing: Number) -> Number:
    """Return cos(r + missing) for |r| <= pi/4."""
    z = r * r
    half = z * 0.5
    whole = 1.0 - half
    tail = (z * z).times_plus(z.polynomial(tables.COS), -(r * missing))
    return whole + (((1.0 - whole) - half) + tail)


def _is_odd(quadrant: Bits) -> Truth:
    return (quadrant & 1).nonzero()


def _wave(x: Number, name: str, offset: int) -> Number:
    """Return sin(x + offset pi/2)."""
    k, r, missing = reduce(x)
    quadrant = k + offset if offset else k
    value = select(_is_odd(quadrant), cosine(r, missing), sine(r, missing))
    width = x.format.whole.width
    flipped = (value.bits() ^ ((quadrant << (width - 2)) & (1 << (width - 1)))).number()
    return _unless_far(x, flipped, name)


def sin(x: Number) -> Number:
    """Return the sine."""
    return select(x.equals(0.0), x, _wave(x, "sin", 0))


def cos(x: Number) -> Number:
    """Return the cosine."""
    return _wave(x, "cos", 1)


def tan(x: Number) -> Number:
    """Return the tangent."""
    k, r, missing = reduce(x)
    odd = _is_odd(k)
    s, c = sine(r, missing), cosine(r, missing)
    value = select(odd, -c, s) / select(odd, s, c)
    return select(x.equals(0.0), x, _unless_far(x, value, "tan"))


def _unless_far(x: Number, near: Number, name: str) -> Number:
    """Return a value, or the C library's where the angle is far from 0."""
    builder, form = x.builder, x.format
    is_far = abs(x) > FARTHEST[form.name]
    start = builder.block
    with builder.if_then(is_far.value, likely=False):
        far = from_library(x, name).value
        branch = builder.block
    joined = builder.phi(form.real)
    joined.add_incoming(near.value, start)
    joined.add_incoming(far, branch)
    return Number(builder, joined, form)


def atan(x: Number) -> Number:
    """Return the inverse tangent: one division reduces to |t| <= 1/2."""
    a = abs(x)
    is_large, is_middle = a > 2.0, a > 0.5
    top = select(is_large, -1.0, select(is_middle, a - 1.0, a))
    t = top / select(is_large, a, select(is_middle, a + 1.0, 1.0))
    high, low, _ = HALF_PI[x.format.name]
    base = select(is_large, x.constant(high), select(is_middle, x.constant(high / 2), 0.0))
    rest = select(is_large, x.constant(low), select(is_middle, x.constant(low / 2), 0.0))
    z = t * t
    return (base + (t + (t * z).times_plus(z.polynomial(tables.ATAN), rest))).with_sign_of(x)


def atan2(y: Number, x: Number) -> Number:
    """Return the angle of the point (x, y): of the smaller coordinate over the larger, then turned and mirrored."""
    a, b = abs(x), abs(y)
    is_steep = b > a
    short, long = select(is_steep, a, b), select(is_steep, b, a)
    shrink = select(long > long.format.pick(2.0**1021, 2.0**125), x.constant(0.25), 1.0)
    short, long = short * shrink, long * shrink
    is_even = short.equals(long)
    short, long = select(is_even, select(short > 0.0, x.constant(1.0), 0.0), short), select(is_even, 1.0, long)
    is_middle = short > long * 0.5
    t = select(is_middle, short - long, short) / select(is_middle, short + long, long)
    eighths = select(is_middle, x.constant(1.0), 0.0)
    eighths = select(is_steep, 2.0 - eighths, eighths)
    eighths = select(x.has_sign(), 4.0 - eighths, eighths)
    t = select(is_steep, -t, t)
    t = select(x.has_sign(), -t, t)
    high, low, _ = HALF_PI[x.format.name]
    z = t * t
    rest = eighths.times_plus(low / 2, (t * z).times_plus(z.polynomial(tables.ATAN), t))
    return eighths.times_plus(high / 2, rest).with_sign_of(y)


def _arc(x: Number) -> tuple[Truth, Number, Number]:
    """Return whether |x| > 1/2, then s and asin(s) - s for s = |x|, or sqrt((1 - |x|)/2) where it is."""
    a = abs(x)
    is_outer = a > 0.5
    z = select(is_outer, (1.0 - a) * 0.5, a * a)
    s = select(is_outer, z.sqrt(), a)
    return is_outer, s, (s * z) * z.polynomial(tables.ASIN)


def asin(x: Number) -> Number:
    """Return the inverse sine."""
    is_outer, s, rest = _arc(x)
    high, low, _ = HALF_PI[x.format.name]
    chord = s * 2.0
    near = high - chord
    outer = near + (((high - near) - chord) - (rest * 2.0 - low))
    return select(is_outer, outer, s + rest).with_sign_of(x)


def acos(x: Number) -> Number:
    """Return the inverse cosine."""
    is_outer, s, rest = _arc(x)
    high, low, _ = HALF_PI[x.format.name]
    inner = high - (x - (low - rest.with_sign_of(x)))
    right = (s + rest) * 2.0
    left = (high * 2.0 - s * 2.0) - (rest * 2.0 - low * 2.0)
    return select(is_outer, select(x < 0.0, left, right), inner)
