"""Elementwise work over arrays of any rank is one loop over their elements."""

import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.kernel.ir import Loop
from graphc.kernel.walk import walk_statements
from graphc.rewrite.engine import simplify


def points():
    return gx.tensor("x", ("n", 3))


def boxes():
    return gx.tensor("y", ("n", 2, "m"))


def loops(outputs, inputs):
    """Return the extents of a kernel's loops at any depth."""
    kernel = make_kernel(simplify(outputs), inputs, Record())
    return [str(s.extent) for s in walk_statements(kernel.body) if isinstance(s, Loop)]


FLAT = {
    "a function": lambda x: [gx.exp(x)],
    "with its sum": lambda x: [gx.exp(x), gx.sum(gx.exp(x))],
    "a gradient": lambda x: [gx.grad(gx.sum(gx.tanh(x) ** 2), x)],
    "a multiple by a number from an array": lambda x: [x * gx.max(x)],
}
NESTED = {
    "numbers along the last axis": lambda x: [x + np.arange(3.0)],
    "numbers along the first axis": lambda x: [x * x[:, :1]],
    "sums along an axis": lambda x: [gx.sum(gx.exp(x), axis=1)],
    "a transpose": lambda x: [gx.exp(x.T)],
    "a part": lambda x: [gx.exp(x[:, 1:])],
    "places of the largest": lambda x: [gx.argmax(x, axis=1)],
}


@pytest.mark.parametrize("name", FLAT)
def test_what_treats_all_elements_alike_is_one_loop_over_them(name):
    assert set(loops(FLAT[name](points()), [points()])) == {"3*n"}


def test_three_axes_are_one_loop_too():
    assert loops([gx.exp(boxes())], [boxes()]) == ["2*m*n"]


@pytest.mark.parametrize("name", NESTED)
def test_what_needs_an_axis_keeps_its_loops(name):
    assert "3*n" not in loops(NESTED[name](points()), [points()])


@pytest.mark.parametrize("name", FLAT | NESTED)
@pytest.mark.parametrize("length", [0, 1, 7])
def test_values_are_those_of_the_reference(name, length, monkeypatch):
    monkeypatch.setenv("GRAPHC_CHECK", "1")
    monkeypatch.setenv("GRAPHC_JIT", "1" if length == 7 else "0")
    if length == 0 and name == "a multiple by a number from an array":
        pytest.skip("there is no largest of nothing")
    outputs, values = (FLAT | NESTED)[name](points()), np.random.default_rng(0).normal(size=(length, 3))
    expected = gx.compile(outputs, [points()], backend="reference")(values)
    for got, wanted in zip(gx.compile(outputs, [points()])(values), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-13)
