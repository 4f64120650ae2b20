"""Functions that put the axes of an array into another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.errors import ShapeError
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, build
from graphc.graph.types import format_shape, normalise_axis
from graphc.ops.movement import TRANSPOSE
from graphc.ops.public import public


@public("permute_dims")
def transpose(x: Any, axes: Sequence[int] | None = None) -> Expr:
    """Return ``x`` with its axes in the order ``axes``; reversed when None.

    Raises:
        ShapeError: ``axes`` is no permutation of the axes of ``x``.

    Example:
        >>> import graphc as gx
        >>> gx.transpose(gx.tensor("x", (2, 3))).shape
        (3, 2)
    """
    node = as_expr(x)
    rank = len(node.shape)
    order = tuple(range(rank))[::-1] if axes is None else tuple(normalise_axis(axis, rank, "axes") for axis in axes)
    if sorted(order) != list(range(rank)):
        raise ShapeError(f"axes {axes} are no permutation of the {rank} axes of shape {format_shape(node.shape)}")
    return node if order == tuple(range(rank)) else build(TRANSPOSE, node, axes=order)


@public()
def swapaxes(x: Any, axis1: int, axis2: int) -> Expr:
    """Return ``x`` with the axes ``axis1`` and ``axis2`` exchanged.

    Raises:
        ShapeError: there is no such axis.

    Example:
        >>> import graphc as gx
        >>> gx.swapaxes(gx.tensor("x", (2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """
    node = as_expr(x)
    first, second = (normalise_axis(axis, node.ndim, "swapaxes") for axis in (axis1, axis2))
    order = list(range(node.ndim))
    order[first], order[second] = second, first
    return transpose(node, order)


@public()
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Expr:
    """Return ``x`` with the axes ``source`` moved to the positions ``destination``, the others in order.

    Raises:
        ShapeError: the numbers of axes differ, or one is given twice.

    Example:
        >>> import graphc as gx
        >>> gx.moveaxis(gx.tensor("x", (2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    node = as_expr(x)
    places = [tuple(each) if isinstance(each, (tuple, list)) else (each,) for each in (source, destination)]
    old, new = ([normalise_axis(axis, node.ndim, "moveaxis") for axis in each] for each in places)
    if len(old) != len(new) or len(set(old)) != len(old) or len(set(new)) != len(new):
        raise ShapeError(f"source {source} and destination {destination} must be as many distinct axes")
    order = [axis for axis in range(node.ndim) if axis not in old]
    for position, axis in sorted(zip(new, old, strict=True)):
        order.insert(position, axis)
    return transpose(node, order)


@public()
def matrix_transpose(x: Any) -> Expr:
    """Return ``x`` with its last two axes exchanged.

    Raises:
        ShapeError: ``x`` has fewer than two dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.matrix_transpose(gx.tensor("x", ("batch", 2, 3))).shape
        (batch, 3, 2)
    """
    node = as_expr(x)
    if node.ndim < 2:
        raise ShapeError(f"at least two dimensions expected, got shape {format_shape(node.shape)}")
    return swapaxes(node, -1, -2)
