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


def test_the_gradient_of_what_is_taken_from_all_rows_before_a_product_is_the_product_of_one_row():
    x, mean, factor = gx.tensor("X", ("n", 5)), gx.tensor("mean", (5,)), gx.tensor("factor", (5, 5))
    loss = gx.sum(gx.cos((x - mean) @ factor))
    inputs = [x, mean, factor]
    assert calls(gx.grad(loss, mean), inputs=inputs) == ["gemm", "gemv"]
    values = [np.random.default_rng(0).normal(size=shape) for shape in ((ROWS, 5), (5,), (5, 5))]
    expected = np.sum(np.sin((values[0] - values[1]) @ values[2]) @ values[2].T, axis=0)
    np.testing.assert_allclose(gx.compile(gx.grad(loss, mean), inputs)(*values), expected, rtol=1e-12)


def test_a_sum_over_rows_and_over_a_batch_of_products_sums_the_rows_before_them():
    left, right = gx.tensor("A", (20, "n", 9)), gx.tensor("B", (20, 9, 9))
    total = gx.sum(left @ right, axis=(0, 1))
    assert calls(total, inputs=[left, right]) == ["gemv"]
    values = [np.random.default_rng(0).normal(size=shape) for shape in ((20, ROWS, 9), (20, 9, 9))]
    found = gx.compile(total, [left, right])(*values)
    np.testing.assert_allclose(found, np.sum(values[0] @ values[1], axis=(0, 1)), rtol=1e-12)


def test_a_product_that_others_read_too_is_summed_as_it_is():
    x, w = gx.tensor("X", ("n", 5)), gx.tensor("w", (5, 4))
    product = x @ w
    assert calls(gx.sum(product, axis=0), gx.tanh(product), inputs=[x, w]) == ["gemm"]


def test_a_batched_product_and_its_gradient_share_the_operand_as_it_lies_for_both():
    points, means, factors = gx.tensor("x", ("n", 9)), gx.tensor("m", (20, 9)), gx.tensor("Q", (20, 9, 9))
    whitened = gx.einsum("kij,nkj->nki", factors, points[:, None, :] - means)
    loss = gx.sum(gx.cos(whitened))
    kernel = make_kernel(simplify([loss, gx.grad(loss, factors)]), [points, means, factors], Record())
    products = library_calls(kernel)
    assert [call.flags[:2] for call in products] == [(False, True), (True, False)]
    assert products[0].operands[0].buffer == products[1].operands[1].buffer


def whitened_gradient(d):
    """Return a loss of differences times triangular matrices made of numbers, its gradient, and the inputs."""
    rows, logs, below = gx.tensor("x", ("n", d)), gx.tensor("q", (20, d)), gx.tensor("l", (20, d * (d - 1) // 2))
    centred = rows[:, None, :] - logs
    matrices = gx.pad(gx.unpack_lower(below), ((0, 0), (1, 0), (0, 1))) + gx.exp(logs)[:, :, None] * np.eye(d)
    norms = gx.sum(gx.einsum("kij,nkj->nki", matrices, centred) ** 2, axis=2)
    loss = gx.sum(gx.log(1 + norms)) + gx.sum(logs) * gx.sum(gx.exp(2 * logs))
    return [loss, *gx.grad(loss, [logs, below])], [rows, logs, below]


def test_what_a_batched_product_is_given_lives_for_one_product_at_a_time():
    x, a, scale = gx.tensor("x", (20, "n", 9)), gx.tensor("A", (20, 9, 9)), gx.tensor("s", (20,))
    outputs = [gx.sum(gx.cos((gx.tanh(x) * scale[:, None, None]) @ a), axis=(1, 2))]
    kernel = make_kernel(simplify(outputs), [x, a, scale], Record())
    assert {len(buffer.shape) for buffer in kernel.buffers.values() if buffer.role == "workspace"} == {2}
    values = [np.random.default_rng(0).normal(size=shape) for shape in ((20, ROWS, 9), (20, 9, 9), (20,))]
    expected = np.cos(np.tanh(values[0]) * values[2][:, None, None] @ values[1]).sum(axis=(1, 2))
    np.testing.assert_allclose(gx.compile(outputs, [x, a, scale])(*values)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("d", [5, 17])
def test_loops_around_batched_products_give_what_the_reference_gives(d, threads):
    outputs, inputs = whitened_gradient(d)
    shapes = [(2000 // d, d), (20, d), (20, d * (d - 1) // 2)]
    values = [np.random.default_rng(0).normal(size=shape) / 2 for shape in shapes]
    expected = gx.compile(outputs, inputs, backend="reference")(*values)
    for found, wanted in zip(gx.compile(outputs, inputs, threads=threads)(*values), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("rows", "columns"), [(3, 2), (0, 60), (4, 50), (300, 50), (257, 130)])
def test_a_product_of_a_matrix_with_itself_is_symmetric_and_half_the_work(rows, columns, dtype):
    matrix, scale = gx.tensor("X", ("n", "m"), dtype), gx.symbol("s", dtype=dtype)
    products = [matrix.T @ matrix, scale * (matrix @ matrix.T)]
    assert calls(*products, inputs=[matrix, scale]) == ["syrk", "syrk"]
    value = np.random.default_rng(0).normal(size=(rows, columns)).astype(dtype)
    wanted = [value.T @ value, 2 * (value @ value.T)]
    for found, expected in zip(gx.compile(products, inputs=[matrix, scale])(value, 2.0), wanted, strict=True):
        np.testing.assert_array_equal(found, found.T)
        tolerance = 100 * np.finfo(dtype).eps * max(rows, columns)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_many_small_products_are_one_loop_nest_and_larger_ones_a_call_for_each(dtype):
    left, right = gx.tensor("A", ("n", 3, 3), dtype), gx.tensor("B", ("n", 3, 3), dtype)
    larger, vectors = gx.tensor("C", ("n", 8, 8), dtype), gx.tensor("v", ("n", 3), dtype)
    small = [
        gx.sin(left @ right),
        gx.einsum("nij,nj->ni", left, vectors),
        gx.einsum("nij,nkl,nm->n", left, right, vectors),
    ]
    assert calls(*small, inputs=[left, right, vectors]) == []
    assert calls(larger @ larger, inputs=[larger]) == ["gemm"]
    inputs, outputs = [left, right, larger, vectors], [*small, larger @ larger]
    generator = np.random.default_rng(0)
    for count in (0, 5):
        given = [generator.normal(size=(count, *node.shape[1:])).astype(dtype) for node in inputs]
        expected = gx.compile(outputs, inputs=inputs, backend="reference")(*given)
        for found, wanted in zip(gx.compile(outputs, inputs=inputs)(*given), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 if dtype == "float64" else 1e-4)


def test_a_product_of_rows_with_the_whole_matrix_is_not_taken_for_symmetric():
    matrix, weights = gx.tensor("X", (300, 5)), gx.tensor("w", (5,))
    residuals = gx.tanh(matrix @ weights)
    results = [residuals @ matrix, matrix @ matrix.T, matrix.T @ matrix]
    generator = np.random.default_rng(0)
    given = generator.normal(size=(300, 5)), generator.normal(size=5)
    expected = gx.compile(results, inputs=[matrix, weights], backend="reference")(*given)
    for found, wanted in zip(gx.compile(results, inputs=[matrix, weights])(*given), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


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


@pytest.mark.parametrize("native", ["1", "0"])
def test_blocks_of_rows_take_weights_in_a_column(native, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", native)
    matrix, weights, labels = gx.tensor("X", ("n", 5)), gx.tensor("w", (5, 1)), gx.tensor("y", ("n", 1))
    scores = matrix @ weights
    loss = gx.mean(gx.softplus(scores) - labels * scores)
    gradient = gx.grad(loss, weights)
    inputs, results = [matrix, weights, labels], [loss, gradient, weights - 0.1 * gradient]
    kernel = make_kernel(simplify(results[:2]), inputs, Record())
    (block,) = [statement for statement in kernel.body if getattr(statement, "step", 1) > 1]
    assert len(library_calls(kernel.with_body((block,)))) == 2
    generator = np.random.default_rng(0)
    given = generator.normal(size=(301, 5)), generator.normal(size=(5, 1)), generator.normal(size=(301, 1))
    expected = gx.compile(results, inputs=inputs, backend="reference")(*given)
    for found, wanted in zip(gx.compile(results, inputs=inputs)(*given), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shapes", [((1, 0), (0, 2)), ((3, 0), (0, 2)), ((3, 0), (0,)), ((0,), (0, 2)), ((2, 0), (0, 1))]
)
def test_products_of_nothing_are_zeros_whatever_was_in_memory(shapes, dtype) -> None:
    a, b = gx.tensor("a", shapes[0], dtype), gx.tensor("b", shapes[1], dtype)
    product = gx.exp(a) @ gx.exp(b)
    out = np.full(product.shape, 7.5, dtype)
    function = gx.compile(product, inputs=[a, b])
    function(np.empty(shapes[0], dtype), np.empty(shapes[1], dtype), out=out)
    assert not out.any()
