from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.errors import DTypeError, ShapeError
from graphc.graph.dimensions import dimension
from graphc.graph.leaf import constant, parameter, symbol, symbols, tensor
from graphc.graph.table import apply
from graphc.graph.types import DTYPES, as_dtype, broadcast_shapes, normalise_axes, promote

NUMBERS = [dtype for dtype in DTYPES if dtype != "bool"]
PAIRS = list(itertools.product(DTYPES, repeat=2))
shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_promotion_is_numpys(left: str, right: str) -> None:
    assert promote(left, right) == np.result_type(left, right).name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scalar", [True, 1, 1.0, 300, -1])
def test_python_scalars_are_weak(dtype: str, scalar: object) -> None:
    assert promote(dtype, scalar) == np.result_type(np.dtype(dtype), scalar).name  # type: ignore[arg-type]


@pytest.mark.parametrize(("left", "right"), list(itertools.product(NUMBERS, repeat=2)))
def test_sums_have_numpys_dtype(left: str, right: str) -> None:
    expected = np.add(np.ones(1, left), np.ones(1, right)).dtype.name
    assert (symbol("x", dtype=left) + symbol("y", dtype=right)).dtype == expected


@pytest.mark.parametrize("dtype", NUMBERS)
def test_sums_with_scalars_have_numpys_dtype(dtype: str) -> None:
    assert (symbol("x", dtype=dtype) + 1).dtype == dtype
    assert (symbol("x", dtype=dtype) * 0.5).dtype == (np.ones(1, dtype) * 0.5).dtype.name


def test_numpy_scalars_are_not_weak() -> None:
    assert (symbol("x", dtype="float32") * np.float64(2)).dtype == "float64"
    assert (symbol("x", dtype="float32") * np.float32(2)).dtype == "float32"


def test_scalars_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DTypeError, match="300"):
        symbol("x", dtype="int8") + 300
    with pytest.raises(DTypeError, match="no exact value"):
        constant(1.5, "int32")
    with pytest.raises(DTypeError):
        constant("text")
    with pytest.raises(DTypeError, match="complex128"):
        constant(1j)


@pytest.mark.parametrize("given_dtype", ["float32", np.float32, np.dtype("float32"), np.dtype(">f4")])
def test_dtypes_are_given_in_any_way_numpy_knows(given_dtype: object) -> None:
    assert as_dtype(given_dtype) == "float32"


@pytest.mark.parametrize("bad", ["complex128", "float16", "nonsense", object])
def test_unknown_dtypes_are_refused_with_the_list(bad: object) -> None:
    with pytest.raises(DTypeError, match="float64"):
        as_dtype(bad)


@given(st.lists(shapes, min_size=1, max_size=4))
def test_broadcasting_is_numpys(drawn: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*drawn)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast_shapes(*drawn)
    else:
        assert broadcast_shapes(*drawn) == expected


def test_names_broadcast_only_with_themselves_and_one() -> None:
    batch, time = dimension("batch"), dimension("time")
    assert broadcast_shapes((batch, 1), (3,)) == (batch, 3)
    assert broadcast_shapes((batch,), (batch,)) == (batch,)
    assert broadcast_shapes((1,), (batch,)) == (batch,)
    with pytest.raises(ShapeError, match="batch and time"):
        broadcast_shapes((batch,), (time,))
    with pytest.raises(ShapeError, match="batch and 3"):
        broadcast_shapes((batch,), (3,))


def test_a_shape_error_names_both_shapes_the_operation_and_the_line() -> None:
    left, right = tensor("A", ("batch", 3)), tensor("B", (4,))
    with pytest.raises(ShapeError) as caught:
        left + right
    text = str(caught.value)
    assert "add: shapes (batch, 3) and (4,) do not broadcast" in text
    assert "test_types.py:" in text
    assert "remedy:" in text


@pytest.mark.parametrize(
    ("axis", "rank", "expected"), [(None, 3, (0, 1, 2)), (-1, 3, (2,)), ((1, -3), 3, (0, 1)), ([], 2, ()), ((), 0, ())]
)
def test_axes_are_counted_from_the_front(axis: object, rank: int, expected: tuple[int, ...]) -> None:
    assert normalise_axes(axis, rank, "sum") == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("axis", "rank"), [(2, 2), (-3, 2), ((0, 0), 2), ((0, -2), 2), (0, 0), (1.0, 2), (True, 2)])
def test_wrong_axes_are_refused(axis: object, rank: int) -> None:
    with pytest.raises(ShapeError, match="sum: "):
        normalise_axes(axis, rank, "sum")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_shape", "name"), [("float32", "float32"), ("float", "float64"), (np.int8, "int8"), (np.dtype("?"), "bool")]
)
def test_a_dtype_in_place_of_a_shape_is_refused_with_the_keyword(given_shape: Any, name: str) -> None:
    for make in (symbol, symbols, tensor, parameter):
        with pytest.raises(ShapeError, match=f'got the dtype {name}(.|\n)*remedy: pass dtype="{name}"'):
            make("x", given_shape)
    assert str(tensor("x", "rows").shape) == "(rows,)"


def test_a_list_of_expressions_is_no_expression() -> None:
    x, v = symbol("x"), tensor("v", ("n",))
    for given_list, listed in (([x, x], "[x, x]"), ((v, 2.0), "(v, 2.0)"), ([x] * 9, "[...]")):
        with pytest.raises(DTypeError) as caught:
            apply("sum", given_list)
        assert caught.value.remedy == f"gx.stack({listed})"
        assert str(caught.value).count("\n  at ") == 1
