"""The vector functions: accurate everywhere, right at the edges, and vectorised inside loops."""

from __future__ import annotations

import math
import re
from functools import cache

import llvmlite.binding
import mpmath
import numba
import numpy as np
import pytest
from mpmath import mp

import graphc as gx
from graphc.backends import plain_math
from graphc.backends.vector_runtime import has_fused_arithmetic
from graphc.backends.vectormath.functions import BINARY, FUNCTIONS, UNARY

pytestmark = pytest.mark.skipif(not has_fused_arithmetic(), reason="the processor has no fused multiply-add")
FLOATS = ("float64", "float32")
NAMES = [emitter.__name__ for emitter in UNARY]
STATED = {"tanh": 2.5, "expit": 2.5, "tan": 2.5, "logit": 3.0}
"""Largest errors in ulp, where they are not 2."""
LARGEST = 1e300
EXACT = {
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "softplus": lambda x: max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x))),
    "log_sigmoid": lambda x: -max(-x, 0) - mpmath.log1p(mpmath.exp(-abs(x))),
    "logit": lambda x: mpmath.log(x / (1 - x)),
}


@cache
def looped(name: str):
    function = FUNCTIONS[name]

    @numba.njit(error_model="numpy", fastmath={"contract"})
    def fill(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return fill


def applied(name: str, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    looped(name)(x, out)
    return out


def domain(name: str) -> tuple[float, float]:
    inside = {"asin": (-1, 1), "acos": (-1, 1), "logit": (0, 1), "log1p": (-1, LARGEST)}
    return inside.get(name, (0, LARGEST) if name.startswith("log") and "sigmoid" not in name else (-LARGEST, LARGEST))


def points(name: str, dtype: str) -> np.ndarray:
    """Return dense, random and extreme numbers of the function's domain."""
    generator = np.random.default_rng(5)
    whole = np.uint64 if dtype == "float64" else np.uint32
    any_bits = generator.integers(0, np.iinfo(whole).max, 300, dtype=whole).view(dtype)
    spread = [generator.uniform(-scale, scale, 150) for scale in (0.01, 0.5, 1, 2, 10, 100, 750)]
    quarters = np.arange(-60, 60) * (np.pi / 4)
    octaves = np.arange(-20, 20) * (np.log(2) / 2)
    near_one = 1 + generator.uniform(-1e-3, 1e-3, 60)
    fixed = np.array([0.0, 0.5, 1.0, 2.0, 1e5, 1e12, 3e15, 1e22])
    with np.errstate(over="ignore"):
        found = np.concatenate(
            [
                any_bits,
                *(p.astype(dtype) for p in (*spread, quarters, octaves, near_one, np.linspace(-1, 1, 401), fixed)),
            ]
        )
    low, high = domain(name)
    wide = found.astype(np.float64)
    return found[np.isfinite(wide) & (wide > low) & (wide < high)]


def exact(name: str, x: float):
    if name == "erf" and abs(x) > 20:
        return mpmath.mpf(math.copysign(1, x))
    if name in ("exp", "expm1", "exp2", "sinh", "cosh", "expit", "softplus", "log_sigmoid", "tanh") and abs(x) > 2000:
        x = math.copysign(2000.0, x) if name not in ("softplus", "log_sigmoid") else x
        if name in ("softplus", "log_sigmoid"):
            return mpmath.mpf(max(x, 0.0) if name == "softplus" else min(x, 0.0))
    precision = 60 + max(0, math.frexp(x)[1]) // 3
    with mp.workdps(precision if precision < 400 else 400):
        number = mpmath.mpf(x)
        if abs(x) < 1e-30 and name in ("expm1", "log1p", "tanh", "sinh", "tan", "sin", "atan", "asin"):
            return number
        return +EXACT.get(name, getattr(mpmath, name, None))(number)


def error_in_ulp(found: float, expected, dtype: str) -> float:
    information = np.finfo(dtype)
    bound = float(information.max)
    if abs(expected) > bound * (1 + 2.0 ** -(information.nmant + 2)):
        return 0.0 if math.isinf(found) and (found > 0) == (expected > 0) else math.inf
    if not math.isfinite(found):
        return math.inf
    exponent = mpmath.frexp(expected)[1] - 1 if expected != 0 else information.minexp
    unit = mpmath.mpf(2) ** (max(exponent, information.minexp) - information.nmant)
    with mp.workdps(60):
        return float(abs(mpmath.mpf(found) - expected) / unit)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_errors_stay_within_the_stated_bound(name: str, dtype: str) -> None:
    x = points(name, dtype)
    assert len(x) > 300
    found = applied(name, x)
    errors = [(error_in_ulp(float(y), exact(name, float(v)), dtype), float(v)) for v, y in zip(x, found, strict=True)]
    worst, place = max(errors)
    assert worst <= STATED.get(name, 2.0), place


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_edges_are_those_of_the_library(name: str, dtype: str) -> None:
    information = np.finfo(dtype)
    small = float(information.smallest_subnormal)
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, small, -small, -2.0, 1.0, -1.0], dtype)
    plain = plain_math.NAMES.get(name) or getattr(plain_math.math, name)
    expected = np.array([plain(value) for value in x])
    found = applied(name, x)
    for value, got, wanted in zip(x, found, expected, strict=True):
        if np.isfinite(wanted) and wanted != 0:
            assert abs(got - wanted) <= 3 * np.spacing(abs(wanted)), value
        else:
            assert np.array_equal(got, wanted, equal_nan=True), value
            assert np.isnan(wanted) or np.signbit(got) == np.signbit(wanted), value


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [emitter.__name__ for emitter in BINARY])
def test_functions_of_two_numbers_at_the_edges(name: str, dtype: str) -> None:
    function = FUNCTIONS[name]
    compiled = numba.njit(error_model="numpy")(lambda x, y: function(x, y))
    values = np.array([0.0, 1.0, 2.5, 700.0, math.inf, -math.inf, math.nan], dtype)
    for x in values:
        for y in values:
            wanted, got = plain_math.NAMES[name](x, y), compiled(x, y)
            assert np.allclose(got, wanted, rtol=8 * np.finfo(dtype).eps, atol=0, equal_nan=True), (x, y)


@pytest.mark.parametrize("name", NAMES)
def test_a_call_alone_gives_the_bits_of_a_loop(name: str) -> None:
    function = FUNCTIONS[name]
    alone = numba.njit(error_model="numpy")(lambda x: function(x))
    x = points(name, "float64")[:300]
    assert np.array_equal(applied(name, x), np.array([alone(value) for value in x]), equal_nan=True)


def kernel_code(expression, x: gx.Expr, **options: bool) -> str:
    """Return the machine code of a function of x and y, compiled now."""
    fn = gx.compile(expression, [x], cache=False, **options)
    fn(np.ones(3, x.dtype))
    program, _ = fn._programs.program("call")
    return "".join(program.native.call.inspect_asm().values())


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="counts AVX2 instructions")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_loops_vectorise(name: str, dtype: str) -> None:
    x = gx.tensor("x", ("n",), dtype)
    packed = "pd" if dtype == "float64" else "ps"
    register = "zmm" if llvmlite.binding.get_host_cpu_features().get("avx512f") else "ymm"
    code = kernel_code(getattr(gx, name)(x) + x, x)
    assert len(re.findall(rf"v(?:fn?m(?:add|sub)\w+|mul){packed}\s.*%{register}", code)) >= 4
    library_name = name + ("" if dtype == "float64" else "f")
    if name not in ("sin", "cos", "tan"):
        assert not re.search(rf"movabsq\s+\${library_name}\b|call\w*\s+{library_name}\b", code)


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="counts AVX2 instructions")
@pytest.mark.parametrize(
    "make",
    [
        lambda x: gx.where(x > 0.5, gx.exp(x), x * x),
        lambda x: gx.maximum(gx.tanh(x), gx.minimum(x, 0.25)),
        lambda x: gx.clip(x, -1.0, 1.0) * gx.sign(x),
        lambda x: gx.relu(x) / (x * x + 1),
    ],
)
def test_choices_make_no_branches(make) -> None:
    x = gx.tensor("x", ("n",))
    register = "zmm" if llvmlite.binding.get_host_cpu_features().get("avx512f") else "ymm"
    assert len(re.findall(rf"v\w+pd\s.*%{register}", kernel_code(make(x), x))) >= 4


def test_precise_takes_the_c_library() -> None:
    x = gx.tensor("x", ("n",))
    values = np.linspace(-3, 3, 1001)
    fn = gx.compile(gx.exp(x), [x], precise=True)
    assert np.array_equal(fn(values), [math.exp(value) for value in values])
    assert np.allclose(fn(values), gx.compile(gx.exp(x), [x])(values), rtol=1e-15)
