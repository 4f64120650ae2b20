"""Scale and addend are folded into the product: counted, and equal to the reference."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.describe import library_calls, nests, temporaries
from graphc.kernel.ir import ONE, Const, Loop
from graphc.rewrite.engine import simplify

SIZES = {"n": 300}


class Model:
    """Matrices of a layer and what its gradient is made of, in one dtype."""

    def __init__(self, dtype="float64"):
        self.data, self.bars = gx.tensor("A", ("n", 5), dtype), gx.tensor("G", ("n", 4), dtype)
        self.more, self.other = gx.tensor("C", ("n", 5), dtype), gx.tensor("D", (5, 4), dtype)
        self.weights, self.bias = gx.tensor("W", (5, 4), dtype), gx.tensor("b", (4,), dtype)
        self.vector, self.column = gx.tensor("w", (5,), dtype), gx.tensor("r", ("n",), dtype)
        self.stack, self.stack_bars = gx.tensor("S", (3, 2, 5), dtype), gx.tensor("T", (3, 5, 4), dtype)
        self.rate = gx.symbol("rate", dtype=dtype)
        self.inputs = list(self.__dict__.values())


CASES = {
    "update": lambda m: m.weights - m.rate * (m.data.T @ m.bars),
    "update by a number": lambda m: m.weights - 0.1 * (m.data.T @ m.bars),
    "update by a computed rate": lambda m: m.weights - (m.rate * gx.sum(m.bias)) * (m.data.T @ m.bars),
    "update with decay": lambda m: m.weights - m.rate * (m.data.T @ m.bars + 0.01 * m.weights),
    "update with momentum": lambda m: m.weights + (0.9 * m.other - m.rate * (m.data.T @ m.bars)),
    "update of a vector": lambda m: m.vector - m.rate * (m.column @ m.data),
    "update of each of a stack": lambda m: gx.broadcast_to(m.bias, (3, 2, 4)) - m.rate * (m.stack @ m.stack_bars),
    "sum with an array": lambda m: m.bars + m.data @ m.weights,
    "array less a product": lambda m: m.bars - m.data @ m.weights,
    "product less an array": lambda m: m.data @ m.weights - m.bars,
    "layer without activation": lambda m: m.data @ m.weights + m.bias,
    "multiple": lambda m: m.rate * (m.data @ m.weights) * 2,
    "negative": lambda m: -(m.data @ m.weights),
}


def kernel_of(*outputs, inputs):
    """Return the kernel of outputs after every pass."""
    return make_kernel(simplify(outputs), inputs, Record())


def arrays(inputs):
    """Return a value for each input."""
    generator = np.random.default_rng(0)
    shapes = [tuple(SIZES.get(str(size), size) for size in node.shape) for node in inputs]
    return [
        np.asarray(generator.normal(size=shape)).astype(node.dtype) for node, shape in zip(inputs, shapes, strict=True)
    ]


def assert_as_reference(outputs, inputs):
    """Check compiled values against the reference backend's."""
    given = arrays(inputs)
    expected = gx.compile(outputs, inputs=inputs, backend="reference")(*given)
    for found, wanted in zip(gx.compile(outputs, inputs=inputs)(*given), expected, strict=True):
        wanted = np.asarray(wanted)
        scale = float(np.max(np.abs(wanted)))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=scale * 100 * np.finfo(wanted.dtype).eps)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("native", ["1", "0"])
def test_a_folded_product_is_what_the_reference_computes(dtype, native, monkeypatch):
    monkeypatch.setenv("GRAPHC_JIT", native)
    model = Model(dtype)
    assert_as_reference([case(model) for case in CASES.values()], model.inputs)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_sum_with_a_product_is_one_call_that_needs_no_array_beside_the_result(case):
    model = Model()
    kernel = kernel_of(case(model), inputs=model.inputs)
    (call,) = library_calls(kernel)
    assert temporaries(kernel) == 0
    if call.flags[-1]:
        (copy, *_) = nests(kernel)
        assert kernel.body.index(copy) < len(kernel.body) - 1
    else:
        assert nests(kernel) == []
        assert call.scale != ONE


def test_the_rate_of_an_update_is_the_scale_of_its_product():
    model = Model()
    (call,) = library_calls(kernel_of(CASES["update by a number"](model), inputs=model.inputs))
    assert call.scale == Const(-0.1, "float64")
    text = gx.compile(CASES["update"](model), inputs=model.inputs).source
    assert "True, -rate)" in text


def test_sums_of_products_accumulate_in_the_result():
    model = Model()
    total = model.data @ model.weights + model.more @ model.other - 2 * (model.data @ model.other)
    kernel = kernel_of(total, inputs=model.inputs)
    assert [call.flags[-1] for call in library_calls(kernel)] == [False, True, True]
    assert {call.results[0].buffer for call in library_calls(kernel)} == {kernel.results[0]}
    assert nests(kernel) == []
    assert_as_reference([total], model.inputs)


def test_gradients_of_weights_used_many_times_accumulate_in_one_array():
    data, weights, state = gx.tensor("x", (6, "n", 5)), gx.tensor("U", (5, 5)), gx.tensor("h", ("n", 5))
    value = state
    for step in range(6):
        value = gx.tanh(data[step] + value @ weights)
    gradient = gx.grad(gx.sum(value**2), weights)
    kernel = kernel_of(gradient, inputs=[data, weights, state])
    into = [call.flags[-1] for call in library_calls(kernel) if call.results[0].buffer == kernel.results[0]]
    assert into == [False, True, True, True, True, True]
    assert_as_reference([gradient], [data, weights, state])


def test_what_an_activation_reads_is_added_in_the_loop_of_the_activation():
    model = Model()
    kernel = kernel_of(gx.tanh(model.data @ model.weights + model.bias), inputs=model.inputs)
    (call,) = library_calls(kernel)
    assert not call.flags[-1]
    assert len(nests(kernel)) == 1


def test_a_product_that_others_read_stays_as_it_is():
    model = Model()
    product = model.data.T @ model.bars
    results = [product, model.weights - model.rate * product, model.other + product]
    kernel = kernel_of(*results, inputs=model.inputs)
    (call,) = library_calls(kernel)
    assert call.scale == ONE
    assert not call.flags[-1]
    assert_as_reference(results, model.inputs)


def test_a_product_that_is_a_result_itself_is_copied_and_not_overwritten():
    model = Model()
    product = model.data @ model.weights
    results = [product, product + model.more @ model.other]
    kernel = kernel_of(*results, inputs=model.inputs)
    assert len({call.results[0].buffer for call in library_calls(kernel)}) == 2
    assert_as_reference(results, model.inputs)


def test_an_update_by_blocks_of_rows_reads_the_matrix_once():
    model = Model()
    scores = model.data @ model.vector
    loss = gx.mean(gx.softplus(scores) - model.column * scores)
    results = [loss, model.vector - model.rate * gx.grad(loss, model.vector)]
    kernel = kernel_of(*results, inputs=model.inputs)
    (block,) = [statement for statement in kernel.body if isinstance(statement, Loop) and statement.step > 1]
    assert len(library_calls(kernel)) == len(library_calls(kernel.with_body((block,)))) == 2
    assert_as_reference(results, model.inputs)


def test_the_update_by_no_rows_changes_nothing():
    model = Model()
    update = gx.compile(CASES["update"](model), inputs=[model.weights, model.data, model.bars, model.rate])
    weights = np.arange(20.0).reshape(5, 4)
    np.testing.assert_array_equal(update(weights, np.ones((0, 5)), np.ones((0, 4)), 0.5), weights)
