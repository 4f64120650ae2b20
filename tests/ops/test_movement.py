"""Movement rows: index maps are the reference, named dimensions follow NumPy's clipping, errors name both shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from derivative_tools import assert_derivatives, make_symbols
from hypothesis import given, settings
from hypothesis import strategies as st
from tensor_cases import MOVEMENT, Case

import graphc.ops  # noqa: F401
from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate, solve_sizes
from graphc.errors import ArgumentError, ShapeError, UnsupportedError
from graphc.graph.dimensions import Dimension
from graphc.graph.dimensions import evaluate as evaluate_size
from graphc.graph.leaf import symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.walk import topological_order
from graphc.ops.movement_row import MovementOperation
from graphc.ops.slicing import shift


class Position:
    """An index with only the operators an index map may use, as the kernel compiler's has."""

    def __init__(self, value: Any, sizes: dict[str, int]) -> None:
        self.value = value
        self.sizes = sizes

    def _with(self, other: Any, operation: Callable[[Any, Any], Any]) -> Position:
        number = other.value if isinstance(other, Position) else evaluate_size(other, self.sizes)
        return Position(operation(self.value, number), self.sizes)

    def __bool__(self) -> bool:
        raise TypeError("an index map must not ask for the truth of an index")

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a * b)

    def __floordiv__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a // b)

    def __mod__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a % b)

    def __lt__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a < b)

    def __le__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a <= b)

    def __ge__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a >= b)

    def __eq__(self, other: object) -> Any:
        return self._with(other, lambda a, b: a == b)

    def __and__(self, other: Any) -> Position:
        return self._with(other, lambda a, b: a & b)


def follow_index_map(node: Expr, arguments: list[np.ndarray[Any, Any]], sizes: dict[str, int]) -> np.ndarray[Any, Any]:
    """Return what the sources of each element give, first match first."""
    shape = tuple(evaluate_size(size, sizes) for size in node.shape)
    index = tuple(Position(each, sizes) for each in np.indices(shape))
    row: Any = node.op
    result, free = np.zeros(shape, node.dtype), np.ones(shape, bool)
    for source in row.sources(node, index):
        here = free if source.guard is None else free & source.guard.value
        if source.argument is None:
            result = np.where(here, source.fill, result)
        else:
            places = [each.value if isinstance(each, Position) else evaluate_size(each, sizes) for each in source.index]
            chosen = [np.broadcast_to(place, shape)[here] for place in places]
            result[here] = arguments[source.argument][tuple(chosen)] if chosen else arguments[source.argument]
        free = free & ~here
    assert not free.any()
    return result


def assert_index_maps(outputs: list[Expr], values: dict[Expr, Any]) -> None:
    """Check the index map of every movement node the outputs reach."""
    moves = [node for node in topological_order(outputs) if isinstance(node.op, MovementOperation)]
    sizes = solve_sizes({node: np.shape(value) for node, value in values.items()})
    for node in moves:
        expected, *arguments = evaluate([node, *node.args], values)
        np.testing.assert_array_equal(follow_index_map(node, arguments, sizes), expected, err_msg=node.op.name)


@pytest.mark.parametrize("case", MOVEMENT, ids=str)
def test_index_map_is_the_reference(case: Case) -> None:
    arrays = [np.random.default_rng(3).standard_normal(shape) for shape in case.shapes]
    inputs = make_symbols(arrays)
    output = case.function(*inputs)
    adjoint = symbol("adjoint", output.shape)
    table = adjoints({output: adjoint}, inputs)
    values = dict(zip(inputs, arrays, strict=True)) | {adjoint: np.random.default_rng(4).standard_normal(output.shape)}
    assert_index_maps([output, *table.values()], values)


OPEN = {
    "[1:]": lambda x: x[1:],
    "[:-1]": lambda x: x[:-1],
    "[1:-1]": lambda x: x[1:-1],
    "[2:5]": lambda x: x[2:5],
    "[5:2]": lambda x: x[5:2],
    "[-3:]": lambda x: x[-3:],
    "[-3:-1]": lambda x: x[-3:-1],
    "[-3:2]": lambda x: x[-3:2],
    "[:-4]": lambda x: x[:-4],
    "[::2]": lambda x: x[::2],
    "[1::3]": lambda x: x[1::3],
    "[::-1]": lambda x: x[::-1],
    "[::-2]": lambda x: x[::-2],
    "[3::-1]": lambda x: x[3::-1],
    "[:1:-1]": lambda x: x[:1:-1],
    "[-2:0:-2]": lambda x: x[-2:0:-2],
    "[0::-1]": lambda x: x[0::-1],
    "[:-3:-1]": lambda x: x[:-3:-1],
    "flip": lambda x: np.flip(x, axis=0),
    "roll": lambda x: np.roll(x, 2, axis=0),
    "tile": lambda x: np.tile(x, (2, 1)),
    "repeat": lambda x: np.repeat(x, 3, axis=0),
    "pad": lambda x: np.pad(x, ((1, 2), (0, 0))),
    "concatenate": lambda x: np.concatenate([x[1:], x, x[::2]]),
    "reshape": lambda x: np.reshape(x, (-1,)),
    "split": lambda x: np.split(x, [1, -1])[1],
}


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("name", OPEN)
def test_open_dimension_is_cut_as_numpy_cuts(name: str, length: int) -> None:
    x = tensor("x", ("n", 2))
    value = np.arange(2.0 * length).reshape(length, 2)
    output = OPEN[name](x)
    (found,) = evaluate([output], {x: value})
    expected = OPEN[name](value)
    np.testing.assert_array_equal(found, expected)
    assert tuple(evaluate_size(size, {"n": length}) for size in output.shape) == expected.shape
    adjoint = symbol("adjoint", output.shape)
    gradient = adjoints({output: adjoint}, [x])[x]
    values = {x: value, adjoint: np.arange(float(expected.size)).reshape(expected.shape)}
    assert gradient.shape == x.shape
    assert np.sum(evaluate([gradient], values)[0] * value) == np.sum(values[adjoint] * expected)
    assert_index_maps([output, gradient], values)


def test_neighbouring_differences_of_an_open_dimension_fit() -> None:
    x = tensor("x", ("n",))
    difference = x[1:] - x[:-1]
    assert str(difference.shape) == "(max(n - 1, 0),)"
    assert evaluate([difference], {x: [1.0, 4.0, 9.0]})[0].tolist() == [3.0, 5.0]
    assert (x[2:] - 2 * x[1:-1] + x[:-2]).shape == x[2:].shape


@pytest.mark.parametrize("length", [3, 7])
def test_last_element_of_an_open_dimension(length: int) -> None:
    x = tensor("x", ("n", 2))
    value = np.arange(2.0 * length).reshape(length, 2)
    found = evaluate([x[-1], x[2, 0], x[x.shape[0] - 1, 1]], {x: value})
    assert [each.tolist() for each in found] == [value[-1].tolist(), value[2, 0], value[-1, 1]]


def test_integer_beyond_an_open_dimension_is_an_index_error() -> None:
    x = tensor("x", ("n",))
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 3"):
        evaluate([x[5]], {x: np.zeros(3)})


@st.composite
def slices(draw: st.DrawFn) -> tuple[int, slice]:
    bound = st.none() | st.integers(-7, 7)
    step = draw(st.none() | st.integers(-3, 3).filter(bool))
    return draw(st.integers(0, 5)), slice(draw(bound), draw(bound), step)


@given(slices())
@settings(max_examples=150)
def test_any_slice_of_known_and_open_sizes_is_numpys(drawn: tuple[int, slice]) -> None:
    length, cut = drawn
    value = np.arange(float(length))
    for shape in (length, "n"):
        x = tensor("x", (shape,))
        np.testing.assert_array_equal(evaluate([x[cut]], {x: value})[0], value[cut])


@given(st.integers(0, 4), st.integers(-5, 5), st.sampled_from([0.0, 2.0]))
def test_shift_fills_what_nothing_reaches(length: int, amount: int, fill: float) -> None:
    value = np.arange(1.0, length + 1)
    x = symbol("x", (length,))
    (found,) = evaluate([shift(x, amount, 0, fill)], {x: value})
    expected = [value[i - amount] if 0 <= i - amount < length else fill for i in range(length)]
    assert found.tolist() == expected
    assert_derivatives(lambda v: shift(v, amount, 0, fill), [value])
    assert_index_maps([shift(x, amount, 0, fill)], {x: value})


X, Y = tensor("X", ("batch", 6)), tensor("Y", ("time", 4))
ERRORS = {
    "reshape sizes": (
        lambda: X.reshape(5, 5),
        ShapeError,
        r"\(batch, 6\) to \(5, 5\): 6\*batch element",
    ),
    "reshape names": (lambda: X.reshape("time", 6), ShapeError, r"\(batch, 6\) to \(time, 6\)"),
    "reshape rest": (lambda: X.reshape(-1, 4), ShapeError, r"\(batch, 6\) to \(-1, 4\): 4 does not divide 6\*batch"),
    "reshape two unknown": (lambda: X.reshape(-1, -1), ShapeError, "only one size can be -1"),
    "broadcast_to": (lambda: np.broadcast_to(Y, (3, 5)), ShapeError, r"\(time, 4\).*\(3, 5\)"),
    "concatenate": (
        lambda: np.concatenate([X, Y]),
        ShapeError,
        r"\(batch, 6\) and \(time, 4\) .* do not join",
    ),
    "concatenate nothing": (lambda: apply("concatenate", []), ShapeError, "at least one array"),
    "stack": (lambda: np.stack([X, Y]), ShapeError, r"\(batch, 6\) and \(time, 4\) differ"),
    "squeeze": (lambda: np.squeeze(X, axis=1), ShapeError, r"axis 1 of shape \(batch, 6\) has size 6"),
    "transpose": (lambda: X.transpose(0, 0), ShapeError, "no permutation"),
    "axis": (lambda: np.swapaxes(X, 0, 2), ShapeError, "axis 2 is out of range for 2"),
    "split": (lambda: np.split(X, 4, axis=1), ShapeError, r"axis 1 of shape \(batch, 6\) cannot be cut into 4"),
    "too many indices": (lambda: X[0, 0, 0], ShapeError, r"3 indices for an array of shape \(batch, 6\)"),
    "index out of range": (lambda: X[:, 6], ShapeError, r"index 6 is out of range for axis 1 of shape \(batch, 6\)"),
    "two ellipses": (lambda: X[..., ...], ShapeError, "one ellipsis"),
    "step 0": (lambda: X[::0], ShapeError, "step of a slice cannot be 0"),
    "mask": (lambda: X[X > 0], UnsupportedError, "gx.where"),
    "text index": (lambda: X["a"], ArgumentError, "type str"),
    "pad mode": (lambda: np.pad(X, 1, mode="reflect"), UnsupportedError, "'reflect'"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_where_and_the_remedy(name: str) -> None:
    build, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text) as caught:
        build()
    assert "test_movement.py:" in str(caught.value)


def test_reshape_divides_named_dimensions_exactly() -> None:
    images = tensor("images", ("batch", 28, 28))
    assert images.reshape(-1, 784).shape == (Dimension(((("batch",), 1),)), 784)
    assert str(images.reshape(-1).shape) == "(784*batch,)"
    assert images.reshape(-1).reshape("batch", 7, -1).shape[2] == 112


def test_arange_and_creation() -> None:
    x = tensor("x", ("n", 3))
    functions = {name: apply(name, x) for name in ("zeros_like", "ones_like")}
    found = evaluate([apply("arange", x.shape[0]), apply("eye", 2), *functions.values()], {x: np.zeros((4, 3))})
    assert found[0].tolist() == [0, 1, 2, 3]
    assert found[0].dtype == np.int64
    assert found[1].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert [each.sum() for each in found[2:]] == [0.0, 12.0]
