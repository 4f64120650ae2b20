from __future__ import annotations

import pickle

import numpy as np
import pytest

import graphc  # noqa: F401 (fills the tables)
from graphc.graph.leaf import constant, parameter, size_of, symbol, symbols, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply

x, y = symbols("x y")
X = tensor("X", ("batch", 3), "float32")
EXPRESSIONS = [
    x,
    parameter("w", (2, 3)),
    x * (y**2 + 1),
    apply("where", x < y, x, y),
    apply("sum", X, axis=0, keepdims=True) @ tensor("W", (3, 2), "float32"),
    X.reshape((3 * X.shape[0],)),
    size_of(X.shape[0] * 2 + 1),
    constant(np.arange(6.0).reshape(2, 3)) + 1,
    constant(float("nan")) * constant(-0.0),
    constant(True),
]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("node", EXPRESSIONS, ids=repr)
def test_a_pickle_is_the_same_object_again(node: Expr, protocol: int) -> None:
    assert pickle.loads(pickle.dumps(node, protocol)) is node


def test_shared_nodes_are_written_once() -> None:
    node = symbol("x")
    for _ in range(40):
        node = apply("sin", node) * node
    assert len(pickle.dumps(node)) < 20_000


def test_another_process_reads_the_same_expression(run_python) -> None:
    text = """
import pickle, sys
node, again = pickle.loads(bytes.fromhex(sys.argv[1]))
from graphc.graph.leaf import tensor
assert node is again
X = tensor("X", ("batch", 3), "float32")
assert (X * 2).sum(axis=1) is node
print(node)
"""
    node = (X * 2).sum(axis=1)
    assert run_python(text, pickle.dumps([node, node]).hex()).strip() == "sum(X*2, axis=1)"
