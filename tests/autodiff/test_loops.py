"""Derivatives through loops: reverse = forward = differences, to second order, nested, either way round."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytest

import graphc as gx
from graphc.compiler.pipeline import Record, make_kernel
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.block import block_of, is_bundle
from graphc.graph.walk import topological_order
from graphc.rewrite.engine import simplify
from graphc.rewrite.loops import tidy_loops

RANDOM = np.random.default_rng(0)
X, W, U = gx.tensor("X", ("time", 5, 3)), gx.tensor("W", (4, 4)), gx.tensor("U", (3, 4))
B, H, A = gx.tensor("B", (4,)), gx.tensor("H", (5, 4)), gx.symbol("A")
INPUTS = [X, W, U, B, H, A]
VALUES = [RANDOM.normal(size=shape) for shape in ((6, 5, 3), (4, 4), (3, 4), (4,), (5, 4), ())]
TANGENTS = [gx.tensor(f"tangent{n}", node.shape) for n, node in enumerate(INPUTS)]
DIRECTION = [RANDOM.normal(size=value.shape) for value in VALUES]


def recurrent(reverse: bool = False) -> gx.Expr:
    """Return a loss of a recurrent network with inputs, weights, bias, first state and a scale."""

    def step(state: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
        state = gx.tanh(element @ U + state @ W + B) * A
        return state, (state**2).sum()

    last, kept = gx.scan(step, H, X, reverse=reverse)
    return (last * last).sum() + kept.sum()


def nested() -> gx.Expr:
    """Return a loss of a loop inside a loop that both use outside values."""

    def outer(state: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
        inner, _ = gx.scan(lambda s, e: (gx.sin(s * e) + state.sum() * A + element, None), gx.constant(0.5), B)
        return gx.tanh(state + inner), inner

    last, kept = gx.scan(outer, B * 2, X[:, 0, 0])
    return (
        last.sum() + kept.sum() + gx.fori_loop(0, 3, lambda i, y: gx.cos(y * A + i), A) + (W * U.sum() * H.sum()).sum()
    )


def along(values: list[Any], reference: list[Any]) -> float:
    """Return the sum of products of gradients and a direction."""
    return float(sum(np.sum(value * way) for value, way in zip(values, reference, strict=True)))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("loss", [recurrent(), recurrent(reverse=True), nested()], ids=["forward", "reverse", "nested"])
def test_reverse_mode_is_forward_mode_is_differences(loss: gx.Expr, backend: str) -> None:
    gradient = gx.compile(gx.grad(loss, INPUTS), inputs=INPUTS, backend=backend)(*VALUES)
    tangent = gx.compile(gx.jvp(loss, INPUTS, TANGENTS), inputs=[*INPUTS, *TANGENTS], backend=backend)
    assert tangent(*VALUES, *DIRECTION) == pytest.approx(along(gradient, DIRECTION), rel=1e-11)
    value, step = gx.compile(loss, inputs=INPUTS, backend=backend), 1e-5
    ahead, behind = (value(*(v + sign * step * d for v, d in zip(VALUES, DIRECTION, strict=True))) for sign in (1, -1))
    assert (ahead - behind) / (2 * step) == pytest.approx(along(gradient, DIRECTION), rel=1e-6)


@pytest.mark.parametrize("loss", [recurrent(), nested()], ids=["recurrent", "nested"])
def test_second_derivatives_agree_whichever_mode_is_inside(loss: gx.Expr) -> None:
    gradient = gx.grad(loss, INPUTS)
    ways = (
        gx.jvp(gradient, INPUTS, TANGENTS),
        gx.grad(sum((g * t).sum() for g, t in zip(gradient, TANGENTS, strict=True)), INPUTS),
        gx.grad(gx.jvp(loss, INPUTS, TANGENTS), INPUTS),
    )
    forward, *others = (gx.compile(way, inputs=[*INPUTS, *TANGENTS])(*VALUES, *DIRECTION) for way in ways)
    for other in others:
        for first, second in zip(forward, other, strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-9)


def test_a_weight_used_in_every_step_gets_its_gradient_from_one_product_after_the_loop() -> None:
    text = gx.compile(gx.grad(recurrent(), W), inputs=INPUTS).explain()
    assert text.count("library gemm[TN]") == 1


def test_loops_of_no_steps_have_derivatives() -> None:
    empty = [np.zeros((0, 5, 3)), *VALUES[1:]]
    gradient = gx.compile(gx.grad(recurrent(), INPUTS), inputs=INPUTS)(*empty)
    np.testing.assert_array_equal(gradient[4], 2 * VALUES[4])
    assert not gradient[1].any()


def loops_of(roots: Any) -> list[gx.Expr]:
    """Return the loops that are lowered for some results."""
    return [node for node in topological_order(tidy_loops(simplify(gx.tree.leaves(roots)))) if is_bundle(node)]


def test_a_loop_and_its_gradient_run_its_steps_once() -> None:
    loss = recurrent()
    assert len(loops_of([loss, gx.grad(loss, INPUTS)])) == 2
    assert len(loops_of([loss, gx.jvp(loss, INPUTS, TANGENTS)])) == 1


def test_states_that_begin_as_the_same_zeros_are_told_apart_when_a_loop_and_its_gradient_become_one() -> None:
    def step(state: Any, element: gx.Expr) -> tuple[Any, gx.Expr]:
        hidden, cell = state
        cell = gx.sigmoid(hidden) * cell + gx.tanh(element @ U)
        return (gx.tanh(cell), cell), hidden.sum()

    zeros = gx.zeros((5, 4))
    loss = gx.scan(step, (zeros, zeros), X)[1].sum()
    assert len(loops_of([loss, gx.grad(loss, U)])) == 2


def test_what_nobody_reads_is_not_computed_in_a_loop() -> None:
    (total, _), _ = gx.scan(lambda c, e: ((c[0] + e.sum(), c[1] * e), gx.sin(e)), (gx.constant(0.0), H), X[:, :, 0:1])
    (loop,) = loops_of(total)
    assert (loop.attribute("carries"), len(block_of(loop).outputs)) == (1, 1)


def test_a_product_of_each_element_with_a_fixed_matrix_is_one_product_before_the_loop() -> None:
    (loop,) = loops_of(gx.scan(lambda s, e: (gx.tanh(e @ U + s), None), H, X)[0])
    assert not any(node.op.name == "contract" for node in topological_order(block_of(loop).outputs))


def test_loops_that_share_nothing_stay_apart() -> None:
    first = gx.scan(lambda c, e: (c * e, None), gx.constant(1.0), B)[0]
    second = gx.scan(lambda c, e: (gx.sin(c + e), None), gx.constant(2.0), B * 2)[0]
    assert len(loops_of([first, second])) == 2


def square_root(start: gx.Expr) -> gx.Expr:
    """Return the square root of A squared by Newton's method."""
    return gx.while_loop(lambda x: abs(x * x - A * A) > 1e-12 * A * A, lambda x: 0.5 * (x + A * A / x), start)


def powers() -> gx.Expr:
    """Return a loss of a network that is applied until its state is small, or as often as an input says."""
    state = gx.while_loop(lambda h: (h * h).sum() > 0.1, lambda h: 0.2 * gx.tanh(h @ W), H)
    return (state * state).sum() + gx.fori_loop(0, gx.constant(3) + 2, lambda i, y: gx.sin(y * A + i), A)


def branches() -> gx.Expr:
    """Return a loss whose loops run as often as the values in them say, inside a loop."""

    def step(state: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
        small = gx.while_loop(lambda s: s * s > element * element, lambda s: s * 0.7, state)
        return gx.sin(small) + A, small

    last, kept = gx.scan(step, A * A, B)
    return last + kept.sum()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("loss", [square_root(A * A + 1), powers(), branches()], ids=["root", "powers", "nested"])
def test_loops_with_conditions_have_derivatives_in_both_modes(loss: gx.Expr, backend: str) -> None:
    gradient = gx.compile(gx.grad(loss, INPUTS), inputs=INPUTS, backend=backend)(*VALUES)
    tangent = gx.compile(gx.jvp(loss, INPUTS, TANGENTS), inputs=[*INPUTS, *TANGENTS], backend=backend)
    assert tangent(*VALUES, *DIRECTION) == pytest.approx(along(gradient, DIRECTION), rel=1e-11)
    twice = gx.jvp(gx.grad(loss, INPUTS), INPUTS, TANGENTS)
    again = gx.grad(gx.jvp(loss, INPUTS, TANGENTS), INPUTS)
    first, second = (
        gx.compile(way, [*INPUTS, *TANGENTS], backend=backend)(*VALUES, *DIRECTION) for way in (twice, again)
    )
    for ours, other in zip(first, second, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-9, atol=1e-9)


def test_newtons_square_root_has_the_derivative_of_the_square_root() -> None:
    root = gx.compile(gx.grad(square_root(A * A + 1), A), inputs=[A])
    assert root(3.0) == pytest.approx(1.0, rel=1e-12)


def test_a_tape_grows_as_far_as_the_loop_runs() -> None:
    steps = gx.symbol("steps", dtype="int64")
    value = gx.fori_loop(0, steps, lambda i, y: gx.sin(y) * A, A)
    slope = gx.compile(gx.grad(value, A), inputs=[A, steps])
    expected, y = 1.0, 0.9
    for _ in range(1000):
        expected, y = np.cos(y) * 0.9 * expected + np.sin(y), np.sin(y) * 0.9
    assert slope(0.9, 1000) == pytest.approx(expected, rel=1e-12)
    assert slope(0.9, 0) == 1.0


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_loop_that_does_not_end_in_time_is_an_error_with_the_users_line(backend: str) -> None:
    number = gx.while_loop(lambda x: x < 1, lambda x: x + 1, A, max_steps=10)
    array = gx.while_loop(lambda x: (x < 4).any(), lambda x: 2 * x, B, max_steps=3)
    function = gx.compile([number, array], inputs=[A, B], backend=backend)
    assert function(-9.0, np.ones(4))[0] == 1.0
    out = [np.empty(()), np.empty(4)]
    for given, steps in (((-9.5, np.ones(4)), 10), ((-9.0, np.full(4, 0.25)), 3), ((-9.0, [0.25] * 4), 3)):
        for options in ({}, {"out": out}):
            with pytest.raises(
                ArgumentError, match=rf"still holds after {steps} steps[\s\S]*test_loops[\s\S]*raise max_steps"
            ):
                function(*given, **options)
    assert function(-9.0, np.full(4, 0.5))[1].tolist() == [4.0] * 4


def test_a_gradient_of_a_loop_that_does_not_end_in_time_is_an_error_too() -> None:
    doubled = gx.while_loop(lambda x: x < 100, lambda x: gx.sin(x) + 2 * x, A, max_steps=6)
    function = gx.compile(doubled, inputs=[A])
    assert function.grad(60.0) == {"A": pytest.approx(np.cos(60.0) + 2)}
    for call in (function.grad, function.value_and_grad):
        with pytest.raises(ArgumentError, match="still holds after 6 steps"):
            call(1e-9)


def test_compiled_code_gets_the_error_of_a_loop_that_does_not_end() -> None:
    kernel = gx.compile(gx.while_loop(lambda x: x < 1, lambda x: x + 1, A, max_steps=10)).kernel

    @numba.njit
    def caller(x: float) -> float:
        return kernel(x)[0]

    assert caller(-9.0) == 1.0
    with pytest.raises(ArgumentError, match="still holds after 10 steps"):
        caller(-10.0)


def test_a_condition_that_is_no_boolean_scalar_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"boolean scalar, got bool of shape \(4,\)"):
        gx.while_loop(lambda x: x > 0, lambda x: x - 1, B)


def checkpointed(steps: int, checkpoint: str | int, reverse: bool = False) -> tuple[gx.Expr, gx.Expr]:
    """Return a loss of many steps of a small system, and its input."""
    x = gx.tensor("x", (steps,))

    def step(state: Any, element: gx.Expr) -> tuple[Any, gx.Expr]:
        first, second = state
        following = gx.sin(first * 0.9 + second) + element * A
        return (following, first), following * element

    (last, _), kept = gx.scan(step, (A, A * A), x, reverse=reverse, checkpoint=checkpoint)
    return last + kept.sum(), x


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("checkpoint", ["sqrt", 1, 3, 7, 50])
def test_checkpoints_change_no_value_and_no_gradient(checkpoint: str | int, reverse: bool) -> None:
    expected, x = checkpointed(23, "none", reverse)
    loss, _ = checkpointed(23, checkpoint, reverse)
    data = RANDOM.normal(size=23)
    plain, ours = (gx.compile([each, *gx.grad(each, [A, x])], inputs=[A, x])(0.7, data) for each in (expected, loss))
    for first, second in zip(plain, ours, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-14)


def largest_array(steps: int, checkpoint: str | int) -> int:
    """Return the elements of the largest array that value and gradient of a long loop need besides inputs."""
    start = gx.symbol("start")
    last, _ = gx.scan(lambda y, _: (gx.sin(y * 1.1), None), start, length=steps, checkpoint=checkpoint)
    (gradient,) = simplify([gx.grad(last, start)])
    kernel = make_kernel([gradient], [start], Record())
    return max(math.prod(buffer.shape) for buffer in kernel.buffers.values())


def test_memory_grows_as_the_square_root_of_the_steps_with_checkpoints() -> None:
    assert largest_array(10_000, "none") == 10_000
    assert largest_array(10_000, "sqrt") == 100
    assert largest_array(1_000_000, "sqrt") == 1_000


@pytest.mark.parametrize(("steps", "most"), [(400, 20), (10_000, 100)])
def test_gradients_of_what_every_step_uses_need_no_memory_for_every_step_with_checkpoints(
    steps: int, most: int
) -> None:
    last, _ = gx.scan(lambda h, _: (gx.tanh(h @ W + B), None), H, length=steps, checkpoint="sqrt")
    gradients = simplify([gx.grad((last * last).sum(), each) for each in (W, B, H)])
    kernel = make_kernel(gradients, [W, B, H], Record())
    assert max(math.prod(buffer.shape) for buffer in kernel.buffers.values()) == most * math.prod(H.shape)


def test_checkpoints_change_no_gradient_of_what_every_step_uses() -> None:
    def gradients(checkpoint: str) -> list[Any]:
        last, _ = gx.scan(lambda h, _: (gx.tanh(h @ W + B) * A, None), H, length=13, checkpoint=checkpoint)
        return gx.compile(gx.grad((last * last).sum(), [W, B, A, H]), inputs=[W, B, A, H])(
            *VALUES[1:2], *VALUES[3:4], VALUES[5], VALUES[4]
        )

    for plain, ours in zip(gradients("none"), gradients("sqrt"), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-11, atol=1e-13)


def test_a_million_steps_are_differentiated() -> None:
    start = gx.symbol("start")
    last, _ = gx.scan(lambda y, _: (gx.sin(y) + 0.1, None), start, length=1_000_000, checkpoint="sqrt")
    value, slope = gx.compile([last, gx.grad(last, start)], inputs=[start])(0.3)
    assert value == pytest.approx(np.sin(value) + 0.1)
    assert slope == pytest.approx(0.0, abs=1e-300)


@pytest.mark.parametrize("which", [0, 1, 2, 7])
def test_a_choice_has_the_derivatives_of_the_branch_taken(which: int) -> None:
    index = gx.symbol("index", dtype="int64")
    ways = [lambda h: gx.tanh(h @ W), lambda h: h * A, lambda h: gx.sin(h)]

    def step(state: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, gx.Expr]:
        state = gx.switch(index, ways, state)
        return state, gx.cond(element > 0, lambda: state.sum() * element, lambda: element * A)

    last, kept = gx.scan(step, H, B)
    loss = (last * last).sum() + kept.sum()
    state, total = VALUES[4], 0.0
    plain = [lambda h: np.tanh(h @ VALUES[1]), lambda h: h * VALUES[5], np.sin][min(which, 2)]
    for element in VALUES[3]:
        state = plain(state)
        total += state.sum() * element if element > 0 else element * VALUES[5]
    inputs = [*INPUTS, index]
    value = gx.compile(loss, inputs=inputs)(*VALUES, which)
    assert value == pytest.approx((state * state).sum() + total, rel=1e-12)
    for backend in ("cpu", "reference"):
        gradient = gx.compile(gx.grad(loss, INPUTS), inputs=inputs, backend=backend)(*VALUES, which)
        tangent = gx.compile(gx.jvp(loss, INPUTS, TANGENTS), inputs=[*inputs, *TANGENTS], backend=backend)
        assert tangent(*VALUES, which, *DIRECTION) == pytest.approx(along(gradient, DIRECTION), rel=1e-11)


def test_a_branch_that_is_not_taken_is_not_computed() -> None:
    root = gx.cond(A > 0, lambda: gx.sqrt(A), lambda: gx.sqrt(-A))
    slope = gx.compile(gx.grad(root, A), inputs=[A])
    assert (slope(4.0), slope(-4.0)) == (0.25, -0.25)
    assert "range(1)" in slope.source


def test_branches_that_differ_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"the false branch gives shape \(\), the true branch \(4,\)"):
        gx.cond(A > 0, lambda: B, lambda: A)
    with pytest.raises(DTypeError, match="the predicate must be a boolean scalar"):
        gx.cond(A, lambda: B, lambda: B)
