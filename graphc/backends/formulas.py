"""Formulas of scalar functions that neither Python's ``math`` nor Numba has, written once.

`mathlib` compiles them, `plain_math` runs them as they are. They keep the dtype of their arguments
(constants come from `like`), but for digamma, polygamma and ndtri, which compute in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.backends import quantile

ROOT_OF_DIGAMMA = (
    1569415565.0 / 1073741824.0,
    (381566830.0 / 1073741824.0) / 1073741824.0,
    0.9016312093258695918615325266959189453125e-19,
)
"""The positive root of digamma, as a sum of three numbers."""
DIGAMMA_NUMERATOR = (
    -0.0020713321167745952, -0.045251321448739056, -0.28919126444774784,
    -0.65031853770896507, -0.32555031186804491, 0.25479851061131551,
)  # fmt: skip
DIGAMMA_DENOMINATOR = (
    -0.55789841321675513e-6, 0.0021284987017821144, 0.054151797245674225, 0.43593529692665969,
    1.4606242909763515, 2.0767117023730469, 1.0,
)  # fmt: skip
DIGAMMA_FACTOR = 0.99558162689208984
DIGAMMA_ASYMPTOTIC = (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
"""B(2k)/(2k) for k = 7 down to 1."""
EULER_MACLAURIN = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
)  # fmt: skip
"""B(2k)/(2k)! for k = 1 to 10."""
LOWEST_POLYGAMMA = -4096.0
THREEFRY_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def like(x: Any, value: float) -> Any:
    """Return a number of the type of ``x``: a bare literal would widen float32."""
    return x.__class__(value)


def sign(x: Any) -> Any:
    """Return -1, 0 or 1; NaN for NaN."""
    if x > 0:
        return like(x, 1.0)
    if x < 0:
        return like(x, -1.0)
    return x if x != x else like(x, 0.0)


def clip(x: Any, low: Any, high: Any) -> Any:
    """Return min(max(x, low), high); NaN wins."""
    raised = x if (x >= low) | (x != x) else low
    return raised if (raised <= high) | (raised != raised) else high


def integer_power(x: Any, n: int) -> Any:
    """Return x**n for n > 0 by repeated squaring."""
    result = like(x, 1.0)
    while n > 0:
        if n & 1:
            result = result * x
        x = x * x
        n >>= 1
    return result


def power(x: Any, y: Any) -> Any:
    """Return x**y."""
    return x**y


def cbrt(x: Any) -> Any:
    """Return the real cube root."""
    return np.cbrt(x)


def exp2(x: Any) -> Any:
    """Return 2**x."""
    return np.exp2(x)


def expit(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) without overflow, to the last bit of its subnormal tail."""
    one = like(x, 1.0)
    z = math.exp(-abs(x))
    return (one if x >= 0 else z) / (one + z)


def logit(x: Any) -> Any:
    """Return log(x / (1 - x)), accurate near its root 1/2 too."""
    one = like(x, 1.0)
    if abs(x + x - one) < like(x, 0.5):
        half = math.atanh(x + x - one)
        return half + half
    return math.log(x) - math.log1p(-x)


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) without overflow."""
    return (x if x > 0 else like(x, 0.0)) + math.log1p(math.exp(-abs(x)))


def log_sigmoid(x: Any) -> Any:
    """Return -log(1 + exp(-x)) without overflow."""
    return (x if x < 0 else like(x, 0.0)) - math.log1p(math.exp(-abs(x)))


def logaddexp(x: Any, y: Any) -> Any:
    """Return log(exp(x) + exp(y)) without overflow."""
    if x == y:
        return x + like(x, 0.6931471805599453)
    larger = x if x > y else y
    return larger + math.log1p(math.exp(-abs(x - y)))


def xlogy(x: Any, y: Any) -> Any:
    """Return x*log(y), 0 where x is 0."""
    if (x == 0) & (y == y):
        return like(x, 0.0)
    return x * math.log(y)


def xlog1py(x: Any, y: Any) -> Any:
    """Return x*log(1 + y), 0 where x is 0."""
    if (x == 0) & (y == y):
        return like(x, 0.0)
    return x * math.log1p(y)


def digamma(x: Any) -> Any:
    """Return the derivative of log gamma, in float64.

    Source: Cephes `psi` with the rational approximation of Boost on [1, 2], exact at the root 1.4616.
    """
    x = np.float64(x)
    total: Any = np.float64(0.0)
    if x == 0:
        return math.copysign(np.float64(np.inf), -x)
    if x < 0:
        fraction = x - np.rint(x)
        if fraction == 0 or x == -np.inf:
            return np.float64(np.nan)
        total = -math.pi / math.tan(math.pi * fraction)
        x = 1.0 - x
    if x < 1:
        total -= 1.0 / x
        x += 1.0
    while 2.0 < x < 10.0:
        x -= 1.0
        total += 1.0 / x
    if x <= 2.0:
        numerator, denominator = np.float64(0.0), np.float64(0.0)
        for coefficient in DIGAMMA_NUMERATOR:
            numerator = numerator * (x - 1.0) + coefficient
        for coefficient in DIGAMMA_DENOMINATOR:
            denominator = denominator * (x - 1.0) + coefficient
        offset = x - ROOT_OF_DIGAMMA[0] - ROOT_OF_DIGAMMA[1] - ROOT_OF_DIGAMMA[2]
        return total + (offset * DIGAMMA_FACTOR + offset * (numerator / denominator))
    series, z = np.float64(0.0), 1.0 / (x * x)
    for coefficient in DIGAMMA_ASYMPTOTIC:
        series = series * z + coefficient
    return total + (math.log(x) - 0.5 / x - series * z)


def polygamma(n: int, x: Any) -> Any:
    """Return the n-th derivative of digamma for n >= 1, in float64; NaN for x < -4096, where the sum is long.

    Source: (-1)**(n + 1) n! zeta(n + 1, x), Hurwitz' zeta by Euler-Maclaurin summation (DLMF 25.11.43).
    """
    x = np.float64(x)
    factorial = np.float64(1.0)
    for number in range(2, n + 1):
        factorial *= number
    if n % 2 == 0:
        factorial = -factorial
    if x == np.inf or not x >= LOWEST_POLYGAMMA:
        return factorial * (np.float64(0.0) if x == np.inf else np.float64(np.nan))
    s = n + 1.0
    terms = int(max(np.float64(0.0), np.ceil(12.0 + n - min(x, 1e9))))
    a = x + terms
    power = a**-s
    term, tail = s * power / a, np.float64(0.0)
    for index in range(len(EULER_MACLAURIN)):
        tail += EULER_MACLAURIN[index] * term
        term *= ((s + 2 * index + 1) / a) * ((s + 2 * index + 2) / a)
    total = tail + 0.5 * power + a * power / n
    for number in range(terms - 1, -1, -1):
        total += (x + number) ** -s
    return factorial * total


def floor(x: Any) -> Any:
    """Return the largest integer not above x; integers as they are."""
    return x if isinstance(x, (int, np.integer)) else np.floor(x)


def ceil(x: Any) -> Any:
    """Return the smallest integer not below x; integers as they are."""
    return x if isinstance(x, (int, np.integer)) else np.ceil(x)


def trunc(x: Any) -> Any:
    """Return x without its fraction; integers as they are."""
    return x if isinstance(x, (int, np.integer)) else np.trunc(x)


def rint(x: Any) -> Any:
    """Return the nearest integer, halves to even; integers as they are."""
    return x if isinstance(x, (int, np.integer)) else np.rint(x)


def threefry(x: Any, y: Any) -> Any:
    """Return 64 random bits: the counter ``y`` enciphered under the key ``x`` in 20 rounds, uint64 throughout.

    Source: Threefry-2x32-20 of Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
    The high half of key, counter and result is the first word. It runs on arrays too.
    """
    half = np.uint64(32)
    first, second = np.uint32(x >> half), np.uint32(x)
    keys = (first, second, np.uint32(first ^ second ^ np.uint32(0x1BD11BDA)))
    left, right = np.uint32(np.uint32(y >> half) + first), np.uint32(np.uint32(y) + second)
    for number in range(20):
        bits = THREEFRY_ROTATIONS[number % 8]
        left = np.uint32(left + right)
        turned = np.uint32(right << np.uint32(bits)) | np.uint32(right >> np.uint32(32 - bits))
        right = np.uint32(turned ^ left)
        if number % 4 == 3:
            group = number // 4 + 1
            left = np.uint32(left + keys[group % 3])
            right = np.uint32(right + np.uint32(keys[(group + 1) % 3] + np.uint32(group)))
    return np.uint64(left) << half | np.uint64(right)


def ndtri(x: Any) -> Any:
    """Return the number that a standard normal one is below with probability x, in float64; see `quantile`."""
    x = np.float64(x)
    q = x - 0.5
    tail = x if q < 0 else 1.0 - x
    r = math.sqrt(-math.log(tail))
    scale = math.copysign(np.float64(1.0), q)
    if tail == 0:
        return scale * np.inf
    if abs(q) <= quantile.CENTRE_LIMIT:
        scale, z, table = q, quantile.CENTRE_LIMIT**2 - q * q, quantile.CENTRE
    elif r <= quantile.FAR_START:
        z, table = r - quantile.SIDE_START, quantile.SIDE
    else:
        z, table = r - quantile.FAR_START, quantile.FAR
    numerator, denominator = np.float64(0.0), np.float64(0.0)
    for index in range(7, -1, -1):
        numerator = numerator * z + table[0][index]
        denominator = denominator * z + table[1][index]
    return scale * (numerator / denominator)


ROUNDING = (floor, ceil, trunc, rint)
SHORT = (
    like, sign, clip, integer_power, power, cbrt, exp2, expit, logit, softplus, log_sigmoid, logaddexp, xlogy, xlog1py,
    threefry,
)  # fmt: skip
LONG = (digamma, polygamma, ndtri)
