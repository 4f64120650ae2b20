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
BINARY_NAMES = [emitter.__name__ for emitter in BINARY]
STATED = {"tanh": 2.6, "tan": 2.5, "erfc": 4.0, "ndtri": 6.0}
"""Largest errors in ulp, where they are not 2."""
LARGEST = 1e300
EXACT = {
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "softplus": lambda x: max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x))),
    "log_sigmoid": lambda x: -max(-x, 0) - mpmath.log1p(mpmath.exp(-abs(x))),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "ndtri": lambda x: normal_quantile(x),
}


def normal_quantile(p):
    """Return the root of the normal distribution function less p, by Newton's steps on its logarithm."""
    if p > 0.5:
        return -normal_quantile(1 - p)
    x = -mpmath.sqrt(-2 * mpmath.log(p)) if p < 0.1 else mpmath.mpf(0)
    for _ in range(60):
        below = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
        step = (mpmath.log(below) - mpmath.log(p)) * below / mpmath.npdf(x)
        x -= step
        if abs(step) < mpmath.mpf(10) ** -40:
            break
    return x


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


@cache
def looped_on_two(name: str):
    function = FUNCTIONS[name]

    @numba.njit(error_model="numpy", fastmath={"contract"})
    def fill(x, y, out):
        for i in range(x.size):
            out[i] = function(x[i], y[i])

    return fill


def applied_to_two(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    looped_on_two(name)(x, y, out)
    return out


def domain(name: str) -> tuple[float, float]:
    inside = {
        "asin": (-1, 1), "acos": (-1, 1), "atanh": (-1, 1), "logit": (0, 1), "ndtri": (0, 1),
        "acosh": (1, LARGEST), "log1p": (-1, LARGEST),
    }  # fmt: skip
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
    if name == "erfc" and abs(x) > 40:
        return mpmath.mpf(2 if x < 0 else 0)
    if name in ("exp", "expm1", "exp2", "sinh", "cosh", "expit", "softplus", "log_sigmoid", "tanh") and abs(x) > 2000:
        x = math.copysign(2000.0, x) if name not in ("softplus", "log_sigmoid") else x
        if name in ("softplus", "log_sigmoid"):
            return mpmath.mpf(max(x, 0.0) if name == "softplus" else min(x, 0.0))
    precision = 60 + max(0, math.frexp(x)[1]) // 3
    with mp.workdps(precision if precision < 400 else 400):
        number = mpmath.mpf(x)
        if abs(x) < 1e-30 and name in (
            "expm1",
            "log1p",
            "tanh",
            "sinh",
            "tan",
            "sin",
            "atan",
            "asin",
            "asinh",
            "atanh",
        ):
            return number
        return +EXACT.get(name, getattr(mpmath, name, None))(number)


EXACT_OF_TWO = {"power": lambda x, y: mpmath.mpf(x) ** mpmath.mpf(y), "atan2": mpmath.atan2, "hypot": mpmath.hypot}


def pairs(name: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return random and extreme pairs of numbers."""
    generator = np.random.default_rng(6)
    x = points("sin", dtype)
    y = generator.permutation(x)
    with np.errstate(all="ignore"):
        beside = (x * generator.uniform(-3, 3, x.size)).astype(dtype)
        if name == "power":
            x = abs(x)
            beside = (generator.uniform(-750, 720, x.size) / np.log(x.astype(np.float64))).astype(dtype)
    usable = np.isfinite(beside) & (x != 0)
    return np.concatenate([x, x[usable]]), np.concatenate([y, beside[usable]])


def exact_of_two(name: str, x: float, y: float):
    """Return the exact value; where a power is beyond all numbers, one that is too."""
    if name == "power" and x > 0 and abs(y * math.log(x)) > 2000:
        return mpmath.mpf(2) ** math.copysign(3000, y * math.log(x))
    with mp.workdps(60):
        return +EXACT_OF_TWO[name](mpmath.mpf(x), mpmath.mpf(y))


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
@pytest.mark.parametrize("name", list(EXACT_OF_TWO))
def test_errors_of_functions_of_two_numbers_stay_within_two_ulp(name: str, dtype: str) -> None:
    x, y = pairs(name, dtype)
    assert len(x) > 1000
    found = applied_to_two(name, x, y)
    values = [(float(a), float(b), float(c)) for a, b, c in zip(x, y, found, strict=True) if a != 0 or b != 0]
    worst, place = max(
        (error_in_ulp(c, exact_of_two(name, a, b), dtype), (a, b)) for a, b, c in values if a > 0 or name != "power"
    )
    assert worst <= 2.0, place


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_edges_are_those_of_the_library(name: str, dtype: str) -> None:
    information = np.finfo(dtype)
    small = float(information.smallest_subnormal)
    x = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, small, -small, -2.0, 1.0, -1.0], dtype)
    plain = plain_math.NAMES.get(name) or getattr(plain_math.math, name)
    expected = np.array([plain(value) for value in x], dtype)
    found = applied(name, x)
    for value, got, wanted in zip(x, found, expected, strict=True):
        if np.isfinite(wanted) and wanted != 0:
            assert abs(got - wanted) <= 3 * np.spacing(abs(wanted)), value
        else:
            assert np.array_equal(got, wanted, equal_nan=True), value
            assert np.isnan(wanted) or np.signbit(got) == np.signbit(wanted), value


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_whatever_bits_it_carries(name: str, dtype: str) -> None:
    whole = np.uint64 if dtype == "float64" else np.uint32
    quiet = np.array([math.nan], dtype).view(whole)
    carried = np.arange(1, 1 << 13, dtype=whole)
    for sign in (0, 1 << (carried.itemsize * 8 - 1)):
        assert np.isnan(applied(name, (quiet | carried | whole(sign)).view(dtype))).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY_NAMES)
def test_functions_of_two_numbers_at_the_edges(name: str, dtype: str) -> None:
    information = np.finfo(dtype)
    extremes = [0.0, 1.0, math.inf, float(information.max), float(information.smallest_subnormal)]
    several = [0.5, 1.5, 2.0, 2.5, 3.0, 700.0, float(information.tiny)]
    values = np.array([sign * value for value in (*extremes, *several) for sign in (1, -1)] + [math.nan], dtype)
    x, y = (grid.ravel() for grid in np.meshgrid(values, values))
    plain = plain_math.NAMES.get(name) or getattr(plain_math.math, name)
    wanted, found = np.array([plain(a, b) for a, b in zip(x, y, strict=True)]), applied_to_two(name, x, y)
    is_zero = wanted == 0
    np.testing.assert_array_equal(found[is_zero], 0)
    np.testing.assert_array_equal(np.signbit(found[is_zero]), np.signbit(wanted[is_zero]))
    close = np.isclose(found, wanted, rtol=8 * information.eps, atol=2 * extremes[-1], equal_nan=True)
    assert close.all(), (x[~close], y[~close])


@pytest.mark.parametrize("name", NAMES)
def test_a_call_alone_gives_the_bits_of_a_loop(name: str) -> None:
    function = FUNCTIONS[name]
    alone = numba.njit(error_model="numpy")(lambda x: function(x))
    x = points(name, "float64")[:300]
    assert np.array_equal(applied(name, x), np.array([alone(value) for value in x]), equal_nan=True)


def widest_register() -> str:
    return "zmm" if llvmlite.binding.get_host_cpu_features().get("avx512f") else "ymm"


def kernel_code(expression, x: gx.Expr, **options: bool) -> str:
    """Return the machine code of a function of x and y, compiled now."""
    fn = gx.compile(expression, [x], cache=False, **options)
    fn(np.ones(3, x.dtype))
    program, _ = fn._programs.program("call")
    return "".join(program.native.kernel.inspect_asm().values())


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="counts AVX2 instructions")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", NAMES)
def test_loops_vectorise(name: str, dtype: str) -> None:
    x = gx.tensor("x", ("n",), dtype)
    packed = "pd" if dtype == "float64" else "ps"
    code = kernel_code(getattr(gx, name)(x) + x, x)
    assert len(re.findall(rf"v(?:fn?m(?:add|sub)\w+|mul){packed}\s.*%{widest_register()}", code)) >= 4
    library_name = name + ("" if dtype == "float64" else "f")
    if name not in ("sin", "cos", "tan"):
        assert not re.search(rf"movabsq\s+\${library_name}\b|call\w*\s+{library_name}\b", code)


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="counts AVX2 instructions")
@pytest.mark.parametrize("name", BINARY_NAMES)
def test_loops_over_two_numbers_vectorise(name: str) -> None:
    x = gx.tensor("x", ("n",))
    code = kernel_code(getattr(gx, name)(x, x + 1), x)
    assert len(re.findall(rf"v(?:fn?m(?:add|sub)\w+|mul)pd\s.*%{widest_register()}", code)) >= 3
    assert not re.search(r"movabsq\s+\$(pow|atan2|hypot|log|log1p|exp)\b", code)


def multiplications(expression, x: gx.Expr) -> int:
    """Return how many products of vectors a kernel's code has."""
    packed = rf"v(?:fn?m(?:add|sub)\w+|mul)pd\s.*%{widest_register()}"
    return len(re.findall(packed, kernel_code(expression, x)))


@pytest.mark.skipif(not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="counts AVX2 instructions")
@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [("softplus", "expit", 13), ("log_sigmoid", "expit", 13), ("sin", "cos", 15), ("sinh", "cosh", 5)],
)
def test_functions_of_one_argument_share_what_they_have_in_common(first: str, second: str, shared: int) -> None:
    x = gx.tensor("x", ("n",))
    one, other = getattr(gx, first)(x), getattr(gx, second)(x)
    apart = multiplications(one, x) + multiplications(other, x)
    assert multiplications([one, other], x) <= apart - shared


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
    assert len(re.findall(rf"v\w+pd\s.*%{widest_register()}", kernel_code(make(x), x))) >= 4


def test_precise_takes_the_c_library() -> None:
    x = gx.tensor("x", ("n",))
    values = np.linspace(-3, 3, 1001)
    fn = gx.compile(gx.exp(x), [x], precise=True)
    assert np.array_equal(fn(values), [math.exp(value) for value in values])
    assert np.allclose(fn(values), gx.compile(gx.exp(x), [x])(values), rtol=1e-15)
