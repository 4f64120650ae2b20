"""The largest errors of the vector mathematics, in ulp, against 80-bit arithmetic (erf and erfc: mpmath)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

import graphc as gx

Array = np.ndarray[Any, np.dtype[Any]]
WIDE = np.longdouble
SCALES = (0.01, 0.5, 1.0, 2.0, 10.0, 100.0, 750.0)
EACH = 200_000
"""How many arguments of each scale."""
FEW = 3_000
"""How many where mpmath gives the exact values."""
LARGEST = 1e300
DOMAINS = {
    "asin": (-1, 1), "acos": (-1, 1), "atanh": (-1, 1), "acosh": (1, LARGEST), "logit": (0, 1),
    "log": (0, LARGEST), "log2": (0, LARGEST), "log10": (0, LARGEST), "log1p": (-1, LARGEST),
}  # fmt: skip


def _share(x: Any) -> Any:
    return np.exp(-abs(x))


EXACT: dict[str, Callable[..., Any]] = {
    "expit": lambda x: np.where(x < 0, _share(x), 1) / (1 + _share(x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(_share(x)),
    "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(_share(x)),
    "logit": lambda x: np.where(abs(2 * x - 1) < 0.5, 2 * np.arctanh(2 * x - 1), np.log(x) - np.log1p(-x)),
    "erf": lambda x: _by_mpmath(mpmath.erf, x),
    "erfc": lambda x: _by_mpmath(mpmath.erfc, x),
}
"""Where they are not NumPy's own functions, which have 80-bit forms."""


def _by_mpmath(function: Callable[..., Any], x: Array) -> Array:
    """Return a function's values to 30 digits, as the nearest 80-bit numbers."""
    with mpmath.mp.workdps(30):
        return np.array([WIDE(mpmath.nstr(function(mpmath.mpf(float(value))), 25)) for value in x])


def arguments(name: str, dtype: str, count: int) -> Array:
    """Return random arguments of every scale, near 1, and of random bits (but not those above 2**40 of angles)."""
    generator = np.random.default_rng(1)
    whole = np.uint64 if dtype == "float64" else np.uint32
    low, high = DOMAINS.get(name, (-LARGEST, LARGEST))
    each = FEW if name in ("erf", "erfc") else count
    found = [generator.uniform(max(low, -scale), min(high, scale), each) for scale in SCALES if scale > low]
    found.append(1 + generator.uniform(-1e-3, 1e-3, each))
    any_bits = generator.integers(0, np.iinfo(whole).max, each, dtype=whole).view(dtype)
    values = np.concatenate([any_bits, *(part.astype(dtype) for part in found)])
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float64)
    is_usable = np.isfinite(values) & (wide > low) & (wide < high)
    if name in ("sin", "cos", "tan"):
        is_usable &= abs(values) < 2.0**40
    if name in ("erf", "erfc"):
        is_usable &= abs(values) < 40
    usable: Array = values[is_usable]
    return usable


def given(name: str, dtype: str, count: int) -> tuple[Array, ...]:
    """Return the arguments of a function of one or two numbers."""
    x = arguments(name, dtype, count)
    if name not in ("atan2", "hypot", "power"):
        return (x,)
    generator = np.random.default_rng(2)
    with np.errstate(all="ignore"):
        near = x * generator.uniform(-2, 2, x.size)
        if name == "power":
            x = abs(x)
            near = generator.uniform(-745, 709, x.size) / np.log(x.astype(np.float64))
        other = np.where(generator.random(x.size) < 0.5, near, generator.permutation(x)).astype(dtype)
    is_usable = np.isfinite(other) & (x != 0)
    return x[is_usable], other[is_usable]


def errors_in_ulp(found: Array, exact: Array) -> Array:
    """Return the error of each value: 0 where both overflow, infinite where one does or is no number."""
    information = np.finfo(found.dtype)
    exponent = np.maximum(np.frexp(exact)[1] - 1, information.minexp)
    errors = abs(found.astype(WIDE) - exact) / np.ldexp(WIDE(1), exponent - information.nmant)
    is_over = abs(exact) > WIDE(information.max) * (1 + WIDE(2.0) ** -(information.nmant + 2))
    errors = np.where(is_over, np.where(np.isinf(found) & ((found > 0) == (exact > 0)), 0, np.inf), errors)
    return np.where(np.isnan(errors), np.inf, errors)


def largest_error(name: str, dtype: str, function: Callable[..., Any], count: int = EACH) -> float:
    """Return the largest error of graphc's function in a loop; ``function`` is NumPy's."""
    values = given(name, dtype, count)
    inputs = [gx.tensor(f"x{number}", ("n",), dtype) for number in range(len(values))]
    found = gx.compile(getattr(gx, name)(*inputs), inputs)(*values)
    with np.errstate(all="ignore"):
        exact = EXACT.get(name, function)(*(value.astype(WIDE) for value in values))
        return float(errors_in_ulp(found, exact).max())
