"""Users add scalar rows: SymPy derives what is left out, and what is given is checked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate
from graphc.check.define import defop
from graphc.check.rows import prove_row
from graphc.errors import ArgumentError, CheckFailed, ParseError
from graphc.graph.leaf import constant, symbol
from graphc.graph.table import FUNCTIONS, OPERATIONS


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """Take the rows a test defines out of the tables again."""
    functions, operations = dict(FUNCTIONS), dict(OPERATIONS)
    yield
    for table, before in ((FUNCTIONS, functions), (OPERATIONS, operations)):
        for name in set(table) - set(before):
            del table[name]


def derivative(function, at: float, order: int = 1) -> float:
    x = symbol("x")
    value = function(x)
    for _ in range(order):
        value = adjoints({value: constant(1.0)}, [x])[x]
    return float(evaluate([value], {x: at})[0])


@pytest.mark.parametrize(
    ("definition", "value", "first", "second"),
    [
        ("x/(1 + Abs(x))", lambda x: x / (1 + x), lambda x: 1 / (1 + x) ** 2, lambda x: -2 / (1 + x) ** 3),
        ("exp(-x)", lambda x: np.exp(-x), lambda x: -np.exp(-x), lambda x: np.exp(-x)),
        ("Max(x, 0)**2", lambda x: x * x, lambda x: 2 * x, lambda x: 2.0),
        ("Piecewise((x**3, x > 0), (0, True))", lambda x: x**3, lambda x: 3 * x * x, lambda x: 6 * x),
    ],
)  # fmt: skip
def test_a_definition_is_enough_for_value_and_derivatives(definition, value, first, second) -> None:
    function = defop("mine", definition)
    assert float(evaluate([function(symbol("x"))], {symbol("x"): 0.7})[0]) == pytest.approx(value(0.7), rel=1e-14)
    assert derivative(function, 0.7) == pytest.approx(first(0.7), rel=1e-14)
    assert derivative(function, 0.7, order=2) == pytest.approx(second(0.7), rel=1e-13)


def test_what_is_derived_is_stable() -> None:
    function = defop("mine", "x*tanh(log(1 + exp(x)))")
    assert float(evaluate([function(symbol("x"))], {symbol("x"): 1000.0})[0]) == 1000.0
    assert derivative(function, 1000.0) == 1.0
    assert derivative(function, -1000.0) == 0.0


def test_the_conventions_hold_in_what_is_derived() -> None:
    assert derivative(defop("mine", "x/(1 + Abs(x))"), 0.0) == 1.0
    assert derivative(defop("mine2", "Abs(x) + Max(x, 0)"), 0.0) == 0.5
    assert derivative(defop("mine3", "Piecewise((sqrt(x), x > 0), (0, True))"), 0.0) == 0.0


def test_the_dtype_is_kept() -> None:
    function = defop("mine", "x*y/(2 + Abs(y))")
    x, y = symbol("x", ("n",), "float32"), symbol("y", ("n",), "float32")
    gradient = adjoints({function(x, y): constant(np.float32(1))}, [x, y])
    assert {node.dtype for node in gradient.values()} == {"float32"}
    assert [proof.argument for proof in prove_row(OPERATIONS["mine"])] == ["x", "y"]


def test_given_columns_are_used() -> None:
    function = defop("mine", "x**2 + 1", "{x} * {x} + {one}", "{x}**2 + 1", partial=[lambda x, r: 2.0 * x])
    assert OPERATIONS["mine"].code == "{x} * {x} + {one}"
    assert derivative(function, 3.0) == 6.0


@pytest.mark.parametrize(
    "columns",
    [
        {"partial": [lambda x, r: 3.0 * x]},
        {"push": [lambda g, x, r: g]},
        {"code": "{x} * {x} + {one}"},
        {"reference": "np.sin({x})"},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_a_wrong_column_is_refused(columns) -> None:
    with pytest.raises(CheckFailed, match="mine"):
        defop("mine", "x**2", **columns)
    assert "mine" not in OPERATIONS
    assert "mine" not in FUNCTIONS


@pytest.mark.parametrize("name", ["sin", "pow", "where", "not a name", "lambda"])
def test_names_in_use_and_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError):
        defop(name, "x + 1")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "x.real",
        "unknown(x)",
        "[x]",
        "x if x else 1",
        "'x'",
        "lambda: x",
        "x +",
        "exp(x=1)",
    ],
)
def test_a_definition_is_never_executed(text: str) -> None:
    with pytest.raises(ParseError):
        defop("mine", text)


def test_arguments_must_not_be_skipped() -> None:
    with pytest.raises(ArgumentError, match="x, then y"):
        defop("mine", "y + 1")
