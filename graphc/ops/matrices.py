"""What the functions of linear algebra share: their arguments as matrices, transposes, products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import DTypeError, ShapeError
from graphc.graph.dimensions import Shape
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, Gradient
from graphc.graph.table import apply
from graphc.graph.types import broadcast_shapes, format_shape, is_float


def finite(array: Any) -> Any:
    """Return an array of finite numbers; LAPACK may look for singular values of others for ever.

    Raises:
        LinAlgError: a number is infinite or NaN.
    """
    if not np.isfinite(array).all():
        raise np.linalg.LinAlgError("Infinite or NaN in the matrix")
    return array


def matrices(x: Any, what: str = "a matrix") -> Expr:
    """Return ``x`` as an expression of matrices of floats.

    Raises:
        ShapeError: it has fewer than two dimensions.
        DTypeError: its dtype is no float.
    """
    node = as_expr(x)
    if node.ndim < 2:
        raise ShapeError(
            f"{what} expected, got shape {format_shape(node.shape)}",
            remedy="matrices are the last two axes; add one with x[:, None] or x[None, :]",
        )
    return floats(node)


def floats(node: Expr) -> Expr:
    """Return a node of floats.

    Raises:
        DTypeError: its dtype is another.
    """
    if not is_float(node.dtype):
        raise DTypeError(f"a float dtype expected, got {node.dtype}", remedy="cast with .astype(float)")
    return node


def square(x: Any) -> Expr:
    """Return ``x`` as an expression of square matrices.

    Raises:
        ShapeError, DTypeError: it is none.
    """
    node = matrices(x, "a square matrix")
    if node.shape[-2] != node.shape[-1]:
        raise ShapeError(
            f"a square matrix expected, got shape {format_shape(node.shape)}: {node.shape[-2]} rows and "
            f"{node.shape[-1]} columns",
            remedy="for more equations than unknowns use gx.linalg.lstsq",
        )
    return node


def in_one_batch(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Return matrices broadcast to the same batch axes.

    Raises:
        ShapeError: these do not broadcast; both shapes are named.
    """
    try:
        batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ShapeError as error:
        raise ShapeError(
            f"shapes {format_shape(a.shape)} and {format_shape(b.shape)}: their batch axes do not broadcast",
            remedy=error.remedy,
        ) from None
    return tuple(apply("broadcast_to", node, batch + node.shape[-2:]) for node in (a, b))  # type: ignore[return-value]


def same_rows(a: Expr, b: Any) -> tuple[Expr, Expr, bool]:
    """Return a matrix and right sides as matrices of its dtype and batch, and whether these were one vector.

    Raises:
        ShapeError: the numbers of rows differ; both shapes are named.
        DTypeError: ``b`` has no float dtype, or another than ``a``.
    """
    right = as_expr(b)
    floats(right)
    if right.dtype != a.dtype:
        raise DTypeError(
            f"both operands must have one dtype, got {a.dtype} and {right.dtype}",
            remedy=f'cast one with .astype("{a.dtype}")',
        )
    vector = right.ndim == 1
    if not right.ndim or right.shape[-1 if vector else -2] != a.shape[-2]:
        raise ShapeError(
            f"shapes {format_shape(a.shape)} and {format_shape(right.shape)} do not match: the right side must have "
            f"as many rows as the matrix, {a.shape[-2]}",
            remedy="a vector is one right side; the right sides of a batch are the columns of its last two axes",
        )
    first, second = in_one_batch(a, apply("expand_dims", right, 1) if vector else right)
    return first, second, vector


def transposed(node: Expr) -> Expr:
    """Return matrices with rows and columns exchanged."""
    return apply("matrix_transpose", node)


def times(*factors: Expr) -> Expr:
    """Return the product of matrices, from left to right."""
    result, *others = factors
    for factor in others:
        result = apply("matmul", result, factor)
    return result


def columns_times(matrix: Expr, factors: Expr) -> Expr:
    """Return matrices with each column multiplied by its factor."""
    return apply("multiply", matrix, apply("expand_dims", factors, -2))


def symmetric_part(node: Expr) -> Expr:
    """Return the mean of matrices and their transposes."""
    return apply("multiply", apply("add", node, transposed(node)), 0.5)


def plus(*terms: Gradient) -> Gradient:
    """Return the sum of the terms that are not None; None where all are."""
    total: Gradient = None
    for term in terms:
        if term is not None:
            total = term if total is None else apply("add", total, term)
    return total


def negative(node: Expr) -> Expr:
    """Return the node with the other sign."""
    return apply("negative", node)


def reciprocal_gaps(values: Expr) -> Expr:
    """Return ``1 / (values[j] - values[i])`` for each pair, 0 where the two are equal.

    The derivative of a vector that belongs to a repeated value does not exist; this leaves out the part of it
    within the space of that value. Symmetric functions of the values alone do not depend on it.
    """
    return safe_reciprocal(apply("subtract", apply("expand_dims", values, -2), apply("expand_dims", values, -1)))


def safe_reciprocal(values: Expr) -> Expr:
    """Return ``1 / values``, 0 where they are 0."""
    zero = apply("equal", values, 0.0)
    return apply("where", zero, 0.0, apply("reciprocal", apply("where", zero, 1.0, values)))


def given(gradient: Gradient) -> Expr:
    """Return a gradient that there always is: a row without any is never asked."""
    assert gradient is not None
    return gradient


def batch_of(arguments: Sequence[Expr]) -> Shape:
    """Return the batch axes that the arguments of a matrix row share."""
    return arguments[0].shape[:-2]
