"""Inputs, results and gradients as trees: dicts, lists, tuples, named tuples, dataclasses."""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.errors import ArgumentError
from graphc.graph import tree

Pair = namedtuple("Pair", "first second")
BACKENDS = ["cpu", "reference"]


@dataclass(frozen=True)
class Layer:
    weights: Any
    bias: Any


def layer(weights, bias):
    return Layer(weights, bias)


CONTAINERS = {
    "dict": lambda w, b: {"w": w, "b": b},
    "list": lambda w, b: [w, b],
    "tuple": lambda w, b: (w, b),
    "named tuple": Pair,
    "dataclass": layer,
    "nested": lambda w, b: {"z": [Pair(w, (b,))], "a": {}},
    "with None": lambda w, b: [None, w, {"x": b}],
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pack", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_gradients_and_products_have_the_structure_of_the_parameters(pack, backend):
    x, w, b = gx.tensor("x", ("n", 2)), gx.tensor("w", (2,)), gx.symbol("b")
    loss = gx.sum((x @ w + b) ** 2)
    function = gx.compile(loss, inputs=[x, pack(w, b)], wrt=pack(w, b), backend=backend)
    data, weights, bias = np.arange(6.0).reshape(3, 2), np.array([1.0, -1.0]), 0.5
    residual = data @ weights + bias
    expected = pack(2 * residual @ data, 2 * residual.sum())
    given = pack(weights, bias)
    value, gradient = function.value_and_grad(data, given)
    assert value == pytest.approx(np.sum(residual**2))
    assert_trees_equal(gradient, expected)
    assert_trees_equal(function.grad(data, given), expected)
    _, tangent = function.jvp(data, given, tangents=pack(np.ones(2), 1.0))
    assert tangent == pytest.approx(np.sum(2 * residual @ data) + 2 * residual.sum())
    _, pulled = function.vjp(data, given, adjoints=2.0)
    assert_trees_equal(pulled, pack(4 * residual @ data, 4 * residual.sum()))


def assert_trees_equal(got, expected):
    """Check structure and values."""
    assert tree.structure(got) == tree.structure(expected)
    for actual, wanted in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(actual, wanted)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pack", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_results_have_the_structure_of_the_expressions(pack, backend):
    x = gx.tensor("x", ("n",))
    function = gx.compile(pack(x * 2, gx.sum(x)), backend=backend)
    assert_trees_equal(function(np.ones(3)), pack(np.full(3, 2.0), 3.0))


@pytest.mark.parametrize("wrong", [(1.0, 2.0), [1.0], [1.0, 2.0, 3.0], [1.0, [2.0]], 1.0, {"a": 1.0, "b": 2.0}])
def test_an_argument_of_another_structure_is_refused(wrong):
    x, y = gx.symbols("x y")
    function = gx.compile(x * y, inputs={"pair": [x, y]})
    assert function([3.0, 4.0]) == function(pair=[3.0, 4.0]) == 12
    with pytest.raises(ArgumentError, match=r"argument 'pair': expected the structure \[\*, \*\]"):
        function(wrong)


@pytest.mark.parametrize("wrong", [(1.0,), [1.0, 2.0], {"w": 1.0}])
def test_tangents_of_another_structure_are_refused(wrong):
    x, y = gx.symbols("x y")
    function = gx.compile(x * y, inputs=[x, y], wrt=[x])
    with pytest.raises(ArgumentError, match="tangents: expected the structure"):
        function.jvp(1.0, 2.0, tangents=wrong)


@pytest.mark.parametrize("backend", BACKENDS)
def test_constants_inputs_repeats_and_views_are_results_like_any_other(backend):
    x, s = gx.tensor("x", (2, 3)), gx.symbol("s")
    flat = gx.reshape(x, (6,))
    outputs = [
        gx.constant(2.5),
        gx.constant(np.arange(3)),
        x,
        s,
        flat,
        flat,
        x.T,
        gx.reshape(flat * 2, (3, 2)),
        flat * 2,
    ]
    value = np.arange(6.0).reshape(2, 3)
    results = gx.compile(outputs, inputs=[x, s], backend=backend)(value, 7.0)
    expected = [
        2.5,
        np.arange(3),
        value,
        7.0,
        value.ravel(),
        value.ravel(),
        value.T,
        value.reshape(3, 2) * 2,
        value.ravel() * 2,
    ]
    for got, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
        assert np.asarray(got).dtype == np.asarray(wanted).dtype


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_of_nothing_is_a_function(backend):
    function = gx.compile({"pi": gx.constant(3.0) + 0.25, "ones": gx.ones((2,))}, backend=backend)
    assert function.inputs == ()
    assert function()["pi"] == 3.25
    np.testing.assert_array_equal(function()["ones"], [1, 1])
    with pytest.raises(ArgumentError, match="expected no arguments"):
        function(1.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_nobody_uses_are_taken_and_have_gradient_zero(backend):
    x, y, z = gx.symbol("x"), gx.tensor("y", ("n", 2)), gx.symbol("z", (), "int64")
    function = gx.compile(x * x, inputs=[x, y, z], wrt=[x, y], backend=backend)
    assert function(3.0, np.ones((2, 2)), 1) == 9
    gradient = function.grad(3.0, np.ones((2, 2)), 1)
    assert gradient[0] == 6
    np.testing.assert_array_equal(gradient[1], np.zeros((2, 2)))


def test_integers_as_wrt_are_refused():
    x, k = gx.symbol("x"), gx.symbol("k", (), "int64")
    function = gx.compile(x * k, wrt=[x, k])
    with pytest.raises(TypeError, match="int64"):
        function.grad(x=1.0, k=2)


INPUTS = {
    "no symbol": (lambda x, y: [x, y + 1], "inputs: symbols expected"),
    "twice": (lambda x, y: [x, y, x], "stands twice"),
    "not all": (lambda x, y: [x], "the expression also depends on y"),
}


@pytest.mark.parametrize(("inputs", "message"), INPUTS.values(), ids=INPUTS.keys())
def test_inputs_that_do_not_fit_the_expression_are_refused(inputs, message):
    x, y = gx.symbols("x y")
    with pytest.raises(ArgumentError, match=message):
        gx.compile(x * y, inputs=inputs(x, y))


def test_two_symbols_of_one_name_need_an_order():
    x, other = gx.symbol("x"), gx.tensor("x", (2,))
    with pytest.raises(ArgumentError, match=r"two symbols are called 'x': float64 \(\) and float64 \(2,\)"):
        gx.compile(x * other)


def test_a_dimension_no_input_tells_is_refused():
    with pytest.raises(ArgumentError, match="size of dimension 'n' cannot be told"):
        gx.compile(gx.broadcast_to(gx.symbol("x"), gx.tensor("y", ("n",)).shape))(1.0)


def test_a_gradient_of_several_results_is_refused():
    x = gx.symbol("x")
    with pytest.raises(ArgumentError, match="a gradient needs one scalar expression"):
        gx.compile([x, x * 2]).grad(1.0)
