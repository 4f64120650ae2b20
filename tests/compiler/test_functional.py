"""Function style: derivatives of Python functions, nested, of trees, of numbers, arrays and expressions."""

from collections import namedtuple

import numpy as np
import pytest

import graphc as gx
from graphc.errors import DTypeError, ShapeError

Point = namedtuple("Point", "x y")


def test_inner_derivatives_do_not_see_outer_arguments_as_their_own():
    assert gx.grad(lambda x: x * gx.grad(lambda y: x + y)(1.0))(2.0) == 1
    assert gx.grad(lambda x: x * gx.grad(lambda y: x * y)(x))(3.0) == 6
    assert gx.grad(lambda x: gx.jvp(lambda y: x * y * y, (x,), (1.0,))[1])(3.0) == 12


@pytest.mark.parametrize(("order", "expected"), [(1, 4 * 8.0), (2, 12 * 4.0), (3, 24 * 2.0), (4, 24.0), (5, 0.0)])
def test_derivatives_nest_to_any_order(order, expected):
    function = lambda x: x**4
    for _ in range(order):
        function = gx.grad(function)
    assert function(2.0) == expected


def test_argnums_choose_the_arguments():
    f = lambda x, y, z: x * y + z**2
    assert gx.grad(f, argnums=1)(2.0, 3.0, 4.0) == 2
    assert gx.grad(f, argnums=(2, 0))(2.0, 3.0, 4.0) == (8, 3)
    assert gx.value_and_grad(f, argnums=(0,))(2.0, 3.0, 4.0) == (22, (3,))


def test_trees_go_in_and_gradients_of_their_structure_come_out():
    loss = lambda p, scale: scale * gx.sum(p["w"] * p["at"].x) + p["at"].y ** 2
    gradient = gx.grad(loss)({"w": np.arange(3.0), "at": Point(2.0, 5.0)}, 10.0)
    np.testing.assert_array_equal(gradient["w"], [20, 20, 20])
    assert gradient["at"] == Point(30, 10)


def test_expressions_give_expressions():
    a, b = gx.symbols("a b")
    assert gx.grad(lambda x: x * b)(a) is b
    value, gradient = gx.value_and_grad(lambda x: x * b)(gx.sin(a))
    assert value is gx.sin(a) * b
    assert gradient is b


def test_numbers_beside_expressions_are_constants():
    a = gx.symbol("a")
    assert gx.compile(gx.grad(lambda x, y: x * y)(2.0, a))(a=7.0) == 7
    assert gx.compile(gx.grad(lambda x, y: x * y, argnums=1)(2.0, a))() == 2


def test_captured_expressions_stay_open():
    outer = gx.symbol("outer")
    inside = gx.compile(gx.grad(lambda x: outer * x**2)(outer))
    assert inside(3.0) == 18


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_have_the_dtype_and_shape_of_the_argument(dtype):
    value = np.arange(6, dtype=dtype).reshape(2, 3)
    gradient = gx.grad(lambda x: gx.sum(x**2))(value)
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, 2 * value)


def test_the_function_is_traced_once_for_each_shape_and_dtype():
    calls = []

    def f(x):
        calls.append(x.shape)
        return gx.sum(x * x)

    gradient = gx.grad(f)
    for shape in [(2,), (2,), (3,), (2,), (3,)]:
        gradient(np.ones(shape))
    assert calls == [(2,), (3,)]


def test_products_with_the_jacobian_of_functions():
    f = lambda x, y: {"product": x * y, "sum": x + gx.sum(y)}
    value, tangent = gx.jvp(f, (3.0, np.ones(2)), (1.0, np.zeros(2)))
    np.testing.assert_array_equal(value["product"], [3, 3])
    np.testing.assert_array_equal(tangent["product"], [1, 1])
    assert (value["sum"], tangent["sum"]) == (5, 1)
    value, pull = gx.vjp(lambda x, y: x * y, 3.0, 4.0)
    assert value == 12
    assert pull(2.0) == (8, 6)


def test_what_has_no_gradient_is_refused():
    with pytest.raises(ShapeError):
        gx.grad(lambda x: x * 2)(np.ones(3))
    with pytest.raises(DTypeError):
        gx.grad(lambda x: x * 2)(3)


def test_the_gradient_keeps_name_and_documentation():
    def cubed(x):
        """Return the cube."""
        return x**3

    assert gx.grad(cubed).__name__ == "cubed"
    assert gx.value_and_grad(cubed).__doc__ == "Return the cube."
