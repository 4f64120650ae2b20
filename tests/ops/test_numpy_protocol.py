"""NumPy's own functions build the graph: its value, dtype and derivatives are those NumPy's result has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from derivative_tools import assert_derivatives, value_of
from tensor_cases import CASES, Case

import graphc.ops  # noqa: F401
from graphc.graph.table import FUNCTIONS


def sample(case: Case, dtype: str) -> list[np.ndarray[Any, Any]]:
    generator = np.random.default_rng(7)
    if np.dtype(dtype).kind in "iu":
        return [generator.integers(0, 5, shape).astype(dtype) for shape in case.shapes]
    if dtype == "bool":
        return [generator.random(shape) > 0.5 for shape in case.shapes]
    return [generator.uniform(-2, 2, shape).astype(dtype) for shape in case.shapes]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "uint8"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_graph_computes_what_numpy_computes(case: Case, dtype: str) -> None:
    if case.name == "ufuncs" and dtype == "uint8":
        pytest.skip("NumPy computes sin of bytes in float16, which graphc does not have")
    arrays = sample(case, dtype)
    with np.errstate(all="ignore"):
        expected = np.asarray(case.function(*arrays))
    found = value_of(case.function, arrays)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    tolerance = 2e-6 if dtype == "float32" or found.dtype == np.float32 else 1e-14
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", [case for case in CASES if case.smooth], ids=str)
def test_derivatives_are_those_of_differences(case: Case) -> None:
    assert_derivatives(case.function, sample(case, "float64"))


def test_every_public_function_has_a_docstring() -> None:
    for name, function in FUNCTIONS.items():
        assert function.__doc__, name
        assert function.__doc__.startswith("Return "), name
