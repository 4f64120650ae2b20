from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.backends.reference import evaluate
from graphc.errors import ParseError
from graphc.expression_parser import parse_expression
from graphc.graph.leaf import is_constant, symbols, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply

x, y, z = symbols("x y z")

TEXTS = {
    "x*(y**2 + z)": x * (y**2 + z),
    "-x**2": -(x**2),
    "x - y - z": x - y - z,
    "x**y**z": x ** (y**z),
    "x // y % z": (x // y) % z,
    "2*sin(x) + log(y)/3": 2 * apply("sin", x) + apply("log", y) / 3,
    "where(x < y, x, 0)": apply("where", x < y, x, 0),
    "(x < y) & (y <= z)": (x < y) & (y <= z),
    "maximum(x, 1e-3)": apply("maximum", x, 1e-3),
    "~(x == y)": ~apply("equal", x, y),
    "  +x ": x,
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts_read_as_python_would(text: str) -> None:
    assert parse_expression(text) is TEXTS[text]


def test_constants_of_mathematics_have_names_unless_taken() -> None:
    assert float(evaluate([parse_expression("2*pi + e")], {})[0]) == 2 * np.pi + np.e
    assert parse_expression("e", {"e": x}) is x


def test_names_can_stand_for_tensors() -> None:
    X = tensor("X", ("n", 3))
    assert parse_expression("sum(X*X)", {"X": X}) is (X * X).sum()


def test_numbers_are_weak() -> None:
    w = tensor("w", (), "float32")
    assert parse_expression("2.5*w", {"w": w}).dtype == "float32"
    assert parse_expression("-1/3*w", {"w": w}) is (-1 / 3) * w


def test_division_by_zero_is_infinite_and_not_an_error() -> None:
    assert float(evaluate([parse_expression("1.0/0.0")], {})[0]) == float("inf")


number = st.integers(0, 9).map(float) | st.floats(0.1, 10)
leaf = st.sampled_from([x, y, z]) | number


@st.composite
def expressions(draw: st.DrawFn) -> Expr:
    """Draw an expression of scalar operations; none has constants alone, which a text computes at once."""
    found: list[object] = [draw(leaf), x]
    for _ in range(draw(st.integers(1, 12))):
        name = draw(st.sampled_from(["add", "subtract", "multiply", "divide", "power", "mod", "sin", "negative"]))
        first = [node for node in found if isinstance(node, Expr) and not is_constant(node)]
        arguments = [draw(st.sampled_from(first)), draw(st.sampled_from(found))]
        arguments = arguments[: 1 if name in ("sin", "negative") else 2]
        found.append(apply(name, *arguments))
        found.append(draw(leaf))
    built = [node for node in found if isinstance(node, Expr) and not is_constant(node)]
    return built[-1]


@given(expressions())
def test_what_repr_prints_reads_back_as_the_same_object(expression: Expr) -> None:
    if "…" not in repr(expression):
        assert parse_expression(repr(expression)) is expression


WRONG = {
    "x +": ("invalid syntax", 3),
    "__import__('os')": ("only graphc's own functions can be called", 0),
    "x + open('f')": ("only graphc's own functions can be called", 4),
    "x.shape": ("Attribute has no meaning here", 0),
    "1 + x[0]": ("Subscript has no meaning here", 4),
    "lambda: x": ("Lambda has no meaning here", 0),
    "x if y else z": ("IfExp has no meaning here", 0),
    "x and y": ("BoolOp has no meaning here", 0),
    "[x]": ("List has no meaning here", 0),
    "2*'text'": ("'text' is no number", 2),
    "1 + 2j": ("2j is no number", 4),
    "x < y < z": ("comparisons do not chain", 8),
    "sin(x, y)": ("takes 1 argument(s), got 2", 0),
    "sin()": ("sin needs an argument", 0),
    "sum(x, axis=0)": ("arguments are given by position", 12),
    "sin(x)(y)": ("only graphc's own functions can be called", 0),
    "9" * 30: ("a number or an array of numbers expected", 0),
    "é + 'x'": ("'x' is no number", 4),
    "x + y^2": ("powers are written **", 0),
    "2^3": ("powers are written **", 0),
    "(x < y) & z": ("a boolean condition expected", 0),
}


@pytest.mark.parametrize(("text", "what", "column"), [(text, *expected) for text, expected in WRONG.items()])
def test_what_is_no_expression_is_refused_with_a_caret(text: str, what: str, column: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_expression(text)
    message, shown, caret = caught.value.message.splitlines()[:3]
    assert what in message
    assert shown.strip() == text
    assert caret.index("^") - 4 == column


@pytest.mark.parametrize(
    "text", ["", " ", "x" * 200_000, "(" * 1000 + "x" + ")" * 1000, "-" * 5000 + "x", "x\n+\ny\nz"]
)
def test_strange_texts_are_refused_without_a_crash(text: str) -> None:
    with pytest.raises(ParseError):
        parse_expression(text)


def test_long_sums_are_read_up_to_the_limit() -> None:
    assert parse_expression("+".join(["x"] * 150)) is not None
    with pytest.raises(ParseError, match="nested more than 200 levels"):
        parse_expression("+".join(["x"] * 500))


@given(st.text(max_size=30) | st.text("xyz0123456789.+-*/() <>&|", max_size=30))
def test_any_text_is_an_expression_or_a_parse_error(text: str) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(parse_expression(text), Expr)
