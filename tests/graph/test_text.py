from __future__ import annotations

import numpy as np
import pytest

import graphc  # noqa: F401 (fills the tables)
from graphc.graph.dimensions import dimension
from graphc.graph.leaf import constant, size_of, symbols, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply

x, y, z = symbols("x y z")
X = tensor("X", ("batch", 784), "float32")
W = tensor("W_1", (784, 10), "float32")
beta = tensor("beta", (10,), "float32")
A = tensor("A", ("n", 3, 4))
B = tensor("B", ("n", 4, 5))

PYTHON = [
    (x, "x"),
    (x * (y**2 + z), "x*(y**2 + z)"),
    (x - (y - z), "x - (y - z)"),
    (x - y - z, "x - y - z"),
    (x + (y + z), "x + (y + z)"),
    (-(x**2), "-x**2"),
    ((-x) ** 2, "(-x)**2"),
    (x**-y, "x**-y"),
    (x**3, "x**3"),
    (x**-2 * y, "x**-2*y"),
    (apply("reciprocal", x + y), "1/(x + y)"),
    (~(x < y), "~(x < y)"),
    (apply("polygamma", 1, x), "polygamma(1, x)"),
    (X[0], "X[0]"),
    (X[1:, ::-1], "X[1:, ::-1]"),
    (X[:, 2:5], "X[:, 2:5]"),
    (X[:, 1::3] + 1, "X[:, 1::3] + 1"),
    (X.mean(), 'sum(X)/size("784*batch")'),
    ((x**y) ** z, "(x**y)**z"),
    (x ** (y**z), "x**y**z"),
    (x / (y * z), "x/(y*z)"),
    (x * (y / z), "x*(y/z)"),
    (x * -2.5, "x*-2.5"),
    (constant(-2.0) ** x, "(-2)**x"),
    (-(x + y), "-(x + y)"),
    ((x < y) & (y < z), "(x < y) & (y < z)"),
    (apply("where", x < y, x, 0), "where(x < y, x, 0)"),
    (x * 1e-7, "x*1e-07"),
    (0.1 * beta, "0.1*beta"),
    (constant(True), "True"),
    (constant(-0.0), "-0.0"),
    (apply("sin", x) + np.array([1.0, 2.5]), "sin(x) + [1, 2.5]"),
    (constant(np.ones((3, 3))), "array(3, 3)"),
    (size_of(X.shape[0]), 'size("batch")'),
    (X @ W + beta, "X @ W_1 + beta"),
    (X @ (W + beta), "X @ (W_1 + beta)"),
    (X @ W @ beta, "X @ W_1 @ beta"),
    (A @ B, "A @ B"),
    (W.T, "W_1.T"),
    ((W + 1).T, "(W_1 + 1).T"),
    (apply("sum", X), "sum(X)"),
    (apply("sum", X, axis=1), "sum(X, axis=1)"),
    (apply("sum", A, axis=(0, 2)), "sum(A, axis=(0, 2))"),
    (X / apply("sum", X, axis=1, keepdims=True), "X/sum(X, axis=1, keepdims=True)"),
    (apply("broadcast_to", x, (3,)), "broadcast_to(x, shape=(3,))"),
]

LATEX = [
    (x * (y**2 + z), r"x\,\left(y^{2} + z\right)"),
    (x / (y + 1), r"\frac{x}{y + 1}"),
    ((x / y) ** 2, r"\left(\frac{x}{y}\right)^{2}"),
    (x**3, "x^{3}"),
    (x**0.5, "x^{0.5}"),
    (apply("equal", x, y), "x = y"),
    (apply("expit", x), r"\sigma\left(x\right)"),
    (apply("asin", x), r"\arcsin\left(x\right)"),
    (apply("sqrt", x + y), r"\sqrt{x + y}"),
    (apply("exp", -x), "e^{-x}"),
    (apply("sin", beta), r"\sin\left(\beta\right)"),
    ((x + y) * -z, r"\left(x + y\right)\,\left(-z\right)"),
    (2 * x, r"2\,x"),
    (x * 1e-7, r"x \cdot \left(1 \cdot 10^{-7}\right)"),
    (X @ W + beta, r"X\,W_{1} + \beta"),
    (W.T, r"W_{1}^{\top}"),
    (apply("sum", X, axis=1), r"\sum_{1} X"),
    (apply("sum", X), r"\sum X"),
    (apply("mean", tensor("r", (2 * dimension("row_count"),))), r"\frac{\sum r}{2\,\mathrm{row}_{\mathrm{count}}}"),
    (apply("mean", tensor("r", (2 * dimension("n"),))), r"\frac{\sum r}{2\,n}"),
    (apply("where", x < y, x, 0), r"\begin{cases}x & \text{if } x < y\\0 & \text{otherwise}\end{cases}"),
    (tensor("weights_in", (2,)), r"\mathrm{weights}_{\mathrm{in}}"),
    (tensor("x12", (2,)), "x_{12}"),
]


@pytest.mark.parametrize(("node", "expected"), PYTHON, ids=[text for _, text in PYTHON])
def test_expressions_print_as_python(node: Expr, expected: str) -> None:
    assert repr(node) == str(node) == expected


@pytest.mark.parametrize(("node", "expected"), LATEX, ids=[text for _, text in LATEX])
def test_expressions_print_as_latex(node: Expr, expected: str) -> None:
    assert node._repr_latex_() == rf"$\displaystyle {expected}$"


def test_adjoints_of_products_print_with_transposes() -> None:
    from_left = apply("einsum", "ij,kj->ik", X @ W, W)
    assert repr(from_left) == "X @ W_1 @ W_1.T"
    assert repr(apply("einsum", "ki,kj->ij", X, X @ W)) == "X.T @ (X @ W_1)"
    assert repr(apply("einsum", "ij,ij->i", X, X)) == 'einsum("ij,ij->i", X, X)'


def test_broadcasting_that_numpy_would_not_do_alone_is_shown() -> None:
    v, m = tensor("v", (3,)), tensor("m", (3, 3))
    column = apply("expand_dims", v, 1)
    assert repr(v * m) == "v*m"
    assert repr(column * m) == "expand_dims(v, axis=1)*m"


def test_long_expressions_keep_what_is_nearest_to_the_root() -> None:
    node = x
    for _ in range(1000):
        node = node * x + y
    assert repr(node).endswith("*x + y)*x + y")
    assert repr(node).count("…") >= 1
    assert len(repr(node)) < 1000
    assert r"\dots" in node._repr_latex_()


def test_short_expressions_are_never_cut() -> None:
    node = x
    for _ in range(60):
        node = node + y
    assert repr(node) == "x" + " + y" * 60


def test_the_tree_shows_types_lines_and_shared_nodes_once() -> None:
    shared = apply("exp", X @ W)
    node = shared / apply("sum", shared, axis=1, keepdims=True)
    lines = node.tree().splitlines()
    assert lines[0].startswith("divide ")
    assert "float32 (batch, 10)" in lines[0]
    assert "test_text.py:" in lines[0]
    assert lines[1].startswith("├─ #1 exp ")
    assert lines[2].startswith("│  └─ contract ab,bc->ac ")
    assert lines[-1].strip() == "└─ #1"
    assert sum("contract" in line for line in lines) == 1


def test_the_tree_is_cut_at_its_limit_and_says_how_much_is_left() -> None:
    node = x
    for _ in range(50):
        node = node * y + z
    lines = node.tree(limit=10).splitlines()
    assert lines[-1] == "… and 93 more nodes; tree(limit=...) shows more"
    assert len(lines) < 25
    assert "more nodes" not in node.tree(limit=1000)
