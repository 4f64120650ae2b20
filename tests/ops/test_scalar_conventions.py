"""Derivatives at kinks, ties, singular points and behind ``where``: the conventions, in both modes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from graphc.autodiff.transforms import grad, jvp
from graphc.backends.reference import evaluate
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.graph.table import FUNCTIONS, apply

INFINITY = math.inf
f = FUNCTIONS


def gradients(function: Callable[..., Expr], *point: float) -> list[float]:
    """Return the gradient at a point; reverse and forward mode must agree."""
    names = [symbol(name) for name in "xyz"[: len(point)]]
    values = dict(zip(names, point, strict=True))
    value = function(*names)
    reverse = evaluate(grad(value, wrt=names), values)
    units = np.eye(len(names))
    forward = [evaluate([jvp(value, names, [constant(u) for u in unit])], values)[0] for unit in units]
    np.testing.assert_array_equal(reverse, forward)
    return [float(each) for each in reverse]


def nth_derivative(function: Callable[[Expr], Expr], at: float, order: int) -> float:
    x = symbol("x")
    value = function(x)
    for _ in range(order):
        value = grad(value, wrt=x)
    return float(evaluate([value], {x: at})[0])


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("abs", (0.0,), [0.0]),
        ("sign", (0.0,), [0.0]),
        ("maximum", (2.0, 2.0), [0.5, 0.5]),
        ("minimum", (2.0, 2.0), [0.5, 0.5]),
        ("maximum", (INFINITY, INFINITY), [0.5, 0.5]),
        ("clip", (0.0, 0.0, 1.0), [0.0, 1.0, 0.0]),
        ("clip", (1.0, 0.0, 1.0), [0.0, 0.0, 1.0]),
        ("clip", (0.5, 0.0, 1.0), [1.0, 0.0, 0.0]),
        ("clip", (0.5, 2.0, 1.0), [0.0, 0.0, 1.0]),
        ("hypot", (0.0, 0.0), [0.0, 0.0]),
        ("atan2", (0.0, 0.0), [0.0, 0.0]),
        ("xlogy", (0.0, 0.0), [-INFINITY, 0.0]),
        ("xlogy", (0.0, 2.0), [math.log(2.0), 0.0]),
        ("xlog1py", (0.0, -1.0), [-INFINITY, 0.0]),
        ("logaddexp", (-INFINITY, -INFINITY), [0.5, 0.5]),
        ("logaddexp", (-INFINITY, 1.0), [0.0, 1.0]),
        ("logaddexp", (1000.0, 0.0), [1.0, 0.0]),
        ("power", (0.0, 2.5), [0.0, 0.0]),
        ("power", (0.0, 1.0), [1.0, 0.0]),
        ("power", (0.0, 0.0), [0.0, 0.0]),
        ("power", (2.0, 3.0), [12.0, 8.0 * math.log(2.0)]),
        ("copysign", (0.0, 1.0), [0.0, 0.0]),
        ("mod", (7.5, 2.0), [1.0, -3.0]),
        ("floor_divide", (7.5, 2.0), [0.0, 0.0]),
        ("stop_gradient", (3.0,), [0.0]),
        ("softplus", (1000.0,), [1.0]),
        ("softplus", (-1000.0,), [0.0]),
        ("log_sigmoid", (-1000.0,), [1.0]),
        ("expit", (-1000.0,), [0.0]),
        ("tanh", (1000.0,), [0.0]),
        ("sqrt", (0.0,), [INFINITY]),
        ("asinh", (1e200,), [1e-200]),
    ],
)
def test_the_gradient_at_the_edge(name: str, point: tuple[float, ...], expected: list[float]) -> None:
    assert gradients(f[name], *point) == pytest.approx(expected, rel=1e-15, abs=0)


BEHIND_WHERE = {
    "sqrt": (lambda x: f["where"](x > 0, f["sqrt"](x), 0.0), 0.0, 0.0),
    "log": (lambda x: f["where"](x > 0, f["log"](x), 0.0), 0.0, 0.0),
    "log of a negative number": (lambda x: f["where"](x > 0, f["log"](x), x), -1.0, 1.0),
    "reciprocal": (lambda x: f["where"](x > 0, 1 / x, 0.0), 0.0, 0.0),
    "sin(x)/x": (lambda x: f["where"](f["equal"](x, 0), 1.0, f["sin"](x) / x), 0.0, 0.0),
    "x log x": (lambda x: f["where"](x > 0, x * f["log"](x), 0.0), 0.0, 0.0),
    "overflowing exp": (lambda x: f["where"](x < 1, x, f["exp"](x)), 1000.0, INFINITY),
    "exp not taken": (lambda x: f["where"](x < 2000, 3 * x, f["exp"](x)), 1000.0, 3.0),
    "x exp(x) not taken": (lambda x: f["where"](x < 2000, 3 * x, x * f["exp"](x)), 1000.0, 3.0),
    "real power": (lambda x: f["where"](x > 0, x**0.5, 0.0), 0.0, 0.0),
    "real power of a negative number": (lambda x: f["where"](x > 0, x**1.5, 0.0), -2.0, 0.0),
    "asin outside": (lambda x: f["where"](f["abs"](x) < 1, f["asin"](x), 2 * x), 1.0, 2.0),
    "acosh outside": (lambda x: f["where"](x > 1, f["acosh"](x), 0.0), 0.5, 0.0),
    "logit at a bound": (lambda x: f["where"](x < 1, f["logit"](x), 0.0), 1.0, 0.0),
    "nested": (lambda x: f["where"](x > 0, f["log"](f["sqrt"](x) * x) * x, 0.0), 0.0, 0.0),
}


@pytest.mark.parametrize("case", BEHIND_WHERE)
def test_where_hides_the_derivative_of_the_branch_not_taken(case: str) -> None:
    function, point, expected = BEHIND_WHERE[case]
    assert gradients(function, point) == [expected]


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("case", ["sqrt", "log", "reciprocal", "x log x", "exp not taken", "acosh outside", "nested"])
def test_where_hides_higher_derivatives_too(case: str, order: int) -> None:
    function, point, _ = BEHIND_WHERE[case]
    assert nth_derivative(function, point, order) == 0.0


def test_where_hides_it_in_arrays_and_through_broadcasting() -> None:
    x = symbol("x", (3,))
    loss = apply("sum", apply("where", x > 0, x * apply("log", x) / x, 0.0) * 2.0)
    (gradient,) = evaluate([grad(loss, wrt=x)], {x: np.array([0.0, 2.0, -1.0])})
    np.testing.assert_allclose(gradient, [0.0, 1.0, 0.0], rtol=1e-15)


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: f["logaddexp"](x, 0.0), 0.0, 0.25),
        (lambda x: f["logaddexp"](x, x), 1.0, 0.0),
        (lambda x: f["gammaln"](x), 2.0, math.pi**2 / 6 - 1),
        (lambda x: f["abs"](x) ** 3, 0.0, 0.0),
        (lambda x: f["hypot"](x, 1.0), 0.0, 1.0),
        (lambda x: f["expit"](x), 0.0, 0.0),
    ],
)
def test_second_derivatives_at_special_points(function: Callable[[Expr], Expr], at: float, expected: float) -> None:
    assert nth_derivative(function, at, 2) == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_gammaln_differentiates_to_any_order() -> None:
    exact = -24 * 1.0369277551433699  # polygamma(4, 1) = -4! zeta(5)
    assert nth_derivative(f["gammaln"], 1.0, 5) == pytest.approx(exact, rel=1e-14)
