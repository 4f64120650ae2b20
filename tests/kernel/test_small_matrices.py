"""Inverses, solutions and factors of many small matrices are one loop of sums and products, with LAPACK's values."""

import math

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel import columns
from graphc.kernel.describe import library_calls, temporaries
from graphc.kernel.ir import Loop
from graphc.kernel.walk import walk_statements
from graphc.rewrite.engine import simplify


def positive(matrix):
    return matrix @ matrix.T + gx.eye(matrix.shape[0])


def triangular(**options):
    return lambda a, b: gx.linalg.solve_triangular(a + 2 * gx.eye(a.shape[0]), b, **options)


FUNCTIONS = {
    "inverse": lambda a, b: gx.linalg.inv(a) @ b,
    "solution": gx.linalg.solve,
    "solution of the transposed": lambda a, b: gx.linalg.solve(a.T, b),
    "factor": lambda a, b: gx.linalg.cholesky(positive(a)),
    "distance": lambda a, b: gx.sum(triangular(lower=True)(gx.linalg.cholesky(positive(a)), b) ** 2),
    "lower": triangular(lower=True),
    "upper, transposed": triangular(trans=1),
    "ones on the diagonal": triangular(lower=True, unit_diagonal=True),
    "upper": triangular(),
}
FUNCTIONS |= {
    f"gradient of the {name}": lambda a, b, name=name: gx.grad(lambda *x: gx.sum(gx.sin(FUNCTIONS[name](*x))))(a, b)
    for name in ("inverse", "solution", "factor", "distance")
}


def mapped(name, size=3, count="n"):
    """Return a function of a matrix and a vector for each item, and its inputs."""
    inputs = [gx.tensor("a", (count, size, size)), gx.tensor("b", (count, size))]
    return gx.vmap(FUNCTIONS[name])(*inputs), inputs


def kernel_of(output, inputs):
    return make_kernel(simplify([output]), inputs, Record())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_matrices_of_three_rows_are_one_loop_without_arrays_or_calls(name, monkeypatch):
    monkeypatch.setattr(columns, "GAIN", math.inf)
    kernel = kernel_of(*mapped(name))
    loops = [statement for statement in walk_statements(kernel.body) if isinstance(statement, Loop)]
    assert [str(loop.extent) for loop in loops] == ["n"]
    assert (temporaries(kernel), library_calls(kernel)) == (0, [])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_values_are_those_of_the_reference(name, size, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    monkeypatch.setenv("GRAPHC_JIT", "0")
    output, inputs = mapped(name, size)
    generator = np.random.default_rng(0)
    values = [generator.normal(size=(70, *node.shape[1:])) for node in inputs]
    values[0][::2, 0, 0] = 1e-14 if size > 1 else 1.0
    expected = gx.compile(output, inputs, backend="reference")(*values)
    np.testing.assert_allclose(gx.compile(output, inputs)(*values), expected, rtol=1e-8, atol=1e-10)


def test_native_values_are_those_of_numpy_in_both_precisions():
    generator = np.random.default_rng(0)
    for dtype, precision in (("float64", 1e-10), ("float32", 1e-2)):
        a = gx.tensor("a", ("n", 3, 3), dtype)
        values = generator.normal(size=(500, 3, 3)).astype(dtype)
        np.testing.assert_allclose(gx.compile(gx.linalg.inv(a))(values), np.linalg.inv(values), precision, precision)


@pytest.mark.parametrize(("size", "count"), [(4, "n"), (3, 5)])
def test_larger_matrices_and_few_of_them_are_left_to_lapack(size, count):
    calls = [call.call for call in library_calls(kernel_of(*mapped("solution", size, count)))]
    assert calls == ["lapack_lu", "lapack_lu_solve"]


@pytest.mark.parametrize(
    ("function", "bad"),
    [
        (gx.linalg.inv, [[1.0, 2.0], [2.0, 4.0]]),
        (lambda a: gx.linalg.solve(a, gx.ones(2)), [[0.0, 0.0], [2.0, 4.0]]),
        (gx.linalg.cholesky, [[1.0, 2.0], [2.0, 1.0]]),
        (lambda a: gx.linalg.solve_triangular(a, gx.ones(2)), [[1.0, 2.0], [0.0, 0.0]]),
    ],
)
def test_a_matrix_without_a_result_gives_nan_and_leaves_the_others_alone(function, bad):
    a = gx.tensor("a", ("n", 2, 2))
    found = gx.compile(gx.vmap(function)(a))(np.stack([np.eye(2), np.array(bad), np.eye(2)]))
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
