"""`custom_vjp`, `custom_jvp`, `checkpoint`, `stop_gradient`: in both modes, to second order, in loops and batches."""

from __future__ import annotations

import functools
import pickle
import re
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.errors import ArgumentError, GraphcError, NotDifferentiable, ShapeError, UnsupportedError

RANDOM = np.random.default_rng(0)


def true_vjp() -> Any:
    """Return a function of trees with its true derivative as a reverse rule."""
    function = gx.custom_vjp(lambda p, y: {"a": gx.sin(p["x"]) * y, "b": p["x"] + y})

    def forward(p: Any, y: Any) -> Any:
        return {"a": gx.sin(p["x"]) * y, "b": p["x"] + y}, (p["x"], y)

    def backward(kept: Any, adjoint: Any) -> Any:
        x, y = kept
        return {"x": adjoint["a"] * gx.cos(x) * y + adjoint["b"]}, adjoint["a"] * gx.sin(x) + adjoint["b"]

    function.defvjp(forward, backward)
    return function


def true_jvp() -> Any:
    """Return the same function with its true derivative as a forward rule."""
    function = gx.custom_jvp(lambda p, y: {"a": gx.sin(p["x"]) * y, "b": p["x"] + y})

    def rule(primals: Any, tangents: Any) -> Any:
        (p, y), (t, u) = primals, tangents
        value = {"a": gx.sin(p["x"]) * y, "b": p["x"] + y}
        return value, {"a": gx.cos(p["x"]) * y * t["x"] + gx.sin(p["x"]) * u, "b": t["x"] + u}

    function.defjvp(rule)
    return function


def plain(p: Any, y: Any) -> Any:
    """Return what the functions with rules compute."""
    return {"a": gx.sin(p["x"]) * y, "b": p["x"] + y}


WAYS = {"vjp": true_vjp(), "jvp": true_jvp(), "checkpoint": gx.checkpoint(plain)}


@pytest.fixture(params=WAYS)
def function(request: pytest.FixtureRequest) -> Any:
    return WAYS[request.param]


def loss(function: Any, x: Any, y: Any) -> Any:
    """Return a number made of the function."""
    out = function({"x": x}, y)
    return (out["a"] * out["b"]).sum() + (out["b"] ** 3).sum()


def same(left: Any, right: Any) -> None:
    for one, other in zip(gx.tree.leaves(left), gx.tree.leaves(right), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_true_rules_change_no_derivative_of_any_order_in_any_mode(function: Any) -> None:
    x, y, t, u = RANDOM.normal(size=(4, 3))
    ours, theirs = functools.partial(loss, function), functools.partial(loss, plain)
    for transform in (
        lambda f: gx.grad(f, argnums=(0, 1))(x, y),
        lambda f: gx.jvp(f, (x, y), (t, u)),
        lambda f: gx.hessian(f, argnums=(0, 1))(x, y),
        lambda f: gx.jacobian(gx.jacobian(f, mode="forward"), mode="forward")(x, y),
        lambda f: gx.jacobian(gx.jacobian(f, mode="forward"), mode="reverse")(x, y),
        lambda f: gx.jacobian(gx.jacobian(f, mode="reverse"), mode="reverse")(x, y),
    ):
        same(transform(ours), transform(theirs))


def test_they_may_be_mapped_and_looped_over(function: Any) -> None:
    x, y = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=3)
    for axes in ((0, None), (None, 0)):
        arguments = (x, y) if axes[0] == 0 else (y, x)
        ours, theirs = (gx.vmap(gx.grad(functools.partial(loss, f), argnums=(0, 1)), axes) for f in (function, plain))
        same(ours(*arguments), theirs(*arguments))
        ours, theirs = (
            gx.grad(lambda *a, f=f, axes=axes: gx.vmap(functools.partial(loss, f), axes)(*a).sum())
            for f in (function, plain)
        )
        same(ours(*arguments), theirs(*arguments))

    def looped(f: Any, x: Any, y: Any) -> Any:
        last, kept = gx.scan(lambda c, e: (gx.tanh(f({"x": c}, e)["a"] + y), loss(f, c, e)), y, x)
        return last.sum() + kept.sum()

    for transform in (lambda f: gx.grad(f, argnums=(0, 1)), lambda f: gx.hessian(f, argnums=1)):
        ours, theirs = (transform(functools.partial(looped, f)) for f in (function, plain))
        same(ours(x, y), theirs(x, y))


def test_they_may_capture_expressions_and_be_compiled_pickled_and_shown(function: Any) -> None:
    x, y = gx.tensor("x", (3,)), gx.tensor("y", (3,))
    gradient = gx.grad(loss(function, x, y), [x, y])
    values = RANDOM.normal(size=(2, 3))
    expected = gx.compile(gx.grad(loss(plain, x, y), [x, y]), [x, y])(*values)
    for backend in ("cpu", "reference"):
        same(gx.compile(gradient, [x, y], backend=backend)(*values), expected)
    again = pickle.loads(pickle.dumps(gradient))
    same(gx.compile(again, [x, y])(*values), expected)
    assert "custom" in loss(function, x, y).tree()
    same(
        gx.compile(loss(function, x, y), [x, y]).value_and_grad(*values)[0],
        gx.compile(loss(plain, x, y), [x, y])(*values),
    )


def test_the_rule_is_what_counts_not_the_function() -> None:
    doubled = gx.custom_vjp(lambda x: gx.sin(x))
    doubled.defvjp(lambda x: (gx.sin(x), gx.cos(x)), lambda cos, adjoint: (2 * cos * adjoint,))
    assert doubled(1.0) == np.sin(1.0)
    assert gx.grad(doubled)(1.0) == pytest.approx(2 * np.cos(1.0), rel=1e-14)
    assert gx.jvp(doubled, (1.0,), (1.0,))[1] == pytest.approx(2 * np.cos(1.0), rel=1e-14)
    assert gx.grad(gx.grad(doubled))(1.0) == pytest.approx(-2 * np.sin(1.0), rel=1e-14)


def test_a_rule_may_call_its_function_which_is_the_plain_one_there() -> None:
    reverse, forward = gx.custom_vjp(lambda x, y: gx.exp(x) * y), gx.custom_jvp(lambda x, y: gx.exp(x) * y)
    reverse.defvjp(lambda x, y: (reverse(x, y), (x, y)), lambda kept, g: (7 * g * reverse(*kept), None))
    forward.defjvp(lambda p, t: (forward(*p), 7 * forward(*p) * t[0]))
    for function in (reverse, forward):
        assert function(0.0, 2.0) == 2.0
        assert gx.grad(function)(0.0, 2.0) == 14.0
        assert gx.grad(gx.grad(function))(0.0, 2.0) == 14.0  # of the plain function's part in the rule


def test_a_function_has_its_rule_again_after_the_rule_failed() -> None:
    clipped = gx.custom_vjp(lambda x: x)
    clipped.defvjp(lambda x: clipped(x), lambda _, g: (g,))
    with pytest.raises(ArgumentError, match="a pair"):
        clipped(1.0)
    clipped.defvjp(lambda x: (clipped(x), None), lambda _, g: (5 * g,))
    assert gx.grad(clipped)(1.0) == 5.0


def test_a_rule_that_is_not_linear_has_one_mode() -> None:
    clipped = gx.custom_vjp(lambda x: x)
    clipped.defvjp(lambda x: (x, None), lambda _, adjoint: (gx.clip(adjoint, -1, 1),))
    np.testing.assert_array_equal(gx.grad(lambda x: (clipped(x) ** 2).sum())(np.array([0.1, 5.0])), [0.2, 1.0])
    with pytest.raises(NotDifferentiable, match="not linear in the adjoint"):
        gx.jvp(clipped, (1.0,), (1.0,))
    squared = gx.custom_jvp(lambda x: x)
    squared.defjvp(lambda x, t: (x[0], t[0] ** 2))
    assert gx.jvp(squared, (1.0,), (3.0,))[1] == 9
    with pytest.raises(NotDifferentiable, match="not linear in the tangent"):
        gx.grad(squared)(1.0)


def test_integers_and_none_have_no_contribution() -> None:
    scaled = gx.custom_vjp(lambda x, n, unused: x * n)
    scaled.defvjp(lambda x, n, unused: (x * n, n), lambda n, adjoint: (adjoint * n, None, None))
    assert gx.grad(scaled, argnums=(0, 2))(2.0, 3, 4.0) == (3, 0)


def test_arguments_that_are_no_expressions_go_to_the_rule_first() -> None:
    @functools.partial(gx.custom_vjp, nondiff_argnums=(0,))
    def apply(f: Any, x: Any) -> Any:
        return f(x)

    apply.defvjp(lambda f, x: (f(x), x), lambda f, x, adjoint: (adjoint * gx.grad(f)(x) * 10,))
    assert gx.grad(lambda x: apply(gx.square, x))(3.0) == 60
    assert apply(gx.square, x=3.0) == 9
    assert apply.__name__ == "apply"


def test_what_is_captured_has_no_derivative_through_a_rule_but_through_a_checkpoint() -> None:
    x, a = gx.symbols("x a")
    ruled = gx.custom_jvp(lambda x: a * x)
    ruled.defjvp(lambda x, t: (a * x[0], a * t[0]))
    assert gx.compile(gx.grad(ruled(x), [x, a]), [x, a])(2.0, 3.0) == [3, 0]
    assert gx.compile(gx.grad(gx.checkpoint(lambda x: a * x)(x), [x, a]), [x, a])(2.0, 3.0) == [3, 2]


def workspaces(function: gx.Function) -> int:
    return len(re.findall(r"^  workspace", function.explain(), re.MULTILINE))


def test_a_checkpoint_keeps_only_the_arguments_in_memory() -> None:
    x, weights = gx.tensor("x", ("rows", 20)), gx.tensor("weights", (20, 20))

    def layers(h: Any) -> Any:
        for _ in range(4):
            h = gx.tanh(h @ weights)
        return h

    def gradient(block: Any) -> gx.Function:
        h = x
        for _ in range(4):
            h = block(h)
        return gx.compile(gx.grad((h * h).sum(), weights), [x, weights])

    kept, again = gradient(layers), gradient(gx.checkpoint(layers))
    values = RANDOM.normal(size=(5, 20)), RANDOM.normal(size=(20, 20)) / 5
    np.testing.assert_allclose(again(*values), kept(*values), rtol=1e-10)
    assert workspaces(again) <= workspaces(kept) - 4


def test_a_loop_keeps_only_what_goes_into_a_checkpoint() -> None:
    x, weights = gx.tensor("x", ("time", 8)), gx.tensor("weights", (8, 8))

    def step(state: Any, element: Any) -> Any:
        hidden = gx.exp(-((state @ weights) ** 2))
        return gx.tanh(hidden @ weights + element)

    def gradient(block: Any) -> gx.Function:
        last, _ = gx.scan(lambda c, e: (block(c, e), None), gx.zeros(8), x)
        return gx.compile(gx.grad(last.sum(), weights), [x, weights])

    kept, again = gradient(step), gradient(gx.checkpoint(step))
    values = RANDOM.normal(size=(6, 8)), RANDOM.normal(size=(8, 8)) / 3
    np.testing.assert_allclose(again(*values), kept(*values), rtol=1e-10)
    stacks = [len(re.findall(r"workspace .*\(time, ", each.explain())) for each in (again, kept)]
    assert stacks[0] < stacks[1]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_stop_gradient_holds_in_every_mode(mode: str) -> None:
    f = lambda x: x * gx.stop_gradient(x**2)
    assert gx.jacobian(f, mode=mode)(3.0) == 9
    assert gx.jacobian(gx.jacobian(f, mode=mode), mode=mode)(3.0) == 0
    np.testing.assert_array_equal(gx.vmap(gx.jacobian(f, mode=mode))(np.array([1.0, 3.0])), [1, 9])
    looped = lambda x: gx.scan(lambda c, _: (c * gx.stop_gradient(c), None), x, length=2)[0]
    assert gx.jacobian(looped, mode=mode)(3.0) == 27
    assert gx.jacobian(gx.checkpoint(f), mode=mode)(3.0) == 9
    assert gx.linearize(f, 3.0)[1](2.0) == 18


def unruled() -> Any:
    return gx.custom_vjp(lambda x: x)


def ruled(forward: Any, backward: Any) -> Any:
    function = unruled()
    function.defvjp(forward, backward)
    return function


def ruled_but_for(position: int) -> Any:
    function = gx.custom_vjp(lambda x: x, nondiff_argnums=position)
    function.defvjp(lambda x: (x, None), lambda _, g: (g,))
    return function


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: unruled()(1.0), ArgumentError, "has no rule"),
        (lambda: unruled().defjvp(lambda x, t: (x, t)), ArgumentError, "takes no rule of a custom_jvp"),
        (lambda: gx.custom_jvp(2.0), ArgumentError, "a function expected"),
        (lambda: gx.checkpoint(2.0), ArgumentError, "a function expected"),
        (lambda: ruled(lambda x: x, lambda k, g: (g,))(1.0), ArgumentError, "a pair"),
        (lambda: ruled(lambda x: ((x, x), x), lambda k, g: (g,))(1.0), ArgumentError, "value of forward"),
        (lambda: ruled(lambda x: (x, x), lambda k, g: g)(1.0), ArgumentError, "tuple of 1"),
        (
            lambda: ruled(lambda x: (x, x), lambda k, g: (np.ones(3),))(1.0),
            ShapeError,
            "to argument 0(.*\n)+.*sum adjoints",
        ),
        (lambda: ruled_but_for(1)(1.0), ArgumentError, r"nondiff_argnums \(1,\) for a function called with 1"),
    ],
)
def test_errors_name_the_users_line(call: Any, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert "test_custom.py" in str(caught.value)


def test_checks_hold_rules_against_the_function_and_accuse_a_wrong_one() -> None:
    x = gx.tensor("x", (3,))
    for factor in (1, 2):
        sine = gx.custom_jvp(lambda x: gx.sin(x).sum())
        sine.defjvp(lambda p, t, factor=factor: (gx.sin(p[0]).sum(), factor * (gx.cos(p[0]) * t[0]).sum()))
        report = gx.compile(gx.exp(sine(x))).check()
        assert report.ok == (factor == 1)
        assert ("custom" in str(report).split("worst")[-1]) == (factor == 2)
    mapped = gx.vmap(gx.checkpoint(lambda row: gx.exp(row).sum()))(gx.tensor("rows", ("n", 3), "float32"))
    assert gx.compile(mapped.sum()).check().ok


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(UnsupportedError, match="functions with rules are not counted"):
        gx.cost(gx.checkpoint(gx.sin)(gx.symbol("x")))
