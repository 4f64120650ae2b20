"""The code of every row is as accurate as the row says, compiled and in plain Python; so is its NumPy text."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.backends.reference import scalar_function
from graphc.check.rows import sample_points
from graphc.ops.scalar_row import ScalarOperation
from tests.ops.row_code import FLOATS, NUMERIC, cast_point, code_function, error_in_ulp, name_of

POINTS = 240
LIBRARY_FACTOR = 64
"""NumPy and SciPy themselves are allowed this many times the row's bound (SciPy's logit near 1/2, gammaln near 1)."""


def worst(row: ScalarOperation, dtype: str, function) -> tuple[float, tuple]:
    """Return the largest error over the domain and the point it is at."""
    points = [cast_point(row, point, dtype) for point in sample_points(row, POINTS, seed=1)]
    with np.errstate(all="ignore"):
        errors = [(error_in_ulp(row, function(*point), point, dtype), point) for point in points if inside(row, point)]
    known = [(error, point) for error, point in errors if error is not None]
    assert len(known) > POINTS / 2
    return max(known, key=lambda pair: pair[0])


def inside(row: ScalarOperation, point: tuple) -> bool:
    """Tell whether a rounded point is still in the open domain."""
    numbers = [(value, interval) for value, interval in zip(point, row.domain, strict=True) if type(value) is not bool]
    return all(low < value < high for value, (low, high) in numbers)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", NUMERIC, ids=name_of)
def test_compiled_code_is_within_its_bound(row: ScalarOperation, dtype: str) -> None:
    error, point = worst(row, dtype, code_function(row, dtype))
    assert error <= row.ulp, point


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", NUMERIC, ids=name_of)
def test_plain_code_means_the_same(row: ScalarOperation, dtype: str) -> None:
    error, point = worst(row, dtype, code_function(row, dtype, plain=True))
    assert error <= LIBRARY_FACTOR * row.ulp, point


@pytest.mark.parametrize("row", NUMERIC, ids=name_of)
def test_the_reference_text_means_the_same(row: ScalarOperation) -> None:
    function = scalar_function(row)
    error, point = worst(row, "float64", lambda *arguments: np.asarray(function(*arguments))[()])
    assert error <= LIBRARY_FACTOR * row.ulp, point
