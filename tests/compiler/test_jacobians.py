"""`jacobian`, `hessian`, `hvp`, `linearize`: forward = reverse = differences, of expressions, functions and trees."""

from __future__ import annotations

import re
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from derivative_tools import difference, make_symbols
from hypothesis import given, settings
from tensor_cases import CASES, Case

import graphc as gx
from graphc.autodiff import jacobian as module
from graphc.autodiff.jacobian import jacobians
from graphc.backends.reference import evaluate
from graphc.errors import ArgumentError, DTypeError, GraphcError, ShapeError
from tests.strategies import Graph, graphs

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("case", [case for case in CASES if case.smooth], ids=str)
def test_forward_mode_is_reverse_mode_is_differences(case: Case) -> None:
    arrays = [RANDOM.standard_normal(shape) for shape in case.shapes]
    inputs = make_symbols(arrays)
    output = case.function(*inputs)
    values = dict(zip(inputs, arrays, strict=True))
    forward, reverse, chunks = (
        evaluate(jacobians([output], inputs, *how)[0], values)
        for how in (("forward", None), ("reverse", None), ("auto", 2))
    )
    for number, array in enumerate(arrays):
        assert forward[number].shape == (*output.shape, *array.shape)
        np.testing.assert_allclose(forward[number], reverse[number], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(chunks[number], reverse[number], rtol=1e-11, atol=1e-13)
    direction = [RANDOM.standard_normal(array.shape) for array in arrays]
    along = sum(np.tensordot(j, t, t.ndim) for j, t in zip(forward, direction, strict=True))
    np.testing.assert_allclose(along, difference(case.function, arrays, direction), rtol=2e-7, atol=2e-8)


@settings(max_examples=40, deadline=None)
@given(graphs(max_nodes=8, dtypes=("float64",)), st.integers(1, 5))
def test_modes_and_chunks_agree_on_random_graphs(graph: Graph, chunk: int) -> None:
    inputs = [node for node in graph.inputs if node.is_differentiable]
    outputs = [graph.output.astype("float64"), graph.loss]
    ways = [
        evaluate([each for row in jacobians(outputs, inputs, mode, size) for each in row], graph.inputs)
        for mode, size in (("forward", None), ("reverse", None), ("forward", chunk), ("reverse", chunk))
    ]
    for way in ways[1:]:
        for first, second in zip(ways[0], way, strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


def test_the_mode_with_fewer_directions_is_taken() -> None:
    x, w = gx.tensor("x", (3,)), gx.tensor("w", ("rows", 3))
    wide, tall = gx.tanh(x @ np.ones((3, 5))), gx.tanh(x @ np.ones((3, 2)))
    assert gx.jacobian(wide, x) is gx.jacobian(wide, x, mode="forward")
    assert gx.jacobian(tall, x) is gx.jacobian(tall, x, mode="reverse")
    assert gx.jacobian(gx.tanh(w @ x), x) is gx.jacobian(gx.tanh(w @ x), x, mode="forward")
    assert gx.jacobian(gx.tanh(w @ x).sum(0), w) is gx.jacobian(gx.tanh(w @ x).sum(0), w, mode="reverse")


def test_directions_beyond_the_memory_allowed_are_taken_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gx.tensor("x", (7,))
    f = gx.sin(x) * x.sum()
    value = RANDOM.normal(size=7)
    expected = gx.compile(gx.jacobian(f, x))(value)
    monkeypatch.setattr(module, "CHUNK_BYTES", 500)
    chunked = gx.jacobian(f, x)
    assert "scan" in chunked.tree()
    np.testing.assert_allclose(gx.compile(chunked)(value), expected, rtol=1e-14)


def test_large_and_open_identities_are_computed_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL_IDENTITY", 3)
    for x in (gx.tensor("x", (6,)), gx.tensor("x", ("n",))):
        found = gx.compile(gx.jacobian(gx.sin(x) * x[0], x))(np.arange(6.0))
        expected = np.diag(np.cos(np.arange(6.0)) * 0)
        expected[:, 0] += np.sin(np.arange(6.0))
        np.testing.assert_allclose(found, expected, atol=1e-15)


def test_functions_of_trees_give_trees_of_derivatives() -> None:
    f = lambda p, y: {"a": p["w"] @ y, "b": p["s"] * y.sum()}
    p, y = {"w": RANDOM.normal(size=(2, 3)), "s": 2.0}, RANDOM.normal(size=3)
    found = gx.jacobian(f, argnums=(0, 1))(p, y)
    np.testing.assert_allclose(found["a"][1], p["w"])
    np.testing.assert_allclose(found["a"][0]["w"], np.einsum("ik,j->ikj", np.eye(2), y))
    assert found["b"][0]["s"] == pytest.approx(y.sum())
    np.testing.assert_array_equal(found["a"][0]["s"], [0, 0])


def test_hessians_are_symmetric_and_jacobians_of_gradients() -> None:
    f = lambda a, b: gx.log(gx.exp(a @ b).sum() + (b**2).sum())
    a, b = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=3)
    (aa, ab), (ba, bb) = gx.hessian(f, argnums=(0, 1))(a, b)
    np.testing.assert_allclose(ab, np.moveaxis(ba, 0, -1), rtol=1e-12)
    np.testing.assert_allclose(bb, gx.jacobian(gx.grad(f, argnums=1), argnums=1, mode="reverse")(a, b), rtol=1e-12)
    np.testing.assert_allclose(aa.reshape(6, 6), aa.reshape(6, 6).T, rtol=1e-12)
    step = 1e-5
    ahead, behind = (gx.grad(f, argnums=1)(a, b + s * np.eye(3)[0]) for s in (step, -step))
    np.testing.assert_allclose(bb[:, 0], (ahead - behind) / (2 * step), rtol=1e-7)


def test_products_with_the_hessian_are_rows_of_it() -> None:
    f = lambda x, y: gx.sin(x * y.sum()).sum() + (y**3).sum()
    x, y, v, w = RANDOM.normal(size=(4, 3))
    (xx, xy), (yx, yy) = gx.hessian(f, argnums=(0, 1))(x, y)
    first, second = gx.hvp(f, (x, y), (v, w))
    np.testing.assert_allclose(first, xx @ v + xy @ w, rtol=1e-12)
    np.testing.assert_allclose(second, yx @ v + yy @ w, rtol=1e-12)
    a, b = gx.symbols("a b")
    assert gx.compile(gx.hvp(a**3 * b, [a, b], [1.0, 0.0]), inputs=[a, b])(2.0, 5.0) == [60, 12]


def test_the_hessian_of_a_logistic_loss_is_one_weighted_product_in_blocks_of_rows() -> None:
    weights, matrix = gx.tensor("weights", (5,)), gx.tensor("matrix", ("rows", 5))
    function = gx.compile(gx.hessian(gx.mean(gx.softplus(matrix @ weights)), weights), [weights, matrix])
    w, x = RANDOM.normal(size=5), RANDOM.normal(size=(100, 5))
    share = 1 / (1 + np.exp(-x @ w))
    np.testing.assert_allclose(function(w, x), (x.T * share * (1 - share)) @ x / 100, rtol=1e-12)
    text = function.explain()
    assert len(re.findall(r"library gemm", text)) == 1
    assert "in blocks of 64 rows over rows" in text


def test_the_jacobian_of_a_linear_map_is_its_matrix() -> None:
    matrix, x = gx.tensor("matrix", (4, 3)), gx.tensor("x", (3,))
    assert "library" not in gx.compile(gx.jacobian(matrix @ x, x), [matrix, x]).explain()


def test_linearised_functions_compute_only_what_depends_on_the_tangent() -> None:
    f = lambda x, y: (gx.exp(x) @ y, x.sum())
    x, y = RANDOM.normal(size=(2, 3))
    value, derivative = gx.linearize(f, x, y)
    np.testing.assert_allclose(value[0], np.exp(x) @ y)
    for _ in range(2):
        u, v = RANDOM.normal(size=(2, 3))
        expected = gx.jvp(f, (x, y), (u, v))[1]
        np.testing.assert_allclose(derivative(u, v), expected, rtol=1e-13)
    a, t = gx.symbols("a t")
    value, derivative = gx.linearize(gx.exp, a)
    assert derivative(t) is gx.exp(a) * t or derivative(t) is t * gx.exp(a)


def test_linearised_loops_and_jacobians_of_loops() -> None:
    f = lambda x: gx.scan(lambda c, e: (gx.tanh(c * e + x.sum()), c), x, np.arange(3.0))
    x, t = RANDOM.normal(size=(2, 2))
    value, derivative = gx.linearize(f, x)
    expected = gx.jvp(f, (x,), (t,))
    for found, wanted in zip((*value, *derivative(t)), (*expected[0], *expected[1]), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    forward, reverse = (gx.jacobian(lambda x: f(x)[0], mode=mode)(x) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
    np.testing.assert_allclose(forward @ t, expected[1][0], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gx.jacobian(gx.symbol("x"), gx.symbol("n", (), "int64")), DTypeError, "int64"),
        (lambda: gx.jacobian(lambda x: x)(3), DTypeError, "2.0 instead of 2"),
        (lambda: gx.jacobian(lambda x: x > 0)(3.0), DTypeError, "bool"),
        (lambda: gx.jacobian(lambda x: x, mode="sideways")(3.0), ArgumentError, "mode"),
        (lambda: gx.jacobian(lambda x: x, chunk=0)(3.0), ArgumentError, "chunk"),
        (lambda: gx.jacobian(lambda x: x, argnums=1)(3.0), ArgumentError, "argnums 1"),
        (lambda: gx.jacobian(lambda x: x, gx.symbol("x")), ArgumentError, "argnums with a function"),
        (lambda: gx.hessian(lambda x: x)(np.ones(2)), ShapeError, "scalar"),
        (lambda: gx.hvp(lambda x: x, (1,), (1.0,)), DTypeError, "int64"),
        (lambda: gx.hvp(lambda x: x**2, (1.0,), (np.ones(2),)), ShapeError, "tangent"),
        (lambda: gx.linearize(gx.sin, 1.0)[1](np.ones(3)), ShapeError, "tangent of an argument"),
        (lambda: gx.linearize(gx.symbol("x")), ArgumentError, "a function expected"),
    ],
)
def test_errors_name_the_users_line(call: Any, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert "test_jacobians.py" in str(caught.value)
