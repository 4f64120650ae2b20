"""Loops that are equal but for names become one function, and compute what they did."""

import re

import numpy as np
import pytest

import graphc as gx
from graphc.backends.module import module_text
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.parallel import for_sizes
from graphc.rewrite.engine import simplify


def layers(count, name="given0"):
    """Return the loss of a network of equal layers, its inputs and their values."""
    x, weights = gx.tensor(name, (5, 4)), gx.tensor("own0", (4, 4))
    state, loss = x, gx.constant(0.0)
    for _ in range(count):
        state = gx.tanh(state @ weights + x)
        loss = loss + gx.sum(state**2)
    generator = np.random.default_rng(0)
    return loss, [x, weights], [generator.standard_normal(node.shape) for node in (x, weights)]


def text_of(outputs, inputs, **sizes):
    """Return the module of expressions, for sizes that give threads nothing to do."""
    return module_text(for_sizes(make_kernel(simplify(outputs), inputs, Record()), sizes))


def functions_in(text):
    """Return how often each function of a loop is called."""
    return [text.count(f"call_loop({name},") for name in re.findall(r"def (kernel_loop_same\d+)", text)]


def test_equal_layers_share_the_functions_of_their_loops():
    loss, inputs, _ = layers(12)
    assert functions_in(text_of([loss, *gx.grad(loss, inputs)], inputs)) == [11, 8]


def test_more_layers_need_no_more_functions():
    counts = [functions_in(text_of([loss], inputs)) for loss, inputs, _ in map(layers, (12, 24))]
    assert [len(each) for each in counts] == [1, 1]
    assert counts[1][0] - counts[0][0] == 12


def test_a_few_equal_loops_stay_where_they_are():
    loss, inputs, _ = layers(3)
    assert "call_loop" not in text_of([loss], inputs)


@pytest.mark.parametrize("name", ["given0", "own1", "call_loop", "x"])
def test_values_and_gradients_are_those_of_the_reference(name):
    loss, inputs, values = layers(9, name)
    expected = gx.compile(loss, inputs, wrt=inputs, backend="reference").value_and_grad(*values)
    found = gx.compile(loss, inputs, wrt=inputs).value_and_grad(*values)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_loops_over_sizes_known_when_they_run_are_shared_too():
    x = gx.tensor("x", ("n", "m"))
    state = x
    for _ in range(8):
        state = gx.sin(state) / (1 + gx.sum(state**2))
    assert functions_in(text_of([state], [x], n=3, m=4)) == [7]
    value = np.linspace(-1, 1, 12).reshape(3, 4)
    function, reference = gx.compile(state, [x]), gx.compile(state, [x], backend="reference")
    np.testing.assert_allclose(function(value), reference(value), rtol=1e-13)
