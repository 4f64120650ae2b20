"""The reference backend: sizes solved from shapes, exact dtypes, deep graphs, arrays of symbols, memory given back."""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np
import pytest
import sympy

import graphc.ops  # noqa: F401
from graphc.backends.reference import evaluate, scalar_function
from graphc.errors import ArgumentError, ShapeError, UnsupportedError
from graphc.graph.leaf import constant, size_of, symbol, tensor
from graphc.graph.table import OPERATIONS, apply
from graphc.ops.scalar_row import ScalarOperation

X, W = tensor("X", ("batch", 3)), tensor("W", (3, "units"))


def test_outputs_come_in_order_and_may_be_inputs_or_constants() -> None:
    x = symbol("x", (2,))
    value = np.array([1.0, 2.0])
    found = evaluate([x * 2, x, constant(3), x * 2], {x: value})
    assert [each.tolist() for each in found] == [[2.0, 4.0], [1.0, 2.0], 3, [2.0, 4.0]]


def test_dtype_is_exactly_the_nodes() -> None:
    x, k = symbol("x", (2,), "float32"), symbol("k", (2,), "int8")
    nodes = [x * 2.0, k + 1, x + k, x > 0, apply("mean", k), x.astype("int32"), size_of(X.shape[0], "float32")]
    values = {x: [1.5, -1.5], k: [1, 2], X: np.zeros((4, 3))}
    found = evaluate(nodes, values)
    assert [each.dtype.name for each in found] == [node.dtype for node in nodes]
    assert [each.shape for each in found] == [node.shape for node in nodes]


@pytest.mark.parametrize("value", [[1, 2, 3], (1.0, 2.0, 3.0), np.arange(1, 4, dtype=">i4"), np.arange(6.0)[1:4]])
def test_values_may_be_what_numpy_makes_an_array_of(value: Any) -> None:
    x = symbol("x", (3,))
    assert evaluate([x.sum()], {x: value})[0] == 6.0


def test_sizes_are_solved_and_checked() -> None:
    found = evaluate([X @ W], {X: np.ones((2, 3)), W: np.ones((3, 5))})
    assert found[0].shape == (2, 5)
    y = tensor("Y", ("batch",))
    with pytest.raises(ShapeError, match=r"'Y' of shape \(batch,\): expected 2 on axis 0 \(batch = 2 from 'X'\)"):
        evaluate([X.sum(axis=1) + y], {X: np.ones((2, 3)), y: np.ones(4)})
    with pytest.raises(ShapeError, match=r"argument 'X' of shape \(batch, 3\): expected 3 on axis 1, got 4"):
        evaluate([X], {X: np.ones((2, 4))})
    with pytest.raises(ShapeError, match=r"expected 2 dimension\(s\), got 1"):
        evaluate([X], {X: np.ones(3)})


def test_derived_dimensions_are_checked_against_the_names_they_are_made_of() -> None:
    n = X.shape[0]
    y = symbol("y", (n + 1,))
    assert evaluate([y.sum() + X.sum()], {y: np.ones(3), X: np.ones((2, 3))})[0] == 9.0
    with pytest.raises(ShapeError, match=r"argument 'y' of shape \(batch \+ 1,\): expected 3 on axis 0"):
        evaluate([y.sum() + X.sum()], {y: np.ones(4), X: np.ones((2, 3))})


def test_size_of_an_input_that_is_not_used_otherwise() -> None:
    assert evaluate([size_of(X.shape[0])], {X: np.zeros((7, 3))})[0] == 7
    with pytest.raises(ArgumentError, match="'batch' is not known"):
        evaluate([size_of(X.shape[0])], {})


def test_missing_value_names_the_symbol_and_the_line() -> None:
    with pytest.raises(ArgumentError, match="no value for 'W'") as caught:
        evaluate([X @ W], {X: np.ones((2, 3))})
    assert "test_reference.py:" in str(caught.value)


def test_deep_graph_is_evaluated_without_recursion() -> None:
    x = symbol("x")
    node = x
    for _ in range(20_000):
        node = node + x
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        assert evaluate([node], {x: 1.0})[0] == 20_001.0
    finally:
        sys.setrecursionlimit(limit)


def test_arrays_nobody_needs_any_more_are_freed() -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0

    class Tracked(np.ndarray[Any, Any]):
        pass

    def table(row: ScalarOperation) -> Any:
        def function(*operands: Any) -> Any:
            nonlocal most
            result = scalar_function(row)(*(np.asarray(operand) for operand in operands)).view(Tracked)
            alive.append(weakref.ref(result))
            most = max(most, sum(reference() is not None for reference in alive))
            return result

        return function

    x = symbol("x", (4,))
    node = x
    for number in range(50):
        node = apply("sin", node) if number % 2 else apply("exp", apply("negative", node))
    evaluate([node], {x: np.ones(4)}, table)
    assert len(alive) == 75
    assert most <= 3


def test_arrays_of_symbols_go_through_with_the_callers_scalar_functions() -> None:
    functions = {
        "add": np.add, "multiply": np.multiply, "square": lambda x: x * x, "negative": np.negative,
        "exp": np.vectorize(sympy.exp, otypes=[object]), "log": np.vectorize(sympy.log, otypes=[object]),
        "sqrt": np.vectorize(sympy.sqrt, otypes=[object]), "maximum": np.vectorize(sympy.Max, otypes=[object]),
    }  # fmt: skip
    a, b = sympy.symbols("a b", real=True)
    x = symbol("x", (2,))
    objects = np.array([a, b], dtype=object)

    def run(node: Any) -> Any:
        return evaluate([node], {x: objects}, lambda row: functions[row.name])[0]

    assert run(x @ x).item() == a**2 + b**2
    assert run(apply("sum", x * 3.0)).item() == 3.0 * a + 3.0 * b
    assert run(apply("prod", x)).item() == a * b
    assert run(apply("max", x)).item() == sympy.Max(a, b)
    assert run(apply("norm", x)).item() == sympy.sqrt(a**2 + b**2)
    assert run(apply("logsumexp", x)).item() == sympy.log(sympy.exp(a) + sympy.exp(b))
    assert run(apply("concatenate", [x[::-1], x])).tolist() == [b, a, a, b]
    assert run(apply("pad", x, 1)).tolist() == [0, a, b, 0]
    assert run(apply("cumsum", x)).tolist() == [a, a + b]
    assert [sympy.nsimplify(each) for each in run(apply("cumprod", x))] == [a, a * b]
    with pytest.raises(UnsupportedError, match="argmax"):
        run(apply("argmax", x))


@pytest.mark.parametrize("row", [row for row in OPERATIONS.values() if isinstance(row, ScalarOperation)], ids=str)
def test_reference_text_of_every_scalar_row_compiles(row: ScalarOperation) -> None:
    function = scalar_function(row)
    assert function is scalar_function(row)
    assert function.__code__.co_argcount == row.arity
