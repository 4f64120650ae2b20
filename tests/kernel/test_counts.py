"""How many loops, library calls and arrays a graph needs: counted, since speed follows from them."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.describe import describe_kernel, library_calls, nests, temporaries
from graphc.kernel.ir import Loop, Store
from graphc.kernel.walk import statement_values, values_in, walk_statements
from graphc.rewrite.engine import simplify


def kernel_of(*outputs, inputs):
    """Return the kernel of outputs after every pass."""
    return make_kernel(simplify(outputs), inputs, Record())


def loops_in(kernel):
    """Return every loop at any depth."""
    return [statement for statement in walk_statements(kernel.body) if isinstance(statement, Loop)]


def calls_of(kernel, name):
    """Return how often the kernel's text has a row, each value counted where it is computed."""
    roots = [value for statement in walk_statements(kernel.body) for value in statement_values(statement)]
    return sum(getattr(value, "op", None) == name for root in roots for value in values_in(root))


def chain():
    """Return an elementwise chain summed, and its inputs."""
    a, b, x = gx.symbol("a"), gx.symbol("b"), gx.tensor("x", ("n",))
    return gx.sum(gx.tanh(a * x + b) ** 2 * gx.exp(-(x**2))), [a, b, x]


def test_value_and_gradient_of_an_elementwise_chain_are_one_loop_without_workspace():
    loss, inputs = chain()
    kernel = kernel_of(loss, *gx.grad(loss, inputs[:2]), inputs=inputs)
    assert len(loops_in(kernel)) == len(nests(kernel)) == 1
    assert temporaries(kernel) == 0
    assert calls_of(kernel, "tanh") == calls_of(kernel, "exp") == 1


def test_the_gradient_by_the_array_is_in_the_same_loop():
    loss, inputs = chain()
    kernel = kernel_of(loss, *gx.grad(loss, inputs), inputs=inputs)
    assert len(loops_in(kernel)) == 1
    assert temporaries(kernel) == 0


def test_softmax_of_rows_is_one_nest_with_one_row_of_workspace():
    x = gx.tensor("x", ("n", "m"))
    kernel = kernel_of(gx.softmax(x, axis=1), inputs=[x])
    assert len(nests(kernel)) == 1
    (workspace,) = [buffer for buffer in kernel.buffers.values() if buffer.role == "workspace"]
    assert [str(size) for size in workspace.shape] == ["m"]
    assert calls_of(kernel, "exp") == 1


def network():
    """Return the loss of a network of two layers, its parameters and its inputs."""
    data, labels = gx.tensor("X", ("n", 8)), gx.tensor("Y", ("n", 3))
    parameters = [gx.tensor(*each) for each in (("W1", (8, 5)), ("b1", (5,)), ("W2", (5, 3)), ("b2", (3,)))]
    w1, b1, w2, b2 = parameters
    scores = gx.tanh(data @ w1 + b1) @ w2 + b2
    return gx.softmax_cross_entropy_with_logits(scores, labels), parameters, [data, labels, *parameters]


def test_the_gradient_of_two_layers_needs_five_products_and_no_copy_of_a_transpose():
    loss, parameters, inputs = network()
    kernel = kernel_of(loss, *gx.grad(loss, parameters), inputs=inputs)
    assert len(library_calls(kernel)) == 5
    matrices = {operand.buffer for call in library_calls(kernel) for operand in (*call.operands, *call.results)}
    copies = [
        s.buffer
        for s in walk_statements(kernel.body)
        if isinstance(s, Store) and s.buffer in matrices and not calls_in(s.value) and is_input(kernel, s.value)
    ]
    assert copies == []
    assert calls_of(kernel, "tanh") == 1


def calls_in(value):
    """Return the rows in a value."""
    return [inner for inner in values_in(value) if hasattr(inner, "op")]


def is_input(kernel, value):
    """Tell whether a value is an element of an input."""
    return getattr(value, "buffer", None) in {b.name for b in kernel.buffers.values() if b.role == "input"}


def test_a_gradient_by_the_first_layer_alone_computes_no_gradient_of_the_data():
    loss, parameters, inputs = network()
    products = library_calls(kernel_of(*gx.grad(loss, parameters), inputs=inputs))
    shapes = [[str(size) for size in kernel_shape] for kernel_shape in result_shapes(loss, parameters, inputs)]
    assert ["n", "8"] not in shapes
    assert len(products) == 5


def result_shapes(loss, parameters, inputs):
    """Return the shapes of the matrices the gradient's products write."""
    kernel = kernel_of(*gx.grad(loss, parameters), inputs=inputs)
    return [kernel.buffers[call.results[0].buffer].shape for call in library_calls(kernel)]


def test_explain_shows_kernels_what_they_fuse_library_calls_and_memory():
    loss, parameters, inputs = network()
    named = {f"p{number}": node for number, node in enumerate(parameters)}
    text = gx.compile(loss, inputs=inputs, wrt=named).explain()
    assert text.count("library gemm") == 5
    for part in ("loops over n", "fuses", "tanh", "reduction(s)", "workspace", "passes:", "rules fired"):
        assert part in text


def test_what_is_used_once_elementwise_has_no_array():
    x, y = gx.tensor("x", ("n", "m")), gx.tensor("y", ("m",))
    value = gx.exp(gx.sin(x) * y + 1) / gx.cosh(x)
    kernel = kernel_of(value, gx.sum(gx.log1p(value * value)), inputs=[x, y])
    assert temporaries(kernel) == 0
    assert len(nests(kernel)) == 1


@pytest.mark.parametrize(("build", "times"), [(lambda x: x * 2 + 1, 2), (lambda x: gx.exp(x), 1)])
def test_only_what_is_cheap_is_computed_again(build, times):
    x = gx.tensor("x", ("n", "m"))
    shared = build(x)
    kernel = kernel_of(shared - gx.max(shared, axis=1, keepdims=True), inputs=[x])
    row = "exp" if times == 1 else "multiply"
    assert calls_of(kernel, row) == times


def test_workspaces_that_never_live_together_share_memory():
    x = gx.tensor("x", ("n", "n"))
    value = x
    for _ in range(6):
        value = gx.tanh(value @ x)
    kernel = kernel_of(value, inputs=[x])
    assert temporaries(kernel) <= 3
    assert len(library_calls(kernel)) == 6


def test_the_description_of_nothing_says_so():
    x = gx.symbol("x")
    assert describe_kernel(kernel_of(x, inputs=[x])) == "nothing to compute"
    assert gx.compile(x)(2.0) == 2.0
    assert np.isnan(gx.compile(gx.constant(float("nan")))())
