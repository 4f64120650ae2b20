"""Contractions: any einsum NumPy takes, derivatives of them, errors that name shapes and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from derivative_tools import assert_derivatives, value_of
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc.ops  # noqa: F401
from graphc.autodiff.reverse import adjoints
from graphc.errors import DTypeError, ShapeError
from graphc.graph.leaf import symbol, tensor
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.walk import topological_order

SIZES = {"i": 2, "j": 3, "k": 1, "l": 0, "m": 2}


@st.composite
def subscripts(draw: st.DrawFn) -> str:
    """Draw subscripts of one to three operands, explicit or implicit, labels in any order."""
    labels = st.text("ijkm" if draw(st.booleans()) else "ijklm", max_size=3)
    parts = draw(st.lists(labels, min_size=1, max_size=3))
    text = ",".join(parts)
    if draw(st.booleans()):
        return text
    present = sorted(set("".join(parts)))
    kept = draw(st.permutations(present))[: draw(st.integers(0, len(present)))]
    return text + "->" + "".join(kept)


@given(subscripts())
@settings(max_examples=200)
def test_any_einsum_is_numpys(text: str) -> None:
    generator = np.random.default_rng(len(text))
    parts = text.partition("->")[0].split(",")
    arrays = [generator.standard_normal([SIZES[label] for label in part]) for part in parts]
    found = value_of(lambda *operands: apply("einsum", text, *operands), arrays)
    np.testing.assert_allclose(found, np.einsum(text, *arrays), rtol=1e-13, atol=1e-13)


@given(subscripts())
@settings(max_examples=60)
def test_any_einsum_has_the_derivatives_of_differences(text: str) -> None:
    generator = np.random.default_rng(len(text))
    parts = text.partition("->")[0].split(",")
    arrays = [generator.standard_normal([SIZES[label] for label in part]) for part in parts]
    assert_derivatives(lambda *operands: apply("einsum", text, *operands), arrays)


@given(data=st.data())
@settings(max_examples=100)
def test_any_matmul_is_numpys(data: st.DataObject) -> None:
    sizes = st.integers(0, 3)
    n, k, m = (data.draw(sizes) for _ in range(3))
    batch = [data.draw(st.integers(1, 2)) for _ in range(2)]
    shapes = []
    for core in ((n, k), (k, m)):
        kept = batch[data.draw(st.integers(0, 2)) :]
        ones = [1 if data.draw(st.booleans()) else size for size in kept]
        shapes.append((*ones, *core))
    arrays = [np.random.default_rng(n).standard_normal(shape) for shape in shapes]
    np.testing.assert_allclose(value_of(lambda x, y: x @ y, arrays), arrays[0] @ arrays[1], rtol=1e-14, atol=1e-14)
    assert_derivatives(lambda x, y: x @ y, arrays)


def test_gradient_of_the_gradient_of_a_product() -> None:
    def first(x: Expr, y: Expr) -> Expr:
        output = x @ y
        return adjoints({output: output * output}, [x])[x]

    generator = np.random.default_rng(0)
    assert_derivatives(first, [generator.standard_normal((2, 3)), generator.standard_normal((3, 2))])


def test_adjoints_of_matmul_are_contractions_without_transposes() -> None:
    x, w = tensor("x", ("batch", 4)), symbol("w", (4, 2))
    output = x @ w
    adjoint = symbol("adjoint", output.shape)
    table = adjoints({output: adjoint}, [x, w])
    assert {node.op.name for node in topological_order([table[x], table[w]])} == {"symbol", "contract"}


@pytest.mark.parametrize(
    "dtypes", [("int32", "int64"), ("float32", "float64"), ("int32", "float32"), ("uint8", "int8")]
)
def test_dtype_of_a_product_is_numpys(dtypes: tuple[str, str]) -> None:
    arrays = [np.arange(4).reshape(2, 2).astype(dtype) for dtype in dtypes]
    found, expected = value_of(lambda x, y: x @ y, arrays), arrays[0] @ arrays[1]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


A, B, V = tensor("A", ("batch", 3)), tensor("B", (4, 5)), tensor("V", ("time",))
ERRORS: dict[str, Any] = {
    "matmul": (lambda: A @ B, r"matmul: shapes \(batch, 3\) and \(4, 5\) do not match: .* has 3, .* has 4"),
    "matmul vector": (lambda: A @ V, r"\(batch, 3\) and \(time,\) do not match: .* only axis of the second has time"),
    "matmul number": (lambda: A @ 2.0, r"at least one dimension"),
    "matmul names": (lambda: V @ A, r"\(time,\) and \(batch, 3\)"),
    "matmul batch": (
        lambda: symbol("x", (2, 3, 3)) @ symbol("y", (5, 3, 3)),
        r"\(2, 3, 3\) and \(5, 3, 3\) do not match: sizes 2 and 5 on a batch axis differ",
    ),
    "dot": (lambda: np.dot(A, B), r"\(batch, 3\) and \(4, 5\) do not match: axis 1 of the first has 3"),
    "tensordot": (lambda: np.tensordot(A, B, ([0, 1], [0])), "pair as many axes"),
    "einsum label": (
        lambda: np.einsum("ij,jk->ik", A, B),
        r"\(4, 5\) do not match .* label 'j' is 3 and 4",
    ),
    "einsum result": (lambda: np.einsum("ij->k", A), "label 'k' of the result"),
    "einsum doubled result": (lambda: np.einsum("ij->ii", A), "label 'i' of the result"),
    "einsum rank": (lambda: np.einsum("ijk->i", A), r"'ijk' in 'ijk->i' does not fit shape \(batch, 3\)"),
    "einsum count": (lambda: np.einsum("ij,jk", A), "describes 2 operand"),
    "einsum diagonal": (lambda: np.einsum("ii->i", A), "label 'i' stands for batch and 3"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_names_shapes_and_the_line(name: str) -> None:
    build, text = ERRORS[name]
    with pytest.raises(ShapeError, match=text) as caught:
        build()
    assert "test_contraction.py:" in str(caught.value)


def test_product_of_bools_is_refused() -> None:
    with pytest.raises(DTypeError, match="got bool"):
        symbol("p", (2, 2), "bool") @ symbol("q", (2, 2), "bool")
