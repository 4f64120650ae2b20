"""Indexing by values: elements taken, written, sorted and summed by group, on both backends, with derivatives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from derivative_tools import assert_derivatives
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays_of

import graphc as gx
from graphc.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError, UnsupportedError

BACKENDS = ("cpu", "reference")
RANDOM = np.random.default_rng(0)
ROWS = np.array([0, -1, 2, 2])
X, V = gx.tensor("X", (5, 3)), gx.tensor("V", (4, 3))
TABLE, WORDS = gx.tensor("TABLE", ("words", "width")), gx.tensor("WORDS", ("batch", "time"), "int64")

UPDATES: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda x, v: x.at[ROWS].set(v),
    "set with slices": lambda x, v: x.at[1:, ROWS[:3]].set(v.reshape((4, 3))),
    "set at known places": lambda x, v: x.at[1, ::2].set(v[0, :2]),
    "add": lambda x, v: x.at[ROWS].add(v),
    "add in a window": lambda x, v: x.at[::-2, None, 1].add(v[:3, :1]),
    "multiply": lambda x, v: x.at[ROWS].multiply(v),
    "multiply some": lambda x, v: x.at[ROWS, 1].multiply(v[:, 0]),
    "multiply at distinct places": lambda x, v: x.at[1].multiply(v[0]),
    "max": lambda x, v: x.at[ROWS].max(v),
    "min": lambda x, v: x.at[ROWS].min(v),
    "set, others dropped": lambda x, v: x.at[ROWS + 3].set(v, mode="drop"),
    "add, others dropped": lambda x, v: x.at[ROWS + 3].add(v, mode="drop"),
    "max, others dropped": lambda x, v: x.at[ROWS + 3].max(v, mode="drop"),
    "take, others 0": lambda x, v: gx.take(x, ROWS + 3, axis=0, mode="fill") * v,
    "dynamic_slice": lambda x, v: gx.dynamic_slice(x, (ROWS[1], 1), (2, 2)) * v[0, 0],
    "dynamic_update_slice": lambda x, v: gx.dynamic_update_slice(x, v[:2, :2], (gx.constant(7), -2)),
    "segment_sum": lambda x, v: gx.segment_sum(v, ROWS + 1, 5) * x,
    "scatter_add": lambda x, v: gx.scatter_add((5, 3), ROWS, v) * x,
    "top_k": lambda x, v: gx.top_k(x, 2)[0] * v[0, 0],
    "sort descending": lambda x, v: gx.sort(x, axis=0, descending=True)[:4] * v,
    "pack_lower": lambda x, v: gx.pack_lower(v[:3]) * x[0, 0],
    "unpack_lower": lambda x, v: gx.unpack_lower(v.reshape((2, 6))) * x[0, 0],
    "one_hot": lambda x, v: v * (gx.one_hot(ROWS, 5) @ x),
}


def compiled(expression: Any, inputs: list[gx.Expr], *values: Any) -> list[Any]:
    """Return what each backend computes."""
    return [gx.compile(expression, inputs=inputs, backend=backend)(*values) for backend in BACKENDS]


@pytest.mark.parametrize("name", UPDATES)
def test_backends_agree_and_derivatives_to_second_order_are_those_of_differences(name: str) -> None:
    values = [RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(4, 3))]
    expression = UPDATES[name](X, V)
    np.testing.assert_array_equal(*compiled(expression, [X, V], *values))
    assert_derivatives(UPDATES[name], values)
    slopes = gx.grad(gx.sum(gx.sin(expression)), [X, V])
    assert_derivatives(lambda x, v: gx.substitute(slopes[0], {X: x, V: v}), values)
    assert_derivatives(lambda x, v: gx.substitute(slopes[1], {X: x, V: v}), values)
    again = gx.grad(gx.sum(slopes[0] * X) + gx.sum(slopes[1] * slopes[1]), V)
    cpu, reference = compiled(again, [X, V], *values)
    np.testing.assert_allclose(cpu, reference, rtol=1e-12, atol=1e-13)


def test_updates_are_those_of_numpy() -> None:
    x, v = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(4, 3))
    folds = {"add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}
    for name, fold in folds.items():
        expected = x.copy()
        fold.at(expected, ROWS, v)
        for found in compiled(UPDATES[name](X, V), [X, V], x, v):
            np.testing.assert_allclose(found, expected, rtol=1e-15)
    expected = x.copy()
    expected[ROWS] = v
    np.testing.assert_array_equal(expected, compiled(X.at[ROWS].set(V), [X, V], x, v)[0])
    np.testing.assert_array_equal(x[ROWS], compiled(X.at[ROWS].get(), [X], x)[0])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_indices_of_any_shape_read_and_add_as_numpy_does(data: st.DataObject) -> None:
    shape = data.draw(arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    dtype = data.draw(st.sampled_from(["float64", "float32"]))
    chosen = data.draw(
        arrays_of.integer_array_indices(shape, result_shape=arrays_of.array_shapes(min_dims=1, min_side=0))
    )
    count = data.draw(st.integers(1, len(shape)))
    index = tuple(data.draw(st.permutations(chosen))[:count]) if len(set(shape)) == 1 else chosen[:count]
    x = RANDOM.normal(size=shape).astype(dtype)
    inputs = [gx.tensor("x", shape, dtype), *(gx.tensor(f"i{n}", i.shape, "int64") for n, i in enumerate(index))]
    read = inputs[0][tuple(inputs[1:])]
    slope = gx.grad(gx.sum(read * read) / 2, inputs[0])
    expected = np.zeros_like(x)
    np.add.at(expected, index, x[index])
    for found in compiled((read, slope), inputs, x, *index):
        np.testing.assert_array_equal(found[0], x[index])
        np.testing.assert_allclose(found[1], expected, rtol=1e-6)


@pytest.mark.parametrize("jit", ["0", "1"])
@pytest.mark.parametrize("sizes", [(7, 3, 2, 4), (1, 1, 1, 1), (5, 0, 2, 2), (5, 2, 0, 3)])
def test_one_compilation_of_an_embedding_serves_all_sizes(
    sizes: tuple[int, ...], jit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHC_JIT", jit)
    words, width, batch, time = sizes
    table, index = RANDOM.normal(size=(words, width)), RANDOM.integers(-words, words, (batch, time))
    loss = gx.sum(TABLE[WORDS] ** 2)
    value, slope = gx.compile((loss, gx.grad(loss, TABLE)), inputs=[TABLE, WORDS])(table, index)
    expected = np.zeros_like(table)
    np.add.at(expected, index, 2 * table[index])
    assert value == pytest.approx((table[index] ** 2).sum(), abs=1e-12)
    np.testing.assert_allclose(slope, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64"])
def test_indices_are_of_any_integer_dtype(dtype: str) -> None:
    index = gx.tensor("i", (3,), dtype)
    for found in compiled(X[index, 1], [X, index], np.eye(5, 3), np.array([1, 0, 1], dtype)):
        np.testing.assert_array_equal(found, [1, 0, 1])


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "uint8", "bool"])
@pytest.mark.parametrize("size", [0, 1, 2, 16, 17, 1000])
def test_sorting_is_stable_and_puts_nan_last(dtype: str, size: int) -> None:
    values = RANDOM.integers(0, 9, size).astype(dtype)
    if dtype.startswith("float"):
        values[::5], values[1::7] = np.nan, -0.0
    x = gx.tensor("x", ("n",), dtype)
    both = (gx.argsort(x), gx.argsort(x, descending=True), gx.sort(x))
    for up, down, ordered in compiled(both, [x], values):
        np.testing.assert_array_equal(up, np.argsort(values, kind="stable"))
        np.testing.assert_array_equal(ordered, np.sort(values))
        np.testing.assert_array_equal(down, size - 1 - np.argsort(values[::-1], kind="stable")[::-1])


def test_top_k_of_equal_elements_takes_the_first() -> None:
    x = gx.tensor("x", (2, 5))
    values = np.array([[1.0, 3.0, 3.0, 0.0, 3.0], [np.nan, 1.0, 2.0, np.nan, 0.0]])
    for best, where in compiled(gx.top_k(x, 3), [x], values):
        np.testing.assert_array_equal(where, [[1, 2, 4], [0, 3, 2]])
        np.testing.assert_array_equal(best, np.take_along_axis(values, where, 1))


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted_is_numpys_with_equal_elements_and_nan(side: str) -> None:
    a, v = gx.tensor("a", ("n",)), gx.tensor("v", (2, 3))
    line, values = np.array([-1.0, 0.0, 0.0, 2.0, np.nan]), np.array([[0.0, -2.0, 5.0], [np.nan, 2.0, np.inf]])
    for given_line in (line, line[:0]):
        for found in compiled(gx.searchsorted(a, v, side), [a, v], given_line, values):
            np.testing.assert_array_equal(found, np.searchsorted(given_line, values, side))


def test_triangles_unpack_to_what_was_packed() -> None:
    x = RANDOM.normal(size=(2, 4, 4))
    node = gx.tensor("x", x.shape)
    packed, back = compiled((gx.pack_lower(node), gx.unpack_lower(gx.pack_lower(node))), [node], x)[0]
    np.testing.assert_array_equal(packed, x[(slice(None), *np.tril_indices(4))])
    np.testing.assert_array_equal(back, np.tril(x))
    assert gx.unpack_lower(gx.zeros((3, 0))).shape == (3, 0, 0)


def test_products_of_values_for_one_place_are_exact_with_zeros_to_second_order() -> None:
    v = gx.tensor("v", (3,))
    product = gx.ones(2).at[[1, 1, 0]].multiply(v)[1]
    hessian = gx.grad(gx.sum(gx.grad(product, v) * gx.constant([1.0, 3.0, 5.0])), v)
    for slope, second in compiled((gx.grad(product, v), hessian), [v], np.array([0.0, 0.0, 2.0])):
        np.testing.assert_array_equal(slope, [0, 0, 0])
        np.testing.assert_array_equal(second, [3, 1, 0])


def test_gradients_by_integers_are_refused() -> None:
    index = gx.tensor("i", (2,), "int64")
    with pytest.raises(gx.GraphcError, match="int64"):
        gx.grad(gx.sum(X[index]), index)


OUT_OF_RANGE: dict[str, Callable[[gx.Expr], gx.Expr]] = {
    "read": lambda i: X[i],
    "written": lambda i: X.at[i].add(1.0),
    "along an axis": lambda i: gx.take_along_axis(X, i[:, None], 0),
}


@pytest.mark.parametrize("options", [{"backend": "reference"}, {"debug": "index"}], ids=str)
@pytest.mark.parametrize("value", [5, -6])
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_an_index_out_of_range_is_an_error_where_it_is_looked_for(name: str, value: int, options: Any) -> None:
    index = gx.tensor("i", (2,), "int64")
    function = gx.compile(OUT_OF_RANGE[name](index), inputs=[X, index], **options)
    message = f"index {value} is out of range for axis 0 of size 5\n  at .*test_lookup"
    remedy = 'mode="drop" leaves out' if name == "written" else 'gx.take.*mode="clip"'
    with pytest.raises(OutOfRangeError, match=f"{message}.*\n.*{remedy}"):
        function(np.zeros((5, 3)), np.array([1, value]))


def test_native_code_reads_the_nearest_element_and_writes_nothing_out_of_range() -> None:
    index = gx.tensor("i", (3,), "int64")
    x = RANDOM.normal(size=(5, 3))
    both = (X[index], X.at[index].set(9.0), X.at[index].max(99.0))
    read, written, raised = gx.compile(both, inputs=[X, index])(x, np.array([70, -70, 1]))
    np.testing.assert_array_equal(read, x[[4, 0, 1]])
    for found, value in ((written, 9.0), (raised, 99.0)):
        expected = x.copy()
        expected[1] = value
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_index_is_in_range_of_nothing(backend: str) -> None:
    index = gx.tensor("i", ("m",), "int64")
    for looked_up in (TABLE[index], TABLE.at[index].add(1.0)):
        function = gx.compile(looked_up, inputs=[TABLE, index], backend=backend)
        assert function(np.zeros((0, 3)), np.zeros(0, int)).size == 0
        with pytest.raises(OutOfRangeError, match="size 0"):
            function(np.zeros((0, 3)), np.zeros(1, int))


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "mask": (lambda: X[X > 0], UnsupportedError, "gx.where"),
    "float index": (lambda: X[V[:, 0]], DTypeError, "integers, got float64"),
    "index in a list": (lambda: X[[0, 5]], OutOfRangeError, "index 5 is out of range for axis 0 of size 5"),
    "set to another dtype": (lambda: gx.tensor("n", 3, "int64").at[0].set(V[0, 0]), DTypeError, "float64 do not fit"),
    "values of another shape": (lambda: X.at[ROWS].set(gx.zeros((5, 3))), ShapeError, r"\(5, 3\) and \(4, 3\)"),
    "indices that do not broadcast": (lambda: X[ROWS, [0, 1]], ShapeError, "do not broadcast"),
    "sum of truths": (lambda: (X > 0).at[0].add(True), DTypeError, "add of bool"),
    "slice too large": (
        lambda: gx.dynamic_slice(X, (0, 0), (6, 3)),
        ShapeError,
        r"\(6, 3\) does not fit into \(5, 3\)",
    ),
    "starts": (lambda: gx.dynamic_slice(X, (0,), (6, 3)), ShapeError, "1 start"),
    "mode": (lambda: gx.take(X, 0, mode="any"), ArgumentError, "'any'"),
    "mode of an update": (lambda: X.at[0].set(0, mode="clip"), ArgumentError, "'clip'"),
    "dimensions along an axis": (lambda: gx.take_along_axis(X, [0], 0), ShapeError, r"shape \(1,\) for an array"),
    "segments": (lambda: gx.segment_sum(X, ROWS, 3), ShapeError, r"\(5, 3\) and numbers of shape \(4,\)"),
    "scattered values": (lambda: gx.scatter_add((3,), ROWS, X), ShapeError, r"\(4,\) expected, got \(5, 3\)"),
    "k": (lambda: gx.top_k(X, 4), ShapeError, "its last axis has 3"),
    "fraction of elements": (lambda: gx.top_k(X, 1.5), ArgumentError, "an integer expected, got 1.5"),
    "side": (lambda: gx.searchsorted(X[0], 1.0, "middle"), ArgumentError, "middle"),
    "searched matrix": (lambda: gx.searchsorted(X, 1.0), ShapeError, "one dimension"),
    "kind of sorting": (lambda: gx.sort(X, kind="heapsort"), UnsupportedError, "heapsort"),
    "packed size": (lambda: gx.unpack_lower(gx.zeros(5)), ShapeError, "elements on the last axis"),
    "packed shape": (lambda: gx.pack_lower(X), ShapeError, "square"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong_and_where(name: str) -> None:
    build, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text) as caught:
        build()
    assert "test_lookup.py" in str(caught.value)


def test_look_ups_print_as_they_are_written_and_survive_pickling() -> None:
    index = gx.tensor("i", (2,), "int64")
    assert repr(X[index, 1:]) == "X[i, 1:]"
    assert repr(X[1, index]) == "X[1, i]"
    updated = X.at[index].add(1.0)
    assert pickle.loads(pickle.dumps(updated)) is updated


WEIGHTS, STATE = gx.tensor("WEIGHTS", (6, 4, 4)), gx.tensor("STATE", (4,))


def layers(i: gx.Expr, state: gx.Expr) -> gx.Expr:
    return gx.tanh(state @ WEIGHTS[i] + WEIGHTS[i, 0]).at[i % 4].add(state[-1])


def test_a_loop_indexes_at_its_own_index_with_derivatives_to_second_order() -> None:
    loss = gx.sum(gx.fori_loop(0, 6, layers, STATE) ** 2)
    inputs = [WEIGHTS, STATE]
    values = [RANDOM.normal(size=node.shape) for node in inputs]
    slopes = gx.grad(loss, inputs)
    both = (loss, *slopes, gx.grad(gx.sum(slopes[0] ** 2), STATE))
    for found, expected in zip(*compiled(both, inputs, *values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    assert_derivatives(lambda w, s: gx.substitute(loss, {WEIGHTS: w, STATE: s}), values)
    assert_derivatives(lambda w, s: gx.substitute(slopes[0], {WEIGHTS: w, STATE: s}), values)


def test_a_check_goes_through_arrays_of_indices() -> None:
    packed, chosen = gx.tensor("packed", (6,)), gx.tensor("chosen", (2,), "int64")
    matrix = gx.unpack_lower(packed)
    at = {"packed": np.linspace(0.1, 0.6, 6), "chosen": np.array([3, 3])}
    for loss, point in ((gx.sum(gx.exp(matrix) * matrix), None), (gx.sum(gx.sin(packed[chosen])), at)):
        report = gx.check_grad(loss, packed, at=point, points=1)
        compared = {method.name: method.compared for method in report.methods}
        assert report.ok
        assert compared["complex"] == compared["forward"] > 0


@pytest.mark.parametrize("rest", [(), (slice(None, None, 2),), (np.array([1, 0, 1]),)], ids=["alone", "slice", "array"])
@pytest.mark.parametrize("mask", [[True, False, True, True], np.array([False] * 4)], ids=["some", "none"])
def test_a_mask_that_is_known_selects_what_numpy_selects(mask, rest) -> None:
    if rest and isinstance(rest[0], np.ndarray) and not np.any(mask):
        rest = (np.array([], int),)
    values = np.arange(12.0).reshape(4, 3)
    x = gx.tensor("x", (4, 3))
    expected = values[(np.asarray(mask), *rest)]
    found = gx.compile([x[(mask, *rest)], gx.grad(gx.sum(x[(mask, *rest)] ** 2), x)], [x])(values)
    np.testing.assert_array_equal(found[0], expected)
    slopes = np.zeros((4, 3))
    np.add.at(slopes, (np.asarray(mask), *rest), 2 * expected)
    np.testing.assert_array_equal(found[1], slopes)


def test_a_mask_of_several_axes_selects_and_sets() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    mask = values[0] % 5 < 2
    x = gx.tensor("x", (2, 3, 4))
    found = gx.compile([x[..., mask], x.at[:, mask].set(-1.0)], [x])(values)
    changed = values.copy()
    changed[:, mask] = -1
    np.testing.assert_array_equal(found[0], values[..., mask])
    np.testing.assert_array_equal(found[1], changed)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"a mask of shape \(3,\) for axes of shape \(4,\)"):
        gx.tensor("x", (4, 3))[[True, False, True]]
