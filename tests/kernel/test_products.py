"""Which routine computes a product: counted, and equal to the reference."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.describe import library_calls, nests, temporaries
from graphc.rewrite.engine import simplify

ROWS = 7


def tensors(dtype="float64"):
    """Return a matrix, a column, a row and a vector of one dtype."""
    named = (("X", ("n", 5)), ("c", (5, 1)), ("r", ("n", 1)), ("v", (5,)))
    return [gx.tensor(name, shape, dtype) for name, shape in named]


def calls(*outputs, inputs):
    """Return the names of the library routines a kernel calls."""
    return [call.call for call in library_calls(make_kernel(simplify(outputs), inputs, Record()))]


PRODUCTS = {
    "one column": (lambda x, c, r, v: x @ c, ["gemv"]),
    "one column, transposed": (lambda x, c, r, v: x.T @ r, ["gemv"]),
    "one row": (lambda x, c, r, v: c.T @ x.T, ["gemv"]),
    "a column transposed": (lambda x, c, r, v: gx.einsum("ij,kj->ik", x, c.T), ["gemv"]),
    "columns by rows": (lambda x, c, r, v: gx.tanh(r @ c.T + v), []),
    "one number": (lambda x, c, r, v: c.T @ c, ["gemv"]),
    "an update by one column": (lambda x, c, r, v: c - 0.5 * (x.T @ r), ["gemv"]),
}


@pytest.mark.parametrize(("make", "routines"), PRODUCTS.values(), ids=PRODUCTS.keys())
def test_a_product_with_a_vector_in_it_is_no_product_of_matrices(make, routines):
    inputs = tensors()
    assert calls(make(*inputs), inputs=inputs) == routines


def test_a_product_of_a_column_and_a_row_is_fused_into_the_loop_that_reads_it():
    inputs = tensors()
    kernel = make_kernel(simplify([PRODUCTS["columns by rows"][0](*inputs)]), inputs, Record())
    assert len(nests(kernel)) == 1
    assert temporaries(kernel) == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_with_single_rows_and_columns_are_what_the_reference_computes(dtype):
    inputs = tensors(dtype)
    outputs = [make(*inputs) for make, _ in PRODUCTS.values()]
    generator = np.random.default_rng(0)
    given = [generator.normal(size=[ROWS if s == "n" else s for s in map(_plain, node.shape)]) for node in inputs]
    given = [value.astype(dtype) for value in given]
    expected = gx.compile(outputs, inputs=inputs, backend="reference")(*given)
    for found, wanted in zip(gx.compile(outputs, inputs=inputs)(*given), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=50 * np.finfo(dtype).eps * np.abs(wanted).max())


def _plain(size):
    return size if isinstance(size, int) else str(size)
