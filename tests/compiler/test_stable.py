"""Derivatives are those of stable forms, whichever way they are asked for."""

import math

import pytest

import graphc as gx

UNSTABLE = {
    "softplus": (lambda x: gx.log(1 + gx.exp(x)), 800.0, 1.0),
    "softplus far below": (lambda x: gx.log(1 + gx.exp(x)), -800.0, 0.0),
    "absolute value at 0": (lambda x: gx.sqrt(x * x), 0.0, 0.0),
    "log of a sigmoid": (lambda x: gx.log(1 / (1 + gx.exp(-x))), -800.0, 1.0),
}


@pytest.mark.parametrize("name", UNSTABLE)
def test_the_gradient_of_a_function_is_that_of_its_stable_form(name):
    function, point, expected = UNSTABLE[name]
    assert gx.grad(function)(point) == expected


@pytest.mark.parametrize("name", UNSTABLE)
def test_the_gradient_of_an_expression_is_that_of_its_stable_form(name):
    function, point, expected = UNSTABLE[name]
    x = gx.symbol("x")
    assert gx.compile(gx.grad(function(x), wrt=x))(point) == expected


@pytest.mark.parametrize("name", UNSTABLE)
def test_products_with_the_jacobian_are_those_of_stable_forms(name):
    function, point, expected = UNSTABLE[name]
    x = gx.symbol("x")
    assert gx.compile(gx.jvp(function(x), x, 1.0))(point) == expected
    assert gx.compile(gx.vjp(function(x), x, 1.0))(point) == expected


def test_an_inner_node_is_differentiated_for_although_rewriting_would_dissolve_it():
    x = gx.symbol("x")
    inner = gx.exp(x)
    gradient = gx.grad(gx.log(1 + inner), wrt=inner)
    assert gx.compile(gradient)(0.5) == pytest.approx(1 / (1 + math.exp(0.5)), rel=1e-15)


def test_perturbations_are_not_confused():
    assert gx.grad(lambda x: x * gx.grad(lambda y: x + y)(1.0 * x))(2.0) == 1.0


def test_keyword_arguments_are_passed_through_and_not_differentiated():
    assert gx.grad(lambda x, scale=1.0: scale * x**2)(3.0, scale=2.0) == 12.0


@pytest.mark.parametrize(("call", "message"), [
    (lambda: gx.grad(3.0), "an expression or a function expected"),
    (lambda: gx.grad(lambda x: x, argnums=2)(1.0), "argnums 2"),
    (lambda: gx.grad(lambda x: x * 1.0)(2), "dtype int64"),
    (lambda: gx.vjp([3.0], gx.symbol("x"), [1.0]), "expressions expected"),
])  # fmt: skip
def test_wrong_use_is_explained(call, message):
    with pytest.raises(gx.GraphcError, match=message):
        call()


def test_the_same_operation_may_be_defined_twice_with_the_same_text():
    first = gx.defop("defined_twice", "x/(3 + Abs(x))")
    assert gx.defop("defined_twice", "x/(3 + Abs(x))") is first
    with pytest.raises(gx.ArgumentError, match="already"):
        gx.defop("defined_twice", "x/(4 + Abs(x))")


@pytest.mark.parametrize("axis", [0, 1, (0, 2), None])
def test_logsumexp_and_its_gradient_share_their_exponentials(axis):
    x = gx.tensor("x", (3, 4, 9))
    source = gx.compile(gx.sum(gx.logsumexp(x, axis=axis)), [x], wrt=x).source_of("value_and_grad")
    assert source.count("math.exp(") == 1
