"""Reductions at their edges: ties, zeros, infinities, nothing to reduce; and derivatives of derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivative_tools import assert_derivatives, gradients, make_symbols, value_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import special

import graphc.ops  # noqa: F401
from graphc.autodiff.reverse import adjoints
from graphc.autodiff.transforms import jvp
from graphc.backends.reference import evaluate
from graphc.errors import ShapeError, UnsupportedError
from graphc.graph.leaf import symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.table import OPERATIONS, apply
from graphc.graph.walk import topological_order
from graphc.ops.reduction_row import ReductionOperation

INF, NAN = np.inf, np.nan


def gradient(function: Callable[..., Any], value: Any) -> list[Any]:
    """Return the gradient of the sum of a function's result at a value."""
    array = np.asarray(value, dtype=float)
    (x,) = make_symbols([array])
    output = function(x)
    result: list[Any] = gradients(output, [x], np.ones(output.shape), [array])[0].tolist()
    return result


def reduce_with(name: str) -> Callable[..., Any]:
    return lambda x, **options: apply(name, x, **options)


SMOOTH = ["sum", "mean", "prod", "max", "min", "var", "norm", "logsumexp"]


@pytest.mark.parametrize("name", SMOOTH)
@given(data=st.data())
def test_derivatives_for_any_shape_and_axes(name: str, data: st.DataObject) -> None:
    least = 1 if name in ("max", "min", "var", "mean", "norm", "logsumexp") else 0
    shape = data.draw(array_shapes(min_dims=1, max_dims=3, min_side=least, max_side=3))
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1))))
    value = np.random.default_rng(5).permutation(np.linspace(-2.0, 2.0, int(np.prod(shape)) + 1)[1:]).reshape(shape)
    keepdims = data.draw(st.booleans())
    if name == "norm" and np.min(np.sqrt(np.sum(value * value, axis=axes)), initial=1.0) < 0.1:
        value = value + 3.0
    assert_derivatives(lambda x: apply(name, x, axis=axes, keepdims=keepdims), [value])


@pytest.mark.parametrize("name", [*SMOOTH, "cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_keeps_the_dtype(name: str, dtype: str) -> None:
    x = symbol("x", (2, 3), dtype)
    output = apply(name, x)
    assert output.dtype == dtype
    adjoint = symbol("adjoint", output.shape, dtype)
    assert adjoints({output: adjoint}, [x])[x].dtype == dtype


@pytest.mark.parametrize("name", ["prod", "logsumexp", "norm", "cumprod", "var"])
def test_gradient_of_the_gradient(name: str) -> None:
    value = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])

    def first(x: Expr) -> Expr:
        output = apply(name, x, axis=1)
        seed = apply("cumsum", apply("ones_like", output), 0)
        return adjoints({output: seed}, [x])[x]

    assert_derivatives(first, [value])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([0.0, 3.0, 4.0], [12.0, 0.0, 0.0]),
        ([0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
        ([5.0], [1.0]),
        ([0.0], [1.0]),
        ([], []),
    ],
)
def test_product_with_zeros_has_the_exact_gradient(values: list[float], expected: list[float]) -> None:
    assert gradient(reduce_with("prod"), values) == expected


def test_second_derivative_of_a_product_with_two_zeros_is_exact() -> None:
    x = symbol("x", (3,))
    value = np.array([0.0, 0.0, 5.0])
    (first,) = (adjoints({apply("prod", x): apply("ones_like", x[0])}, [x])[x],)
    mixed = adjoints({first[0]: apply("ones_like", x[0])}, [x])[x]
    assert evaluate([mixed], {x: value})[0].tolist() == [0.0, 5.0, 0.0]


def test_ties_of_max_and_min_share_evenly() -> None:
    assert gradient(reduce_with("max"), [1.0, 3.0, 3.0, 2.0]) == [0.0, 0.5, 0.5, 0.0]
    assert gradient(reduce_with("min"), [[1.0, 1.0], [1.0, 1.0]]) == [[0.25, 0.25], [0.25, 0.25]]


def test_norm_and_std_have_derivative_zero_where_they_are_zero() -> None:
    assert gradient(reduce_with("norm"), [0.0, 0.0]) == [0.0, 0.0]
    assert gradient(reduce_with("std"), [2.0, 2.0, 2.0]) == [0.0, 0.0, 0.0]
    assert gradient(lambda x: apply("norm", x, axis=1), [[0.0, 0.0], [3.0, 4.0]]) == [[0.0, 0.0], [0.6, 0.8]]


@pytest.mark.parametrize("order", [None, 1, 1.5, 2, 3, 7, np.inf])
def test_norms_of_every_order_have_derivative_zero_at_zero_in_both_modes(order: Any) -> None:
    function = lambda x: np.linalg.norm(x, order)
    point = np.zeros(3)
    assert gradient(function, point) == [0.0, 0.0, 0.0]
    x = symbol("x", (3,))
    assert evaluate([jvp(function(x), x, np.ones(3))], {x: point})[0] == 0.0


@pytest.mark.parametrize("order", [-2, -1, 1.5, 3])
@pytest.mark.parametrize("point", [[0.0, 0.0, 0.0], [0.0, 1.0, -2.0], [np.nan, 1.0, 0.0], [np.inf, 0.0, 1.0]])
def test_norms_of_any_order_are_numpys(order: float, point: list[float]) -> None:
    with np.errstate(all="ignore"):
        expected = np.linalg.norm(np.array(point), order)
        found = value_of(lambda x: np.linalg.norm(x, order), [np.array(point)])
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_gradient_of_norm_at_zero_differentiates_again() -> None:
    x = symbol("x", (2,))
    output = apply("norm", x)
    first = adjoints({output: apply("ones_like", output)}, [x])[x]
    second = adjoints({first: apply("ones_like", first)}, [x])[x]
    assert np.isfinite(evaluate([second], {x: np.zeros(2)})[0]).all()


def test_logsumexp_at_infinities() -> None:
    rows = np.array([[-INF, -INF], [-INF, 1.0], [INF, 0.0], [1000.0, 1000.0], [-1000.0, -1001.0]])
    x = symbol("x", rows.shape)
    found = evaluate([apply("logsumexp", x, axis=1)], {x: rows})[0]
    np.testing.assert_allclose(found, special.logsumexp(rows, axis=1), rtol=1e-15)
    assert gradient(reduce_with("logsumexp"), [-INF, -INF]) == [0.0, 0.0]
    assert gradient(reduce_with("logsumexp"), [-INF, 1.0]) == [0.0, 1.0]
    assert gradient(reduce_with("logsumexp"), [1000.0, 1000.0]) == [0.5, 0.5]


def test_masked_row_of_logsumexp_keeps_the_other_gradients() -> None:
    found = gradient(lambda x: apply("logsumexp", apply("where", x > 0, x, -INF), axis=1), [[-1.0, -2.0], [3.0, -1.0]])
    assert found == [[0.0, 0.0], [1.0, 0.0]]


def test_what_is_taken_out_for_stability_has_no_derivative() -> None:
    x = symbol("x", (2, 3))
    output = apply("logsumexp", x, axis=1)
    gradient = adjoints({output: apply("ones_like", output)}, [x])[x]
    second = adjoints({gradient: apply("ones_like", gradient)}, [x])[x]
    comparisons = [node for node in topological_order([second]) if node.op.name == "equal"]
    assert all(node.shape != x.shape for node in comparisons)


def test_row_that_where_leaves_out_adds_nothing_even_if_its_derivative_is_nan() -> None:
    def chosen(x: Expr) -> Expr:
        return apply("where", np.array([False, True]), apply("max", x, axis=1), 0.0)

    assert gradient(chosen, [[NAN, 1.0], [1.0, 2.0]]) == [[0.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_nan_goes_through_as_in_numpy(name: str) -> None:
    value = np.array([[1.0, NAN, 3.0], [2.0, 2.0, 1.0], [NAN, 5.0, NAN]])
    found = value_of(lambda x: apply(name, x, axis=1), [value])
    np.testing.assert_array_equal(found, getattr(np, name)(value, axis=1))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_nothing_to_choose_from_is_an_error(name: str) -> None:
    with pytest.raises(ShapeError, match=r"no elements to reduce in shape \(3, 0\)"):
        apply(name, symbol("x", (3, 0)), axis=1)
    x = tensor("x", ("n", 2))
    with pytest.raises(ValueError, match=r"empty sequence|zero-size array"):
        evaluate([apply(name, x, axis=0)], {x: np.zeros((0, 2))})


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dtype", ["float64", "int32", "uint8"])
def test_extremes_of_chosen_elements(name: str, dtype: str) -> None:
    value = np.array([[5, 1, 7], [2, 9, 3]]).astype(dtype)
    chosen = np.array([[True, True, False], [True, False, True]])
    found = value_of(lambda x: apply(name, x, axis=1, where=chosen), [value])
    assert found.tolist() == {"max": [5, 3], "min": [1, 2]}[name]


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint8", "uint64", "float32"])
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "cumsum", "cumprod", "max", "any", "all", "argmin", "var"])
def test_dtype_is_numpys(name: str, dtype: str) -> None:
    value = np.array([1, 0, 1]).astype(dtype)
    expected = getattr(np, name)(value)
    found = value_of(reduce_with(name), [value])
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_sum_in_a_chosen_dtype() -> None:
    assert apply("sum", symbol("x", (3,), "float32"), dtype="float64").dtype == "float64"
    assert apply("cumsum", symbol("k", (3,), "int8"), dtype="int8").dtype == "int8"


def test_mean_over_an_open_dimension_divides_by_its_size() -> None:
    x = tensor("x", ("n", 2), "float32")
    outputs = [apply("mean", x), apply("var", x, axis=0, ddof=1), x / x.shape[0]]
    assert [output.dtype for output in outputs] == ["float32"] * 3
    value = np.arange(6, dtype="float32").reshape(3, 2)
    found = evaluate(outputs, {x: value})
    assert found[0] == 2.5
    np.testing.assert_array_equal(found[1], np.var(value, axis=0, ddof=1))
    np.testing.assert_array_equal(found[2], value / np.float32(3))


def test_too_few_elements_for_ddof_give_what_numpy_gives() -> None:
    assert np.isinf(value_of(lambda x: apply("mean", x * 0 + 1.0) / 0.0, [np.ones(2)]))
    assert np.isnan(value_of(lambda x: apply("var", x, ddof=1), [np.ones(1)]))
    assert np.isnan(value_of(reduce_with("mean"), [np.zeros(0)]))


@pytest.mark.parametrize("reverse", [False, True])
@given(length=st.integers(0, 4))
def test_linear_recurrence_runs_and_differentiates(reverse: bool, length: int) -> None:
    generator = np.random.default_rng(length)
    a, b = generator.standard_normal((2, length, 2))
    order = range(length)[::-1] if reverse else range(length)
    expected, kept = np.zeros_like(b), np.zeros(2)
    for i in order:
        kept = a[i] * kept + b[i]
        expected[i] = kept

    def run(left: Any, right: Any) -> Expr:
        return apply("linear_recurrence", left, right, 0, reverse)

    np.testing.assert_allclose(value_of(run, [a, b]), expected, rtol=1e-14)
    assert_derivatives(run, [a, b])


def test_first_coefficient_of_a_recurrence_is_never_read() -> None:
    found = value_of(lambda a, b: apply("linear_recurrence", a, b), [np.array([INF, 2.0]), np.array([1.0, 1.0])])
    assert found.tolist() == [1.0, 3.0]


@pytest.mark.parametrize("row", [row for row in OPERATIONS.values() if isinstance(row, ReductionOperation)], ids=str)
def test_kernel_form_of_a_reduction_is_the_reduction(row: ReductionOperation) -> None:
    assert bool(row.fold) != bool(row.expand)
    if row.expand is not None:
        x = symbol("x", (3, 4))
        node = apply(row.name, x, axis=1)
        value = np.random.default_rng(1).uniform(-2, 2, (3, 4))
        first, second = evaluate([node, row.expand(node)], {x: value})
        np.testing.assert_allclose(first, second, rtol=1e-15)


def test_norms_that_numpy_does_not_have_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="ord=3 over 2 axes"):
        np.linalg.norm(symbol("x", (2, 3)), 3)
    with pytest.raises(UnsupportedError, match="ord='nuc' is no norm of vectors"):
        np.linalg.norm(symbol("x", (3,)), "nuc")


def test_condition_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ShapeError, match=r"where= of shape \(2, 3\) does not fit \(3,\)"):
        apply("sum", symbol("x", (3,)), where=np.ones((2, 3), bool))
