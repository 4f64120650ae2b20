from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc.errors import ArgumentError, GraphcError, TruthValueError, UnsupportedError
from graphc.graph.leaf import symbol, symbols, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply

x, y = symbols("x y")
v = tensor("v", (3,))


def set_item() -> None:
    v[0] = 1.0


MISUSES: list[tuple[str, Callable[[], Any], type[GraphcError], str]] = [
    ("bool", lambda: bool(x < y), TruthValueError, "gx.where"),
    ("if", lambda: 1 if x < y else 2, TruthValueError, "gx.where"),
    ("chained comparison", lambda: x < y < x, TruthValueError, "gx.where"),
    ("and", lambda: x and y, TruthValueError, "gx.where"),
    ("float", lambda: float(x), ArgumentError, "compile"),
    ("int", lambda: int(x), ArgumentError, "compile"),
    ("index", lambda: [1, 2][x], ArgumentError, "compile"),  # type: ignore[call-overload]
    ("array", lambda: np.asarray(x), ArgumentError, "compile"),
    ("setitem", set_item, UnsupportedError, "x.at[i].set(v)"),
    ("out", lambda: np.add(x, y, out=np.zeros(3)), UnsupportedError, "out="),
    ("unknown NumPy function", lambda: np.fft.fft(v), UnsupportedError, "docs/operations.md"),
    ("unknown ufunc method", lambda: np.add.outer(v, v), UnsupportedError, "docs/operations.md"),
]


@pytest.mark.parametrize(("misuse", "kind", "remedy"), [m[1:] for m in MISUSES], ids=[m[0] for m in MISUSES])
def test_misuse_is_an_error_with_a_remedy(misuse: Callable[[], Any], kind: type[GraphcError], remedy: str) -> None:
    with pytest.raises(kind) as caught:
        misuse()
    assert remedy in str(caught.value)


@pytest.mark.parametrize("misuse", [m[1] for m in MISUSES[:9]], ids=[m[0] for m in MISUSES[:9]])
def test_misuse_names_the_users_line(misuse: Callable[[], Any]) -> None:
    with pytest.raises(GraphcError) as caught:
        misuse()
    assert "test_operators.py:" in str(caught.value)


def test_iteration_goes_over_the_first_axis_and_not_over_scalars() -> None:
    assert [element.shape for element in v] == [(), (), ()]
    with pytest.raises(ArgumentError, match="without dimensions"):
        list(x)
    with pytest.raises(ArgumentError, match=r"iterate over the open dimension n(.|\n)*index it, or declare the size"):
        list(tensor("open", ("n",)))


BINARY = [
    (operator.add, "add"), (operator.sub, "subtract"), (operator.mul, "multiply"), (operator.truediv, "divide"),
    (operator.floordiv, "floor_divide"), (operator.mod, "mod"), (operator.pow, "power"), (operator.lt, "less"),
    (operator.le, "less_equal"), (operator.gt, "greater"), (operator.ge, "greater_equal"),
]  # fmt: skip


@pytest.mark.parametrize(("python", "name"), BINARY, ids=[name for _, name in BINARY])
def test_operators_build_the_operation(python: Callable[[Any, Any], Any], name: str) -> None:
    assert python(x, y) is apply(name, x, y)
    assert python(v, 3.5) is apply(name, v, 3.5)
    assert python(np.float64(3.5), v) is apply(name, 3.5, v)
    assert isinstance(python(np.ones(3), v), Expr)


@pytest.mark.parametrize(("python", "name"), BINARY[:7], ids=[name for _, name in BINARY[:7]])
def test_reflected_operators_keep_the_order(python: Callable[[Any, Any], Any], name: str) -> None:
    assert python(3.5, x) is apply(name, 3.5, x)


def test_unary_operators_build_the_operation() -> None:
    assert -x is apply("negative", x)
    assert +x is x
    assert abs(x) is apply("abs", x)
    assert ~(x < y) is apply("logical_not", x < y)


def test_equality_is_identity() -> None:
    assert x == symbol("x")
    assert x != y
    assert x in [y, x]
    assert {x: 1}[symbol("x")] == 1


def test_numpy_functions_build_nodes() -> None:
    assert np.sin(x) is apply("sin", x)
    assert np.add(x, 1.0) is x + 1.0
    assert np.sum(v) is v.sum()
    assert np.sum(v, axis=0, keepdims=True) is v.sum(axis=0, keepdims=True)
    assert np.add.reduce(v) is v.sum()
    assert np.where(x < y, x, y) is apply("where", x < y, x, y)
    assert np.matmul(v, v) is v @ v
    assert np.transpose(tensor("M", (2, 3))) is tensor("M", (2, 3)).T


def test_properties_tell_rank_and_size() -> None:
    M = tensor("M", ("n", 3))
    assert (M.ndim, M.size) == (2, 3 * M.shape[0])
    assert M.is_differentiable
    assert not tensor("i", (3,), "int32").is_differentiable


def test_python_rounds_and_matrices_transpose() -> None:
    x, stack = symbol("x"), tensor("S", ("batch", 3, 2))
    assert round(x) is apply("round", x)
    assert round(x, 2) is apply("round", x, 2)
    assert stack.mT is apply("swapaxes", stack, 1, 2)


def test_numpy_tells_shape_and_rank() -> None:
    matrix = tensor("M", ("batch", 3))
    assert np.shape(matrix) == matrix.shape
    assert np.ndim(matrix) == 2


@pytest.mark.parametrize(
    ("misuse", "message"),
    [
        (lambda: symbol("x") + "text", "an expression, a number or an array of numbers expected, got 'text'"),
        (lambda: symbol("x") * None, "an expression, a number or an array of numbers expected, got None"),
        (lambda: tensor("t", (-1,)), "symbol 't': a size is never negative, got -1"),
        (lambda: tensor("t", (1.5,)), "symbol 't': a size is an integer or the name of a dimension, got 1.5"),
        (lambda: tensor("t", (2,), "complex128"), "symbol 't': graphc has no dtype 'complex128'"),
        (lambda: tensor("M", (2, 3)).sum(axis=2), "sum: axis 2 is out of range for 2 dimension(s)"),
    ],
)
def test_wrong_arguments_are_named_once_with_the_users_line(misuse: Callable[[], Any], message: str) -> None:
    with pytest.raises(GraphcError) as error:
        misuse()
    assert error.value.message.startswith(message)
    assert "test_operators.py" in str(error.value.origin)


def test_python_names_the_operation_whose_keyword_is_unknown() -> None:
    with pytest.raises(TypeError, match=r"^sin\(\) got an unexpected keyword argument 'dtype'"):
        np.sin(symbol("x"), dtype=np.float32)
