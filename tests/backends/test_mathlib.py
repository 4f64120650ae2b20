"""The functions that rows' code names: compiled and plain, of equal names and values, cacheable."""

from __future__ import annotations

import re

import mpmath
import numpy as np
import pytest
from mpmath import mp

from graphc.backends import formulas, mathlib, plain_math
from tests.ops.row_code import ROWS


def test_both_tables_have_the_same_names() -> None:
    assert mathlib.NAMES.keys() == plain_math.NAMES.keys()


def test_every_function_in_the_code_of_a_row_exists() -> None:
    for row in ROWS:
        for name in re.findall(r"(?<![.\w])([a-z_0-9]+)\(", row.code):
            assert name in mathlib.NAMES or name == "abs", (row.name, name)
        for name in re.findall(r"math\.(\w+)", row.code):
            assert hasattr(plain_math.math, name), (row.name, name)


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "rint", "sign"])
def test_integers_stay_exact(name: str) -> None:
    large = 2**62 + 1
    expected = 1 if name == "sign" else large
    assert mathlib.NAMES[name](large) == expected
    assert plain_math.NAMES[name](large) == expected


def test_integer_power_of_an_integer_is_exact() -> None:
    assert mathlib.NAMES["integer_power"](3, 25) == 3**25
    assert plain_math.NAMES["integer_power"](3, 25) == 3**25


def test_digamma_is_right_next_to_its_root() -> None:
    root = 1.4616321449683623
    for x in (root, np.nextafter(root, 2), np.nextafter(root, 1), 1.46163, 1.4617):
        with mp.workdps(60):
            exact = mpmath.psi(0, mpmath.mpf(float(x)))
        assert abs(mathlib.NAMES["digamma"](x) - exact) <= 4 * np.spacing(abs(float(exact)))


@pytest.mark.parametrize("n", [1, 2, 3, 6, 12])
def test_polygamma_of_negative_numbers(n: int) -> None:
    for x in (-0.25, -3.25, -40.75):
        with mp.workdps(60):
            exact = mpmath.psi(n, mpmath.mpf(x))
        assert abs(mathlib.NAMES["polygamma"](n, x) - exact) <= 1e-13 * abs(exact)


def test_plain_functions_give_infinities_without_warnings() -> None:
    assert plain_math.math.exp(np.float64(1000)) == np.inf
    assert plain_math.math.log(np.float64(0)) == -np.inf
    assert np.isnan(plain_math.math.sqrt(np.float64(-1)))
    assert plain_math.NAMES["logit"](np.float64(1)) == np.inf
    assert plain_math.NAMES["polygamma"](1, np.float64(0)) == np.inf


def test_constants_take_the_type_of_their_model() -> None:
    assert type(formulas.like(np.float32(2), 0.1)) is np.float32
    assert mathlib.NAMES["like"](np.float32(2), 0.1) == np.float32(0.1)


def test_callers_are_cached_on_disk(tmp_path, run_python) -> None:
    module = tmp_path / "cached_kernel.py"
    module.write_text(
        "import numba\nfrom graphc.backends.mathlib import NAMES\n"
        "expit, digamma, rint = NAMES['expit'], NAMES['digamma'], NAMES['rint']\n"
        "@numba.njit(cache=True)\ndef kernel(x):\n    return expit(x) + digamma(x) + rint(x)\n"
    )
    text = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import cached_kernel as c\n"
        "c.kernel(1.5); print(sum(c.kernel.stats.cache_hits.values()))"
    )
    assert [run_python(text).strip() for _ in range(2)] == ["0", "1"]
