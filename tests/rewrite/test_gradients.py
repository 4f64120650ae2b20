"""Simplify, differentiate, simplify: gradients of textbook forms are finite where the textbook form is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate
from graphc.graph.leaf import constant, symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply as op
from graphc.rewrite.engine import simplify

x = symbol("x")
ROW = tensor("row", (3,))


def gradient(expression: Expr, wrt: Expr) -> Expr:
    """Return the simplified gradient of the simplified sum of an expression."""
    (simplified,) = simplify([expression])
    one = op("broadcast_to", constant(1.0), simplified.shape)
    return simplify([adjoints({simplified: one}, [wrt])[wrt]])[0]


def test_the_gradient_of_log_one_plus_exp_is_expit() -> None:
    derivative = gradient(op("log", 1 + op("exp", x)), x)
    assert derivative is op("expit", x)
    for point, expected in ((1000.0, 1.0), (-1000.0, 0.0), (0.0, 0.5)):
        assert evaluate([derivative], {x: point})[0] == expected


def test_the_gradient_of_a_log_of_a_sum_of_exponentials_is_finite() -> None:
    derivative = gradient(op("log", op("sum", op("exp", ROW))), ROW)
    (value,) = evaluate([derivative], {ROW: [1000.0, 0.0, -1000.0]})
    np.testing.assert_array_equal(value, [1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("make", "at", "expected"),
    [
        (lambda v: op("sqrt", op("sum", v * v)), [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        (lambda v: op("sum", op("sqrt", v * v)), [0.0, -2.0, 3.0], [0.0, -1.0, 1.0]),
        (lambda v: op("sum", op("log", 1 / (1 + op("exp", -v)))), [-1000.0, 0.0, 1000.0], [1.0, 0.5, 0.0]),
        (lambda v: op("log", op("exp", v) / op("sum", op("exp", v)))[0], [-900.0, 900.0, 0.0], [1.0, -1.0, 0.0]),
    ],
    ids=["norm at zero", "absolute value", "log of a sigmoid", "cross entropy"],
)  # fmt: skip
def test_textbook_forms_have_finite_gradients(make: Callable[[Expr], Expr], at: Any, expected: Any) -> None:
    (value,) = evaluate([gradient(make(ROW), ROW)], {ROW: at})
    np.testing.assert_allclose(value, expected, atol=1e-15)


def test_the_log_of_softmax_is_finite_where_softmax_is_zero_and_minus_infinity_where_all_is() -> None:
    table = tensor("table", (3, 3))
    rows = [[0.0, 900.0, -900.0], [-np.inf, -np.inf, -np.inf], [0.0, 0.0, -np.inf]]
    (simplified,) = simplify([op("log", op("softmax", table))])
    value, expected = evaluate([simplified, op("log_softmax", table)], {table: rows})
    np.testing.assert_allclose(value, expected, rtol=1e-15)
    np.testing.assert_array_equal(value[:2], [[-900.0, 0.0, -1800.0], [-np.inf] * 3])
