"""At signed zeros, infinities, NaN and subnormals a row's code does what its NumPy text does."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from graphc.backends.reference import scalar_function
from graphc.ops.scalar_row import ScalarOperation
from tests.ops.row_code import FLOATS, NUMERIC, ROWS, cast_point, code_function, name_of

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 2.0, np.inf, -np.inf, np.nan, 5e-324, 1e30, -1e30)
TRIPLES = (0.0, -1.0, 1.0, np.inf, np.nan)

UNSPECIFIED = {
    "power": lambda x, y: x == -np.inf and y == 0.5,  # NumPy takes the square root, C does not
    "gammaln": lambda x: x == -np.inf or 0 < x < 1e-300,  # SciPy: -inf, C: inf; SciPy overflows early
    "polygamma[]": lambda x: x < -4096,  # graphc: NaN, as documented
}
"""Points where NumPy or SciPy differ from C, or graphc documents another value."""


def edge_points(row: ScalarOperation, dtype: str) -> list[tuple]:
    """Return every combination of edge values the row takes."""
    tiny = float(np.finfo(dtype).smallest_subnormal)
    values = [tiny if value == 5e-324 else value for value in (EDGES if row.arity < 3 else TRIPLES)]
    truth = {"logic": row.arity, "select": 1}.get(row.rule, 0)
    columns: list[Any] = [(True, False) if number < truth else values for number in range(row.arity)]
    unspecified = UNSPECIFIED.get(f"{row.family}[]" if row.family else row.name, lambda *_: False)
    return [cast_point(row, point, dtype) for point in itertools.product(*columns) if not unspecified(*point)]


def agree(found: object, expected: object, row: ScalarOperation, dtype: str) -> bool:
    """Tell whether two results have the same NaN and infinity pattern and nearly the same value."""
    found, expected = FLOATS[dtype](found), FLOATS[dtype](expected)
    if np.isnan(found) or np.isnan(expected):
        return bool(np.isnan(found) and np.isnan(expected))
    if np.isinf(found) or np.isinf(expected):
        return bool(found == expected)
    return bool(abs(found - expected) <= 64 * row.ulp * np.spacing(max(abs(found), abs(expected))))


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_code_and_reference_agree(row: ScalarOperation, dtype: str, plain: bool) -> None:
    code, reference = code_function(row, dtype, plain), scalar_function(row)
    with np.errstate(all="ignore"):
        differing = [
            (point, code(*point), reference(*point))
            for point in edge_points(row, dtype)
            if not agree(code(*point), reference(*point), row, dtype)
        ]
    assert differing == []


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", NUMERIC, ids=name_of)
def test_code_keeps_the_dtype(row: ScalarOperation, dtype: str) -> None:
    code = code_function(row, dtype)
    code(*edge_points(row, dtype)[0])
    result = str(code.nopython_signatures[-1].return_type)
    assert result == ("bool" if row.rule in ("compare", "test") else dtype)
