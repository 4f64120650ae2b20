"""Derivatives of expressions as expressions: what is asked for, in which structure, and what is refused."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import graphc.ops  # noqa: F401
from graphc.autodiff.transforms import grad, jvp, value_and_grad, vjp
from graphc.backends.reference import evaluate
from graphc.errors import ArgumentError, DTypeError, NotDifferentiable, ShapeError
from graphc.graph.leaf import parameter, symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply

x, y = symbol("x"), symbol("y")
X, W = tensor("X", ("batch", 3)), tensor("W", (3, 2))


def value(node: Expr, **values: Any) -> np.ndarray[Any, Any]:
    return evaluate([node], {symbol(name): each for name, each in values.items()})[0]


def test_the_gradient_has_the_structure_of_wrt() -> None:
    product = x * y
    assert grad(product, wrt=x) is y
    assert grad(product, wrt=[x, y]) == [y, x]
    assert grad(product, wrt={"second": y, "first": (x,)}) == {"second": x, "first": (y,)}
    assert value_and_grad(product, wrt=x) == (product, y)


def test_gradients_are_taken_for_parameters_unless_told() -> None:
    w = parameter("w")
    assert grad(w * x) == {"w": x}
    assert grad(x * y) == {"x": y, "y": x}
    assert grad(x * symbol("count", dtype="int64")).keys() == {"x"}


def test_the_gradient_for_an_inner_node_takes_it_as_a_variable() -> None:
    inner = apply("sin", x)
    assert value(grad(inner * inner * x, wrt=inner), x=0.5) == pytest.approx(2 * math.sin(0.5) * 0.5, rel=1e-15)


def test_derivatives_of_derivatives_are_those_of_the_power() -> None:
    node, at = x**5, 1.5
    for order, expected in enumerate([5 * at**4, 20 * at**3, 60 * at**2, 120 * at, 120, 0], 1):
        node = grad(node, wrt=x)
        assert value(node, x=at) == pytest.approx(expected, rel=1e-14), order


def test_forward_over_reverse_is_reverse_over_reverse() -> None:
    function = apply("exp", x * y) * apply("sin", y)
    gradient = grad(function, wrt=[x, y])
    for first in gradient:
        rows = grad(first, wrt=[x, y])
        columns = [jvp(first, [x, y], seed) for seed in ([1.0, 0.0], [0.0, 1.0])]
        for row, column in zip(rows, columns, strict=True):
            np.testing.assert_allclose(value(row, x=0.3, y=0.7), value(column, x=0.3, y=0.7), rtol=1e-14)


def test_products_with_the_jacobian_of_a_matrix_product() -> None:
    adjoint = tensor("G", ("batch", 2))
    assert [str(each) for each in vjp(X @ W, [X, W], adjoint)] == ["G @ W.T", "X.T @ G"]
    tangent = tensor("V", (3, 2))
    assert jvp(X @ W, W, tangent) is X @ tangent


def test_what_an_output_given_twice_gets_is_added() -> None:
    assert value(vjp([x * x, x * x], x, [1.0, 10.0]), x=3.0) == 66.0


def test_an_expression_that_does_not_depend_has_gradient_zero() -> None:
    zeros = grad((X * X).sum(), wrt=W)
    assert zeros.shape == W.shape
    np.testing.assert_array_equal(evaluate([zeros], {})[0], np.zeros((3, 2)))
    assert value(jvp(x * x, y, 1.0)) == 0.0


def test_what_does_not_depend_can_be_an_error() -> None:
    with pytest.raises(NotDifferentiable, match="does not depend on y") as error:
        grad(x * x, wrt=[x, y], unused="error")
    assert "test_transforms.py" in str(error.value.origin)
    with pytest.raises(NotDifferentiable, match="does not depend on x"):
        grad(apply("floor", x) * y, wrt=x, unused="error")


def test_what_does_not_depend_can_be_a_warning_on_the_users_line() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        grad(x * x, wrt=[x, y], unused="warn")
    (warning,) = caught
    assert "does not depend on y" in str(warning.message)
    assert warning.filename == __file__


def test_integers_in_wrt_are_an_error_and_elsewhere_constants() -> None:
    count = symbol("count", dtype="int64")
    with pytest.raises(DTypeError, match="wrt: count has dtype int64"):
        grad(x * count, wrt=count)
    with pytest.raises(DTypeError, match="wrt: count has dtype int64"):
        jvp(x * count, count, 1)
    assert value(grad(x * x * 3, wrt=x), x=2.0) == 12.0


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: grad(X, wrt=X), ShapeError, "a scalar expected, got shape (batch, 3)"),
        (lambda: grad(symbol("n", dtype="int64")), DTypeError, "dtype int64, which has no derivative"),
        (lambda: grad(x, wrt="x"), ArgumentError, "expressions expected, got str 'x'"),
        (lambda: grad(x, wrt=x, unused="none"), ArgumentError, "zero, error, warn"),
        (lambda: jvp(x * y, [x, y], [1.0]), ArgumentError, "expected the structure [*, *], got [*]"),
        (lambda: jvp(X.sum(), X, 1.0), ShapeError, "the tangent of X has shape (), expected (batch, 3)"),
        (lambda: vjp(X @ W, X, 1.0), ShapeError, "has shape (), expected (batch, 2)"),
    ],
)
def test_wrong_requests_name_what_and_where(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
    assert "test_transforms.py" in str(error.value)
