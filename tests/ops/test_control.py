"""Loops in the graph: `scan`, `fori_loop` and `map` against Python's loops."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.errors import ArgumentError, DTypeError, ShapeError

BACKENDS = ("cpu", "reference")
RANDOM = np.random.default_rng(0)


def recurrent(x: gx.Expr, weights: gx.Expr, scale: gx.Expr, reverse: bool = False) -> tuple[gx.Expr, Any]:
    def step(state: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, Any]:
        state = gx.tanh(state @ weights + element * scale)
        return state, {"sum": state.sum(), "twice": state * 2}

    return gx.scan(step, gx.zeros((4,)), x, reverse=reverse)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_scan_is_the_loop_it_says(backend: str, reverse: bool, steps: int) -> None:
    x, weights, scale = gx.tensor("x", ("time", 4)), gx.tensor("weights", (4, 4)), gx.symbol("scale")
    function = gx.compile(recurrent(x, weights, scale, reverse), inputs=[x, weights, scale], backend=backend)
    data, matrix = RANDOM.normal(size=(steps, 4)), RANDOM.normal(size=(4, 4))
    last, kept = function(data, matrix, 0.3)
    state, sums, twice = np.zeros(4), np.zeros(steps), np.zeros((steps, 4))
    for place in reversed(range(steps)) if reverse else range(steps):
        state = np.tanh(state @ matrix + data[place] * 0.3)
        sums[place], twice[place] = state.sum(), state * 2
    np.testing.assert_allclose(last, state, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(kept["sum"], sums, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(kept["twice"], twice, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_carries_are_all_read_before_any_is_written(backend: str) -> None:
    pair = gx.fori_loop(0, 10, lambda i, c: (c[1], c[0] + c[1]), (gx.constant(0), gx.constant(1)))
    assert gx.compile(pair, inputs=[], backend=backend)() == (55, 89)
    x = gx.tensor("x", (3,))
    swapped = gx.fori_loop(0, 3, lambda i, c: (c[1], c[0] * 2), (x, x + 1))
    first, second = gx.compile(swapped, backend=backend)(np.arange(3.0))
    np.testing.assert_array_equal(first, 2 * np.arange(1.0, 4.0))
    np.testing.assert_array_equal(second, 4 * np.arange(3.0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loop_runs_inside_a_loop_and_sees_the_outer_index(backend: str) -> None:
    a = gx.symbol("a")

    def outer(i: gx.Expr, total: gx.Expr) -> gx.Expr:
        return gx.fori_loop(0, 3, lambda j, inner: inner + a * i + j, total)

    expected = sum(0.5 * i + j for i in range(4) for j in range(3))
    assert gx.compile(gx.fori_loop(0, 4, outer, gx.constant(0.0)), backend=backend)(0.5) == expected


@pytest.mark.parametrize("backend", BACKENDS)
def test_map_stacks_what_a_function_gives_for_each_element(backend: str) -> None:
    x, y = gx.tensor("x", ("batch", 3)), gx.tensor("y", ("batch",))
    function = gx.compile(gx.map(lambda e: (e[0] * e[1]).sum(), (x, y)), inputs=[x, y], backend=backend)
    data, factors = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=5)
    np.testing.assert_allclose(function(data, factors), (data * factors[:, None]).sum(axis=1), rtol=1e-13)


def test_the_carry_of_a_compiled_scan_is_written_in_place() -> None:
    x = gx.tensor("x", ("time", 4))
    last, _ = gx.scan(lambda carry, e: (gx.tanh(carry + e), None), gx.zeros((4,)), x)
    assert "  workspace" not in gx.compile(last).explain()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_old_carry_read_late_is_not_overwritten_early(backend: str) -> None:
    a, b = gx.tensor("a", (3, 3)), gx.tensor("b", (3,))

    def body(i: gx.Expr, carry: Any) -> Any:
        weights, state = carry
        following = gx.tanh(weights @ state)
        return weights - 0.1 * gx.outer(following, state), weights.sum() * 0.01 + following

    matrix, start = RANDOM.normal(size=(3, 3)), RANDOM.normal(size=3)
    got = gx.compile(gx.fori_loop(0, 4, body, (a, b)), inputs=[a, b], backend=backend)(matrix, start)
    for _ in range(4):
        following = np.tanh(matrix @ start)
        matrix, start = matrix - 0.1 * np.outer(following, start), matrix.sum() * 0.01 + following
    np.testing.assert_allclose(got[0], matrix, rtol=1e-12)
    np.testing.assert_allclose(got[1], start, rtol=1e-12)


def test_equal_loops_are_one_node() -> None:
    x = gx.tensor("x", ("time",))
    first, second = (gx.scan(lambda c, e: (c * e, None), 1.0, x)[0] for _ in range(2))
    assert first is second


def test_a_scan_is_pickled_with_its_body() -> None:
    x = gx.tensor("x", ("time",))
    last, _ = gx.scan(lambda c, e: (c + gx.sin(e), None), 0.0, x)
    assert pickle.loads(pickle.dumps(last)) is last


def test_a_carry_that_changes_is_refused_with_the_remedy() -> None:
    x = gx.tensor("x", ("time", 3))
    with pytest.raises(ShapeError, match=r"the carry begins with shape \(\) and becomes one of shape \(3,\)"):
        gx.scan(lambda c, e: (c + e, None), 0.0, x)
    with pytest.raises(DTypeError, match="the carry begins as int64 and becomes float64"):
        gx.scan(lambda c, e: (c + e.sum(), None), gx.constant(0), x)
    with pytest.raises(ArgumentError, match="the carry begins with the structure"):
        gx.scan(lambda c, e: ((c, c), None), 0.0, x)
    with pytest.raises(ArgumentError, match="must return a pair"):
        gx.scan(lambda c, e: c, 0.0, x)
    with pytest.raises(ArgumentError, match="nothing tells the number of steps"):
        gx.scan(lambda c, e: (c, None), 0.0)
    with pytest.raises(ShapeError, match="the lengths differ: time, other"):
        gx.scan(lambda c, e: (c, None), 0.0, (x, gx.tensor("y", ("other",))))


@pytest.mark.parametrize(("lower", "upper", "expected"), [(3, 1, 0), (2, 2, 0), (-2, 2, -2), (-5, -3, -9)])
def test_the_bounds_of_a_counted_loop_are_any_integers(lower: int, upper: int, expected: int) -> None:
    total = gx.fori_loop(lower, upper, lambda i, y: y + i, gx.constant(0))
    assert gx.compile(total, inputs=[])() == expected
    ends = gx.symbol("lower", dtype="int64"), gx.symbol("upper", dtype="int64")
    open_total = gx.fori_loop(*ends, lambda i, y: y + i, gx.constant(0))
    assert gx.compile(open_total, inputs=list(ends))(lower, upper) == expected


def test_the_bounds_of_a_counted_loop_are_integers_or_refused() -> None:
    x, end = gx.symbol("x"), gx.symbol("end", dtype="int32")
    doubled = gx.fori_loop(np.int64(-2), end, lambda i, y: 2 * y, x)
    assert gx.compile(doubled, inputs=[x, end])(1.5, 1) == 12.0
    assert gx.compile(gx.fori_loop(np.int64(-2), np.int64(1), lambda i, y: 2 * y, x))(1.5) == 12.0
    with pytest.raises(DTypeError, match=r"a bound must be an integer scalar, got float64 of shape \(\)"):
        gx.fori_loop(0, x, lambda i, y: 2 * y, x)
    with pytest.raises(DTypeError, match=r"a bound must be an integer scalar, got int64 of shape \(2,\)"):
        gx.fori_loop(0, gx.tensor("ends", (2,), "int64"), lambda i, y: 2 * y, x)


def test_what_a_loop_gives_its_body_is_refused_outside_with_the_line_of_the_loop() -> None:
    kept: list[gx.Expr] = []
    x = gx.tensor("x", ("time",))

    def body(carry: gx.Expr, element: gx.Expr) -> tuple[gx.Expr, None]:
        kept.append(carry * element)
        return carry + element, None

    last, _ = gx.scan(body, 0.0, x)
    for wrong in (kept[0] + last, gx.scan(lambda c, e: (c + kept[0] * e, None), 0.0, x)[0]):
        with pytest.raises(
            ArgumentError, match=r"outside of the loop's body[\s\S]*test_control.py[\s\S]*return it from"
        ):
            gx.compile(wrong, inputs=[x])


def test_a_choice_of_values_or_by_an_array_is_refused_with_the_remedy() -> None:
    x, y = gx.symbol("x"), gx.tensor("y", (3,))
    with pytest.raises(ArgumentError, match=r"the true branch: a function expected, got x[\s\S]*gx\.where"):
        gx.cond(x > 0, x, lambda: x)
    with pytest.raises(DTypeError, match=r"cond: the predicate must be .* bool of shape \(3,\)[\s\S]*gx\.where"):
        gx.cond(y > 0, lambda: x, lambda: -x)


def test_a_dimension_that_no_input_has_is_named_with_the_line_that_uses_it() -> None:
    steps, _ = gx.scan(lambda carry, _: (carry + 1, None), 0, length="steps")
    with pytest.raises(ArgumentError, match=r"dimension 'steps' cannot be told[\s\S]*test_control.py"):
        gx.compile(steps, inputs=[])()
