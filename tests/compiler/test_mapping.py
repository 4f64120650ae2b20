"""`vmap` of Python functions: axes, trees, nesting, derivatives, errors with the user's line, one loop."""

from __future__ import annotations

import re
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import graphc as gx
from graphc.errors import ArgumentError, GraphcError, ShapeError
from graphc.kernel.columns import DISTANCE

Point = namedtuple("Point", "x y")
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("out", [0, 1, -1, -2])
def test_items_are_taken_from_any_axis_and_put_on_any(axis: int, out: int) -> None:
    x = RANDOM.normal(size=(3, 4, 5))
    result = gx.vmap(lambda item: gx.sin(item), axis, out)(x)
    np.testing.assert_allclose(result, np.moveaxis(np.sin(x), axis, out), rtol=1e-14)


def test_arguments_with_axis_none_are_used_whole_for_every_item() -> None:
    matrix, vectors = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(5, 3))
    np.testing.assert_allclose(gx.vmap(gx.matmul, (None, 0))(matrix, vectors), vectors @ matrix.T)
    np.testing.assert_allclose(gx.vmap(gx.matmul, [None, 1], 1)(matrix, vectors.T), matrix @ vectors.T)


def test_nested_maps_make_tables() -> None:
    x, y = np.arange(3.0), np.arange(4.0)
    table = gx.vmap(gx.vmap(gx.multiply, (None, 0)), (0, None))(x, y)
    np.testing.assert_array_equal(table, np.outer(x, y))
    table = gx.vmap(lambda a: gx.vmap(lambda b: a - b)(y))(x)
    np.testing.assert_array_equal(table, x[:, None] - y)


def test_trees_go_in_and_out_with_axes_for_each_part() -> None:
    f = lambda p, scale: {"sum": p.x + p.y * scale, "scale": scale}
    axes = (Point(0, None), None)
    result = gx.vmap(f, axes, {"sum": 0, "scale": None})(Point(np.arange(3.0), 10.0), 2.0)
    np.testing.assert_array_equal(result["sum"], [20, 21, 22])
    assert result["scale"] == 2


def test_keyword_arguments_have_their_items_first() -> None:
    result = gx.vmap(lambda x, *, y: x * y, None)(2.0, y=np.arange(3.0))
    np.testing.assert_array_equal(result, [0, 2, 4])


def test_what_does_not_differ_is_repeated() -> None:
    np.testing.assert_array_equal(gx.vmap(lambda x: gx.constant(7.0))(np.zeros(3)), [7, 7, 7])


def test_expressions_with_named_dimensions_give_expressions() -> None:
    x = gx.tensor("x", ("batch", 3))
    norms = gx.vmap(lambda row: gx.norm(row))(x)
    assert norms.shape == ("batch",) or str(norms.shape[0]) == "batch"
    value = RANDOM.normal(size=(7, 3))
    np.testing.assert_allclose(gx.compile(norms)(value), np.linalg.norm(value, axis=1))


def test_maps_of_gradients_and_gradients_of_maps() -> None:
    f = lambda w, x: gx.tanh(w @ x).sum()
    w, x = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(5, 3))
    each = gx.vmap(gx.grad(f), (None, 0))(w, x)
    expected = np.stack([gx.grad(f)(w, row) for row in x])
    np.testing.assert_allclose(each, expected, rtol=1e-13)
    whole = gx.grad(lambda w: gx.vmap(f, (None, 0))(w, x).sum())(w)
    np.testing.assert_allclose(whole, expected.sum(0), rtol=1e-13)


def test_a_map_inside_a_loop_is_differentiated() -> None:
    x = RANDOM.normal(size=(3,))

    def by_map(a: Any) -> Any:
        return gx.scan(lambda c, e: (gx.vmap(lambda u: gx.sin(u * a) + e)(c), None), gx.constant(x), np.arange(4.0))[0]

    def by_hand(a: Any) -> Any:
        return gx.scan(lambda c, e: (gx.sin(c * a) + e, None), gx.constant(x), np.arange(4.0))[0]

    found, expected = (gx.value_and_grad(lambda a, f=f: f(a).sum())(0.7) for f in (by_map, by_hand))
    assert found == pytest.approx(expected, rel=1e-14)


def square_root(a: Any) -> Any:
    """Return a root by Newton's method: as many steps as the number needs."""
    return gx.while_loop(lambda x: abs(x * x - a) > 1e-12 * a, lambda x: 0.5 * (x + a / x), a + 1.0)


def powered(x: Any, n: Any) -> Any:
    """Return a power by as many products."""
    return gx.fori_loop(0, n, lambda _, y: y * x, 1.0 * x)


def test_loops_that_stop_by_themselves_run_until_the_last_item_stops() -> None:
    a, n = np.array([0.5, 2.0, 9.0, 1e4]), np.array([0, 1, 2, 3])
    np.testing.assert_allclose(gx.vmap(square_root)(a), np.sqrt(a), rtol=1e-12)
    np.testing.assert_allclose(gx.vmap(gx.grad(square_root))(a), 0.5 / np.sqrt(a), rtol=1e-9)
    np.testing.assert_allclose(gx.grad(lambda a: gx.vmap(square_root)(a).sum())(a), 0.5 / np.sqrt(a), rtol=1e-9)
    np.testing.assert_allclose(gx.vmap(powered)(a, n), a ** (n + 1))
    np.testing.assert_allclose(gx.vmap(gx.grad(powered))(a, n), (n + 1) * a**n)
    np.testing.assert_allclose(gx.vmap(gx.grad(powered), (None, 0))(3.0, n), (n + 1) * 3.0**n)
    np.testing.assert_allclose(gx.vmap(gx.hessian(powered))(a, n), (n + 1) * n * a ** (n - 1.0))
    np.testing.assert_allclose(gx.vmap(powered, (0, None))(a, 2), a**3)


def test_choices_are_made_for_each_item_or_once_for_all() -> None:
    choose = lambda x, y: gx.cond(x > 0, lambda y: gx.sqrt(y * x), lambda y: y**2 * x, y)
    x, y = np.array([1.0, -1.0, 4.0]), np.array([1.0, 2.0, 3.0])
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(gx.vmap(choose)(x, y), np.where(x > 0, np.sqrt(y * x), y**2 * x))
    slopes = gx.vmap(gx.grad(choose, argnums=1))(x, y)
    np.testing.assert_allclose(slopes, [gx.grad(choose, argnums=1)(*each) for each in zip(x, y, strict=True)])
    for each in x:
        once = gx.vmap(gx.value_and_grad(choose, argnums=1), (None, 0))(each, y)
        alone = [gx.value_and_grad(choose, argnums=1)(each, other) for other in y]
        np.testing.assert_allclose(np.transpose(once), alone)


def test_an_inner_function_of_numbers_may_capture_the_state_of_a_loop() -> None:
    result = gx.scan(lambda c, _: (gx.grad(lambda y: c * y * y)(3.0), None), gx.constant(1.0), length=3)[0]
    assert gx.compile(result)() == 6**3


def test_the_function_is_traced_once_for_each_shape() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(x.shape)
        return x * 2

    mapped = gx.vmap(f)
    for count in (2, 2, 3):
        mapped(np.ones((count, 4)))
    assert calls == [(4,), (4,)]
    assert mapped.__name__ == "f"


def rotated(vector: Any, point: Any) -> Any:
    """Return a point rotated by a rotation vector, by Rodrigues' formula."""
    angle = gx.norm(vector)
    x, y, z = (vector[axis] / angle for axis in range(3))
    zero = gx.zeros_like(x)
    cross = gx.stack([gx.stack([zero, -z, y]), gx.stack([z, zero, -x]), gx.stack([-y, x, zero])])
    matrix = gx.eye(3) + gx.sin(angle) * cross + (1 - gx.cos(angle)) * (cross @ cross)
    return matrix @ point


def test_a_small_function_becomes_one_loop_that_computes_with_memory_for_a_block_of_items_only() -> None:
    vectors, points = gx.tensor("vectors", ("n", 3)), gx.tensor("points", ("n", 3))
    function = gx.compile(gx.vmap(rotated)(vectors, points), inputs=[vectors, points])
    a, b = RANDOM.normal(size=(100_000, 3)), RANDOM.normal(size=(100_000, 3))
    np.testing.assert_allclose(function(a, b), Rotation.from_rotvec(a).apply(b), rtol=1e-9, atol=1e-12)
    text = function.explain()
    loops = re.findall(r"^ +loops over .*: fuses (.*); reads", text, re.MULTILINE)
    assert len([fused for fused in loops if fused != "copies"]) == 1
    workspaces = re.findall(r"^  workspace .*, (.*) elements", text, re.MULTILINE)
    assert sum(map(int, workspaces)) <= (6 + 3) * DISTANCE


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gx.vmap(lambda x: x, 1)(np.ones(3)), ShapeError, "no axis 1"),
        (lambda: gx.vmap(lambda x: x)(3.0), ShapeError, "no axis 0"),
        (lambda: gx.vmap(lambda x, y: x)(np.ones(3), np.ones(4)), ShapeError, "numbers of items differ: 3 .* 4 "),
        (lambda: gx.vmap(lambda x: x, None)(1.0), ArgumentError, "no argument has items"),
        (lambda: gx.vmap(lambda x, y: x, (0,))(np.ones(3), 1.0), ArgumentError, "in_axes has 1 entries"),
        (lambda: gx.vmap(lambda x: x["a"], ({"b": 0},))({"a": np.ones(3)}), ArgumentError, "does not fit"),
        (lambda: gx.vmap(lambda x: x, 0, None)(np.ones(3)), ArgumentError, "out_axes is None"),
        (lambda: gx.vmap(lambda x: x, 0, 2)(np.ones(3)), ShapeError, "out_axes 2"),
        (lambda: gx.vmap(3), ArgumentError, "a function expected"),
    ],
)
def test_errors_name_the_users_line(call: Any, error: type[GraphcError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert "test_mapping.py" in str(caught.value)
