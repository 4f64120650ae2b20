"""Mistakes with loops, choices and transformations are named in the user's words, with the user's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.errors import ArgumentError, DTypeError, GraphcError, ShapeError, UnsupportedError

X, V, ITEMS = gx.symbol("x"), gx.tensor("v", (3,)), np.ones((2, 3))

MISTAKES: list[tuple[Callable[[], Any], type[GraphcError], str]] = [
    (lambda: gx.jacobian(3.0), ArgumentError, "jacobian: expressions expected, got float 3.0"),
    (lambda: gx.hessian(3.0), ArgumentError, "hessian: an expression expected, got float"),
    (lambda: gx.hessian(V), ShapeError, r"hessian: a scalar expected, got shape \(3,\)"),
    (lambda: gx.hvp(X**3, X, [1.0]), ArgumentError, r"hvp: vectors: expected the structure \*, got \[\*\]"),
    (lambda: gx.hvp(gx.sin, 3.0, 1.0), ArgumentError, r"hvp: the tuple of the function's arguments .*\n.*\n.*\(x,\)"),
    (lambda: gx.jvp(gx.sin, 3.0, 1.0), ArgumentError, "jvp: the tuple of the function's arguments expected, got float"),
    (lambda: gx.vjp(X * X, X), ArgumentError, "vjp: of expressions it takes two more arguments, got 1"),
    (lambda: gx.vmap(gx.sin, in_axes=2)(ITEMS), ShapeError, r"vmap: argument 0 of shape \(2, 3\) has no axis 2"),
    (lambda: gx.vmap(gx.add)(ITEMS, ITEMS.T), ShapeError, "2 along axis 0 of argument 0, 3 along axis 0 of argument 1"),
    (lambda: gx.vmap(lambda a: a["w"], in_axes=1)({"w": V}), ShapeError, r"vmap: argument 0\['w'\] of shape \(3,\)"),
    (lambda: gx.cond(X > 0, lambda: X, lambda: (X, X)), ArgumentError, r"the true branch: expected the structure"),
    (lambda: gx.switch(X, [lambda: X]), DTypeError, "switch: the index must be an integer scalar, got float64"),
    (lambda: gx.switch(0, lambda: X), ArgumentError, "branches: a sequence of at least one function expected"),
    (lambda: gx.scan(3, 0.0, V), ArgumentError, "scan: f: a function expected, got 3"),
    (lambda: gx.map(V, V), ArgumentError, "map: f: a function expected, got v"),
    (lambda: gx.while_loop(lambda c: c > 0, 1, X), ArgumentError, "while_loop: body: a function expected, got 1"),
    (lambda: gx.compile(X, wrt="x"), ArgumentError, "wrt: expressions expected, got str 'x'.*\n.*\n.*neither"),
    (
        lambda: gx.grad(X, ITEMS),
        ArgumentError,
        "expressions expected, got ndarray(.*\n)+.*neither its name",
    ),
    (lambda: gx.compile(X, inputs=["x"]), ArgumentError, "inputs: symbols expected, got 'x'.*\n.*\n.*what gx.symbol"),
    (lambda: gx.parameter("w", ITEMS), ShapeError, r"an array of float64 with shape \(2, 3\)\n.*\n.*hold no value"),
    (
        lambda: gx.fori_loop(0, 2, lambda i, c: (c, c), X),
        ArgumentError,
        r"fori_loop: the carry begins .* \(\*, \*\)",
    ),
    (
        lambda: max(gx.tensor("rows", ("n",)).shape[0], 3),
        ArgumentError,
        r"dimension n has no size .*\n.*\n.*gx.maximum",
    ),
    (lambda: np.isclose(X, 1.0), UnsupportedError, "graphc has no operation 'isclose'"),
    (lambda: gx.compile(X, inputs=3), ArgumentError, "inputs: symbols expected, got 3"),
    (lambda: gx.top_k(V, 1.5), ArgumentError, "k: an integer expected, got 1.5"),
    (lambda: gx.einsum(3, V), ArgumentError, 'a text such as "ij,jk->ik" expected, got 3'),
    (lambda: gx.scan(lambda c, a: (c, a), 0.0, X), ShapeError, "xs holds a number, .*\n.*\n.*use it in the body as it"),
    (lambda: gx.eye("n", 3), UnsupportedError, r"eye: a named dimension .*\n.*\n.*gx.diag\(gx.ones\(n - k\), k\)"),
]


@pytest.mark.parametrize(("mistake", "kind", "words"), MISTAKES, ids=[words for _, _, words in MISTAKES])
def test_a_mistake_is_named_with_the_users_line(
    mistake: Callable[[], Any], kind: type[GraphcError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        mistake()
    assert caught.value.origin is not None
    assert "test_messages.py:" in caught.value.origin


def test_a_name_graphc_does_not_have_leads_to_the_page_of_such_names() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'jit': docs/coming-from.md"):
        gx.jit  # noqa: B018 - looking it up is the mistake
