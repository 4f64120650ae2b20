from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx
from graphc.errors import ArgumentError, ShapeError
from graphc.graph.dimensions import (
    Dimension,
    Size,
    dimension,
    divide_exactly,
    evaluate,
    larger,
    names,
    product,
    smaller,
)
from graphc.graph.leaf import tensor
from graphc.graph.types import as_shape, as_size, format_shape

SIZES = {"a": 2, "b": 3, "c": 5}
FUNCTIONS = {
    "+": (operator.add, operator.add),
    "-": (operator.sub, operator.sub),
    "*": (operator.mul, operator.mul),
    "//": (operator.floordiv, operator.floordiv),
    "min": (smaller, min),
    "max": (larger, max),
}

leaves = st.one_of(st.integers(0, 6), st.sampled_from([dimension(name) for name in SIZES]))


@st.composite
def arithmetic(draw: st.DrawFn) -> tuple[Size, int]:
    """Draw sizes combined at random, and the number that arithmetic on integers gives for them."""
    size = draw(leaves)
    value = evaluate(size, SIZES)
    for _ in range(draw(st.integers(0, 6))):
        name = draw(st.sampled_from(sorted(FUNCTIONS)))
        other = draw(leaves)
        number = evaluate(other, SIZES)
        on_sizes, on_numbers = FUNCTIONS[name]
        if (name == "//" and number <= 0) or (name in ("min", "max", "-") and value < number):
            continue
        size, value = on_sizes(size, other), on_numbers(value, number)
    return size, value


@given(arithmetic())
def test_arithmetic_on_names_equals_arithmetic_on_numbers(drawn: tuple[Size, int]) -> None:
    size, value = drawn
    assert evaluate(size, SIZES) == value


@given(arithmetic(), arithmetic(), arithmetic())
def test_normal_forms_obey_the_laws_of_a_ring(left: object, middle: object, right: object) -> None:
    (x, _), (y, _), (z, _) = left, middle, right  # type: ignore[misc]
    assert x + y == y + x
    assert x * y == y * x
    assert x * (y + z) == x * y + x * z
    assert (x + y) + z == x + (y + z)
    assert x - x == 0
    assert x + 0 == x
    assert x * 1 == x


@given(arithmetic())
def test_a_size_without_names_is_an_integer(drawn: tuple[Size, int]) -> None:
    size, _ = drawn
    assert isinstance(size, Dimension) == bool(names(size))


def test_equal_names_are_equal_and_different_ones_are_not() -> None:
    assert dimension("batch") == dimension("batch")
    assert hash(dimension("batch")) == hash(dimension("batch"))
    assert dimension("batch") != dimension("time")
    assert dimension("batch") != 3


def test_division_is_exact_where_it_can_be() -> None:
    batch = dimension("batch")
    assert (6 * batch) // 3 == 2 * batch
    assert divide_exactly(6 * batch, batch) == 6
    assert divide_exactly(6 * batch, 4) is None
    assert divide_exactly(6, batch) is None
    assert divide_exactly(0, batch) == 0
    assert divide_exactly(7, 0) is None
    assert evaluate((batch + 1) // 2, {"batch": 4}) == 2


def test_sizes_print_as_the_user_writes_them() -> None:
    batch, time = dimension("batch"), dimension("time")
    assert str(2 * batch + 1) == "2*batch + 1"
    assert str(batch * time) == "batch*time"
    assert str(batch - time) == "batch - time"
    assert str((batch + 1) // 2) == "((batch + 1) // (2))"
    assert format_shape((batch, 784)) == "(batch, 784)"
    assert format_shape((3,)) == "(3,)"


def test_names_come_in_order_of_appearance() -> None:
    assert names(dimension("b") * dimension("a") + dimension("c")) == ("a", "b", "c")
    assert product((dimension("n"), 3, dimension("n"))) == 3 * dimension("n") * dimension("n")


@pytest.mark.parametrize("bad", [-1, 2.5, None, True, "two words", ""])
def test_what_is_no_size_is_refused(bad: object) -> None:
    with pytest.raises(ShapeError):
        as_size(bad)


def test_shapes_take_one_size_or_several() -> None:
    assert as_shape(3) == (3,)
    assert as_shape("n") == (dimension("n"),)
    assert as_shape([2, "n"]) == (2, dimension("n"))


def test_the_length_of_an_open_dimension_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="open dimension batch"):
        len(tensor("X", ("batch", 3)))
    assert len(tensor("X", (4, 3))) == 4


def test_with_floats_and_in_quotients_a_size_is_the_number_it_stands_for() -> None:
    n = tensor("X", ("n", 3)).shape[0]
    assert isinstance(n, Dimension)
    numbers = [0.5 * n, n * 0.5, n / 2, 3 / n, n / n, np.float64(0.5) * n]
    found = gx.compile([tensor("X", ("n", 3)).sum(), *numbers], backend="reference")(X=np.zeros((4, 3)))
    assert found == [0.0, 2.0, 2.0, 2.0, 0.75, 1.0, 2.0]


@pytest.mark.parametrize("use", [int, float, range, lambda n: np.zeros((n, 2)), operator.index])
def test_a_size_that_is_open_is_no_integer(use: Callable[[Dimension], object]) -> None:
    with pytest.raises(ArgumentError, match=r"dimension n is no integer .*\n  at .*test_dimensions.*\n.*gx.zeros"):
        use(Dimension(((("n",), 1),)))


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_sizes_that_are_open_have_no_order(compare: Callable[[object, object], bool]) -> None:
    for left, right in ((dimension("n"), 3), (3, dimension("n")), (dimension("n"), dimension("m"))):
        with pytest.raises(ArgumentError, match="no size before the function is called"):
            compare(left, right)
