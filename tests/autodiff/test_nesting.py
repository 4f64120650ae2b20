"""Derivatives inside derivatives, maps and loops: no mode confuses its directions with those around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx

Derivative = Callable[[Callable[[Any], Any]], Callable[[Any], Any]]


def forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the derivative of a function of a number in forward mode."""
    return lambda x: gx.jvp(f, (x,), (1.0,))[1]


def reverse(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the derivative of a function of a number in reverse mode."""
    return gx.grad(f)


MODES = {"forward": forward, "reverse": reverse}


@pytest.fixture(params=MODES)
def outer(request: pytest.FixtureRequest) -> Derivative:
    return MODES[request.param]


@pytest.fixture(params=MODES)
def inner(request: pytest.FixtureRequest) -> Derivative:
    return MODES[request.param]


def test_the_classic_confusions_do_not_happen(outer: Derivative, inner: Derivative) -> None:
    """Source: Siskind & Pearlmutter, Perturbation confusion and referential transparency (2005)."""
    assert outer(lambda x: x * inner(lambda y: x + y)(gx.constant(1.0)))(2.0) == 1
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0 * x))(3.0) == 6
    assert outer(lambda x: inner(lambda y: x * x * y * y)(x))(3.0) == 6 * 9
    assert outer(lambda x: inner(lambda y: inner(lambda z: x * y * y * z * z)(y))(x))(2.0) == 18 * 4


def test_a_derivative_inside_a_loop_that_is_differentiated(outer: Derivative, inner: Derivative) -> None:
    f = lambda x, c: gx.sin(c * x) * x
    slope = lambda x, c: gx.cos(c * x) * c * x + gx.sin(c * x)

    def loop(derivative: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        return lambda x: gx.scan(lambda c, e: (derivative(x, c) + e * c, None), x, np.arange(3.0))[0]

    found = outer(loop(lambda x, c: inner(lambda y: f(y, c))(x)))(0.7)
    assert found == pytest.approx(outer(loop(slope))(0.7), rel=1e-12)
    by_carry = outer(loop(lambda x, c: inner(lambda k: f(x, k))(c)))(0.7)
    assert by_carry == pytest.approx(outer(loop(lambda x, c: gx.cos(c * x) * x * x))(0.7), rel=1e-12)


def test_a_derivative_inside_a_map_that_is_differentiated(outer: Derivative, inner: Derivative) -> None:
    items = np.arange(4.0)
    mapped = lambda x: gx.vmap(lambda item: inner(lambda y: gx.sin(x * y * item))(item))(items).sum()
    expected = lambda x: (gx.cos(x * items * items) * x * items).sum()
    assert outer(mapped)(0.3) == pytest.approx(outer(expected)(0.3), rel=1e-12)


@pytest.mark.parametrize("middle", MODES)
def test_the_minimum_of_a_maximum_by_descent_inside_descent(middle: str, inner: Derivative) -> None:
    """Source: Siskind & Pearlmutter, Nesting forward-mode AD in a functional framework (2008), their saddle."""
    surface = lambda x, y: (x - 1.0) ** 2 + x * y - 2 * (y - 0.5) ** 2

    def highest(x: Any) -> Any:
        climb = lambda y, _: (y + 0.2 * inner(lambda v: surface(x, v))(y), None)
        return gx.scan(climb, gx.zeros_like(x), length=60)[0]

    derivative = MODES[middle]
    best = lambda x: surface(x, highest(x))
    descend = lambda x, _: (x - 0.1 * derivative(best)(x), None)
    x = gx.scan(descend, gx.constant(0.0), length=120)[0]
    found = gx.compile([x, highest(x)])()
    answer = np.linalg.solve([[2.0, 1.0], [1.0, -4.0]], [2.0, -2.0])
    np.testing.assert_allclose(found, answer, rtol=1e-6)
