"""Activations and losses: known values, derivatives, edges, and shapes that must be equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivative_tools import assert_derivatives, gradients, make_symbols, value_of
from scipy import special

import graphc.ops  # noqa: F401
from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.leaf import symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.rewrite.engine import simplify

INF = np.inf
POINTS = np.array([-700.0, -30.0, -2.5, -1.0, -1e-3, 1e-3, 0.5, 3.0, 30.0, 700.0])


def softplus(x: Any) -> Any:
    return np.logaddexp(0.0, x)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "relu6": lambda x: np.minimum(np.maximum(x, 0.0), 6.0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0.0))),
    "gelu": lambda x: x * special.ndtr(x),
    "silu": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(softplus(x)),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_has_its_value_and_derivative(name: str) -> None:
    found = value_of(lambda x: apply(name, x), [POINTS])
    np.testing.assert_allclose(found, ACTIVATIONS[name](POINTS), rtol=4e-15, atol=1e-300)
    assert_derivatives(lambda x: apply(name, x), [POINTS[np.abs(POINTS) < 5] * 1.0])
    (x,) = make_symbols([POINTS])
    gradient = gradients(apply(name, x), [x], np.ones(POINTS.shape), [POINTS])[0]
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", [*ACTIVATIONS, "softmax", "log_softmax"])
def test_activation_keeps_float32_and_nan(name: str) -> None:
    x = symbol("x", (3,), "float32")
    output = apply(name, x)
    assert output.dtype == "float32"
    assert adjoints({output: apply("ones_like", output)}, [x])[x].dtype == "float32"
    assert np.isnan(evaluate([output], {x: np.array([1.0, np.nan, 2.0])})[0][1])


def test_relu_has_derivative_zero_at_zero() -> None:
    for name in ("relu", "relu6"):
        (x,) = make_symbols([np.zeros(2)])
        assert gradients(apply(name, x), [x], np.ones(2), [np.array([0.0, -0.0])])[0].tolist() == [0.0, 0.0]


def test_gelu_by_tanh_is_near_the_exact_one() -> None:
    found = value_of(lambda x: apply("gelu", x, approximate="tanh"), [POINTS])
    np.testing.assert_allclose(found, ACTIVATIONS["gelu"](POINTS), atol=5e-4)
    assert_derivatives(lambda x: apply("gelu", x, "tanh"), [np.linspace(-3, 3, 7)])
    with pytest.raises(ArgumentError, match="'erf'"):
        apply("gelu", symbol("x"), "erf")


LOGITS = np.array([[1.0, 2.0, 3.0], [1000.0, 1000.0, -1000.0], [0.0, -800.0, -801.0], [-INF, 0.0, 1.0]])


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_softmax_is_scipys_without_overflow(name: str, axis: int | None) -> None:
    rows = LOGITS[:3] if axis == 1 else LOGITS[:, :2] / 2.0
    found = value_of(lambda x: apply(name, x, axis), [rows])
    np.testing.assert_allclose(found, getattr(special, name)(rows, axis=axis), rtol=2e-16 * 4, atol=1e-300)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_differentiates_twice(name: str) -> None:
    value = np.random.default_rng(0).standard_normal((2, 3))
    assert_derivatives(lambda x: apply(name, x), [value])

    def first(x: Expr) -> Expr:
        output = apply(name, x)
        return adjoints({output: apply("cumsum", apply("ones_like", output), 1)}, [x])[x]

    assert_derivatives(first, [value])


def test_row_without_any_class_has_softmax_and_gradient_zero() -> None:
    value = np.array([[-INF, -INF], [0.0, -INF]])
    x = symbol("x", value.shape)
    for name, expected in (("softmax", [[0.0, 0.0], [1.0, 0.0]]), ("log_softmax", [[-INF, -INF], [0.0, -INF]])):
        output = apply(name, x)
        assert evaluate([output], {x: value})[0].tolist() == expected
        gradient = gradients(output, [x], np.array([[1.0, 2.0], [0.0, 0.0]]), [value])[0]
        assert np.isfinite(gradient).all()
    assert gradients(apply("softmax", x), [x], np.ones((2, 2)), [value])[0].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_log_of_softmax_becomes_stable() -> None:
    x = symbol("x", (1, 2))
    value = np.array([[0.0, -1000.0]])
    (stable,) = simplify([apply("log", apply("softmax", x))])
    assert evaluate([stable], {x: value})[0].tolist() == [[0.0, -1000.0]]


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "mse": lambda y, t: (y - t) ** 2,
    "mae": lambda y, t: np.abs(y - t),
    "huber": lambda y, t: np.where(np.abs(y - t) <= 1, 0.5 * (y - t) ** 2, np.abs(y - t) - 0.5),
    "binary_cross_entropy_with_logits": lambda y, t: (
        -t * np.log(special.expit(y)) - (1 - t) * np.log(special.expit(-y))
    ),
    "softmax_cross_entropy_with_logits": lambda y, t: -np.sum(t * special.log_softmax(y, axis=-1), axis=-1),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_has_its_value_and_derivative(name: str) -> None:
    generator = np.random.default_rng(2)
    arrays = [generator.uniform(-3, 3, (4, 3)), generator.random((4, 3))]
    expected = LOSSES[name](*arrays)
    for reduction, number in (("none", expected), ("sum", expected.sum()), ("mean", expected.mean())):
        found = value_of(lambda y, t, kind=reduction: apply(name, y, t, reduction=kind), arrays)
        np.testing.assert_allclose(found, number, rtol=1e-13)
    assert_derivatives(lambda y, t: apply(name, y, t), arrays)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_does_not_broadcast(name: str) -> None:
    y, t = tensor("y", ("batch", 1)), tensor("t", ("n", "batch"))
    with pytest.raises(ShapeError, match=r"\(batch, 1\).*\(n, batch\)") as caught:
        apply(name, y, t)
    assert "squeeze" in str(caught.value)
    with pytest.raises(ArgumentError, match="'average'"):
        apply(name, y, y, reduction="average")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cross_entropy_of_integer_classes_is_that_of_one_hot_rows(axis: int) -> None:
    logits = np.random.default_rng(3).standard_normal((4, 4))
    classes = np.array([2, 0, 3, 1])
    one_hot = np.eye(4)[classes] if axis else np.eye(4)[classes].T
    by_class = value_of(lambda x, k: apply("softmax_cross_entropy_with_logits", x, k, axis), [logits, classes])
    by_row = value_of(lambda x, p: apply("softmax_cross_entropy_with_logits", x, p, axis), [logits, one_hot])
    np.testing.assert_allclose(by_class, by_row, rtol=1e-15)


def test_gradient_of_cross_entropy_is_softmax_less_one_hot() -> None:
    logits, classes = tensor("logits", ("batch", 3)), tensor("classes", ("batch",), "int64")
    loss = apply("softmax_cross_entropy_with_logits", logits, classes, reduction="sum")
    value, wanted = np.array([[1.0, 2.0, 3.0], [900.0, -900.0, 0.0]]), np.array([2, 1])
    gradient = adjoints({loss: apply("ones_like", loss)}, [logits])[logits]
    (found,) = evaluate([gradient], {logits: value, classes: wanted})
    np.testing.assert_allclose(found, special.softmax(value, axis=1) - np.eye(3)[wanted], rtol=1e-14, atol=1e-16)


def test_class_that_cannot_be_costs_nothing_unless_wanted() -> None:
    logits, labels = np.array([[0.0, -INF]]), np.array([[1.0, 0.0]])
    inputs = make_symbols([logits, labels])
    loss = apply("softmax_cross_entropy_with_logits", *inputs)
    assert evaluate([loss], dict(zip(inputs, [logits, labels], strict=True)))[0] == 0.0
    gradient = gradients(loss, inputs, np.ones(()), [logits, labels])[0]
    assert gradient.tolist() == [[0.0, 0.0]]


def test_classes_must_be_integers_of_the_right_shape() -> None:
    logits = tensor("logits", ("batch", 3))
    with pytest.raises(DTypeError, match=r"integer classes expected, got dtype float64 of shape \(batch,\)"):
        apply("softmax_cross_entropy_with_logits", logits, tensor("c", ("batch",)))
    with pytest.raises(ShapeError, match=r"\(time,\) do not fit logits of shape \(batch, 3\): \(batch,\) expected"):
        apply("softmax_cross_entropy_with_logits", logits, tensor("c", ("time",), "int64"))


def test_regularisers() -> None:
    value = np.array([[1.0, -2.0], [0.0, 3.0]])
    assert value_of(lambda x: apply("l2", x), [value]) == 7.0
    assert value_of(lambda x: apply("l1", x), [value]) == 6.0
    (x,) = make_symbols([value])
    assert gradients(apply("l2", x), [x], np.ones(()), [value])[0].tolist() == value.tolist()
