"""Diagonals and triangles of matrices, matrices made of diagonals, products of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.graph.dimensions import Size, larger, smaller
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import format_shape, normalise_axis
from graphc.ops.casting import accumulated, cast, same_dtype
from graphc.ops.movement_row import MovementOperation, Source, movement
from graphc.ops.public import public


def _triangle_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    distance = index[-1] - index[-2]
    offset = node.attribute("offset")
    guard = distance <= offset if node.attribute("lower") else distance >= offset
    return [Source(0, index, guard), Source(None)]


def _triangle_reference(arrays: Sequence[Any], shape: Sequence[int], attributes: dict[str, Any]) -> Any:
    return (np.tril if attributes["lower"] else np.triu)(arrays[0], attributes["offset"])


def _start(offset: int) -> tuple[int, int]:
    """Return the row and column where the diagonal of an offset begins."""
    return max(-offset, 0), max(offset, 0)


def _diagonal_length(shape: Sequence[Size], offset: int) -> Size:
    row, column = _start(offset)
    return larger(smaller(shape[-2] - row, shape[-1] - column), 0)


def _diagonal_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    row, column = _start(node.attribute("offset"))
    return [Source(0, (*index[:-1], index[-1] + row, index[-1] + column))]


def _embedding_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    row, column = _start(node.attribute("offset"))
    first, second = index[-2] - row, index[-1] - column
    guard = (first <= second) & (second <= first) & (first >= 0) & (first < node.args[0].shape[-1])
    return [Source(0, (*index[:-2], first), guard), Source(None)]


def _embedding_reference(arrays: Sequence[Any], shape: Sequence[int], attributes: dict[str, Any]) -> Any:
    result = np.zeros(tuple(shape), arrays[0].dtype)
    row, column = _start(attributes["offset"])
    places = np.arange(arrays[0].shape[-1])
    result[..., places + row, places + column] = arrays[0]
    return result


TRIANGLE: MovementOperation = movement(
    name="triangle",
    shape_rule=lambda arguments, attributes: arguments[0].shape,
    sources=_triangle_sources,
    adjoint=lambda node, adjoint, _: build(TRIANGLE, adjoint, **dict(node.attributes)),
    tangent=lambda node, tangents: build(TRIANGLE, tangents[0], **dict(node.attributes)),
    reference=_triangle_reference,
)
DIAGONAL: MovementOperation = movement(
    name="diagonal",
    shape_rule=lambda arguments, attributes: (
        *arguments[0].shape[:-2],
        _diagonal_length(arguments[0].shape, attributes["offset"]),
    ),
    sources=_diagonal_sources,
    adjoint=lambda node, adjoint, _: on_diagonal(adjoint, node.args[0].shape[-2:], node.attribute("offset")),
    tangent=lambda node, tangents: build(DIAGONAL, tangents[0], offset=node.attribute("offset")),
    reference=lambda arrays, shape, attributes: np.diagonal(arrays[0], attributes["offset"], -2, -1),
)
ON_DIAGONAL: MovementOperation = movement(
    name="on_diagonal",
    shape_rule=lambda arguments, attributes: (*arguments[0].shape[:-1], *attributes["shape"]),
    sources=_embedding_sources,
    adjoint=lambda node, adjoint, _: build(DIAGONAL, adjoint, offset=node.attribute("offset")),
    tangent=lambda node, tangents: build(ON_DIAGONAL, tangents[0], **dict(node.attributes)),
    reference=_embedding_reference,
)


def on_diagonal(node: Expr, shape: Sequence[Size], offset: int = 0) -> Expr:
    """Return matrices of a shape with what is on the last axis of a node on a diagonal, zeros elsewhere."""
    return build(ON_DIAGONAL, node, shape=tuple(shape), offset=offset)


def main_diagonal(node: Expr) -> Expr:
    """Return the main diagonal of matrices along the last axes."""
    return build(DIAGONAL, node, offset=0)


def lower_triangle(node: Expr, offset: int = 0) -> Expr:
    """Return matrices with zeros above a diagonal."""
    return build(TRIANGLE, node, lower=True, offset=offset)


def upper_triangle(node: Expr, offset: int = 0) -> Expr:
    """Return matrices with zeros below a diagonal."""
    return build(TRIANGLE, node, lower=False, offset=offset)


def _matrices(x: Any) -> Expr:
    """Return ``x`` as an expression with at least two dimensions.

    Raises:
        ShapeError: it has fewer.
    """
    node = as_expr(x)
    if node.ndim < 2:
        raise ShapeError(
            f"at least two dimensions expected, got shape {format_shape(node.shape)}",
            remedy="give it a second axis: x[None, :] or x[:, None]",
        )
    return node


@public()
def tril(m: Any, k: int = 0) -> Expr:
    """Return matrices (the last two axes) with zeros above the k-th diagonal.

    Raises:
        ShapeError: ``m`` has fewer than two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.tril(gx.ones((2, 3))), inputs=[], backend="reference")().tolist()
        [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    return lower_triangle(_matrices(m), int(k))


@public()
def triu(m: Any, k: int = 0) -> Expr:
    """Return matrices (the last two axes) with zeros below the k-th diagonal.

    Raises:
        ShapeError: ``m`` has fewer than two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.triu(gx.ones((2, 3))))().tolist()
        [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
    """
    return upper_triangle(_matrices(m), int(k))


@public()
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Expr:
    """Return the diagonals of matrices along two axes, as ``numpy.diagonal``: they become the last axis.

    Args:
        a: at least two dimensions.
        offset: how far the diagonal is above the main one.
        axis1, axis2: the axes of rows and columns.

    Raises:
        ShapeError: ``a`` has fewer than two dimensions, or the axes are one.

    Example:
        >>> import graphc as gx
        >>> gx.diagonal(gx.tensor("a", ("batch", 3, 4)), axis1=1, axis2=2).shape
        (batch, 3)
    """
    node = _matrices(a)
    axes = tuple(normalise_axis(axis, node.ndim, "diagonal") for axis in (axis1, axis2))
    if axes[0] == axes[1]:
        raise ShapeError(f"axis1 and axis2 are both axis {axes[0]}", remedy="name two axes")
    return build(DIAGONAL, apply("moveaxis", node, axes, (-2, -1)), offset=int(offset))


@public(name="linalg.diagonal")
def matrix_diagonal(x: Any, offset: int = 0) -> Expr:
    """Return the diagonals of matrices (the last two axes); ``offset`` is how far they are above the main one.

    Raises:
        ShapeError: ``x`` has fewer than two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.linalg.diagonal(gx.tensor("x", ("batch", 3, 4))).shape
        (batch, 3)
    """
    return diagonal(x, offset, -2, -1)


@public()
def diag(v: Any, k: int = 0) -> Expr:
    """Return the k-th diagonal of a matrix, or the matrix with a vector on its k-th diagonal.

    Raises:
        ShapeError: ``v`` has neither one nor two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.diag(gx.tensor("x", (3,)), 1).shape
        (4, 4)
    """
    node = as_expr(v)
    if node.ndim == 2:
        return build(DIAGONAL, node, offset=int(k))
    if node.ndim != 1:
        raise ShapeError(
            f"a vector or a matrix expected, got shape {format_shape(node.shape)}",
            remedy="use gx.diagonal for the diagonals of many matrices",
        )
    size = node.shape[0] + abs(int(k))
    return on_diagonal(node, (size, size), int(k))


@public()
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Expr:
    """Return the sum of the diagonal of matrices along two axes, as ``numpy.trace``.

    Args:
        a, offset, axis1, axis2: as for `diagonal`.

    Raises:
        ShapeError: ``a`` has fewer than two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.trace([[1, 2], [3, 4]]))()
        5
    """
    return apply("sum", accumulated(diagonal(a, offset, axis1, axis2)), axis=-1)


@public(name="linalg.trace")
def matrix_trace(x: Any, offset: int = 0) -> Expr:
    """Return the sum of the diagonal of matrices (the last two axes); ``offset`` is how far it is above the main one.

    Raises:
        ShapeError: ``x`` has fewer than two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.linalg.trace(gx.tensor("x", ("batch", 3, 3))).shape
        (batch,)
    """
    return trace(x, offset, -2, -1)


@public()
def kron(a: Any, b: Any) -> Expr:
    """Return the Kronecker product: every element of ``a`` times the whole of ``b``, as ``numpy.kron``.

    Example:
        >>> import graphc as gx
        >>> gx.kron(gx.tensor("a", (2, 3)), gx.tensor("b", (4, 5))).shape
        (8, 15)
    """
    first, second = same_dtype((a, b))
    rank = max(first.ndim, second.ndim)
    shapes = [(1,) * (rank - node.ndim) + node.shape for node in (first, second)]
    spread = [
        apply("reshape", node, tuple(size for pair in _interleaved(shape, place) for size in pair))
        for place, (node, shape) in enumerate(zip((first, second), shapes, strict=True))
    ]
    multiplied = apply("multiply", *spread)
    return cast(apply("reshape", multiplied, tuple(m * n for m, n in zip(*shapes, strict=True))), first.dtype)


def _interleaved(shape: Sequence[Size], place: int) -> list[tuple[Size, Size]]:
    """Return each size as a pair with 1: first for the left factor, second for the right one."""
    return [(size, 1) if place == 0 else (1, size) for size in shape]
