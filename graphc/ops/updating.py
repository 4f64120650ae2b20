"""Arrays with some elements changed, and sums by group: values written to places."""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.leaf import as_expr, as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import as_dtype, as_shape, as_size, broadcast_shapes, format_shape, promote
from graphc.ops.indexing import expand_ellipsis
from graphc.ops.lookup import as_indices, places_of, window
from graphc.ops.lookup_row import scatter
from graphc.ops.public import public


@public()
def updated(x: Any, index: Any, values: Any, fold: str = "set", mode: str = "raise") -> Expr:
    """Return ``x`` with values written to the elements ``x[index]``: what the methods of ``x.at[index]`` build.

    Args:
        x: any shape.
        index: what stands in brackets, as in ``x[index]``.
        values: what broadcasts to the shape of ``x[index]``.
        fold: "set", "add", "multiply", "maximum" or "minimum".
        mode: "raise", or "drop" to leave out values for places out of range.

    Raises:
        ShapeError: the values do not fit.
        DTypeError: the values' dtype does not fit that of ``x``.
        OutOfRangeError: an index known now is out of range.

    Example:
        >>> import graphc as gx
        >>> x = gx.tensor("x", ("n", 3))
        >>> x.at[gx.tensor("rows", 5, "int64")].add(1.0).shape
        (n, 3)
    """
    if mode not in ("raise", "drop"):
        raise ArgumentError(f'mode: "raise" or "drop" expected, got {mode!r}')
    node = as_expr(x)
    if node.dtype == "bool" and fold != "set":
        raise DTypeError(f"{fold} of bool has no meaning", remedy='cast with .astype("int64"), or use set')
    items = expand_ellipsis(index if isinstance(index, tuple) else (index,), node)
    places, indices = places_of(node, items, drops=mode == "drop")
    return scatter(node, _fitting(values, node, places.shape), indices, places, fold)


def _fitting(values: Any, node: Expr, shape: Any) -> Expr:
    """Return values in an array's dtype and a shape.

    Raises:
        DTypeError, ShapeError: they do not fit.
    """
    found = as_expr(values, weak=node.dtype)
    if promote(found.dtype, node.dtype) != node.dtype:
        raise DTypeError(
            f"values of dtype {found.dtype} do not fit into {node.dtype}",
            remedy=f'cast them with .astype("{node.dtype}"), or the array with .astype("{found.dtype}")',
        )
    if broadcast_shapes(found.shape, shape) != shape:
        raise ShapeError(f"values of shape {format_shape(found.shape)} do not fit {format_shape(shape)}")
    return apply("broadcast_to", apply("astype", found, node.dtype), shape)


@public()
def dynamic_update_slice(x: Any, values: Any, starts: Any) -> Expr:
    """Return ``x`` with a part of it, which begins where ``starts`` say, replaced by ``values``.

    Args:
        x: any shape.
        values: an array of as many dimensions.
        starts: as in `dynamic_slice`.

    Raises:
        ShapeError: the part is larger than ``x``.
        DTypeError: the values' dtype does not fit that of ``x``.

    Example:
        >>> import graphc as gx
        >>> x, i = gx.tensor("x", (100, 3)), gx.symbol("i", dtype="int64")
        >>> gx.dynamic_update_slice(x, gx.zeros((1, 3)), (i, 0)).shape
        (100, 3)
    """
    node, part = as_exprs(x, values)
    places, indices = window(node, starts, part.shape)
    return scatter(node, _fitting(part, node, part.shape), indices, places, "set")


@public()
def scatter_add(shape: Any, indices: Any, values: Any, mode: str = "raise") -> Expr:
    """Return zeros of a shape with values added at positions along the first axis; equal positions add up.

    Args:
        shape: of the result.
        indices: integers of any shape.
        values: their shape, then the other axes of the result.
        mode: as in `updated`.

    Example:
        >>> import graphc as gx
        >>> gx.scatter_add((10, 3), gx.tensor("rows", "n", "int64"), gx.tensor("x", ("n", 3))).shape
        (10, 3)
    """
    node = as_expr(values)
    whole = as_shape(shape)
    found = as_indices(indices)
    expected = (*found.shape, *whole[1:])
    if node.shape != expected:
        raise ShapeError(f"values of shape {format_shape(expected)} expected, got {format_shape(node.shape)}")
    return updated(apply("zeros", whole, node.dtype), found, node, "add", mode)


@public()
def segment_sum(data: Any, segment_ids: Any, num_segments: Any, mode: str = "raise") -> Expr:
    """Return the sums of the elements along the first axis that have the same number.

    Args:
        data: one element, of any shape, for each number.
        segment_ids: integers from 0 to below ``num_segments``, of one dimension, in any order.
        num_segments: how many sums there are: an integer or a named dimension.
        mode: "raise", or "drop" to leave out numbers out of range.

    Example:
        >>> import graphc as gx
        >>> gx.segment_sum(gx.tensor("x", ("n", 3)), gx.tensor("group", "n", "int64"), 4).shape
        (4, 3)
    """
    node, found = as_expr(data), as_indices(segment_ids)
    if found.ndim != 1 or node.shape[:1] != found.shape:
        raise ShapeError(
            f"data of shape {format_shape(node.shape)} and numbers of shape {format_shape(found.shape)}",
            remedy="give one number for each item along the first axis",
        )
    return scatter_add((as_size(num_segments), *node.shape[1:]), found, node, mode)


@public()
def one_hot(indices: Any, num_classes: Any, dtype: Any = "float64") -> Expr:
    """Return 1 at each index along a new last axis, 0 elsewhere; all 0 for an index out of range.

    It costs no memory where it is used: ``one_hot(labels, 10) * x`` computes each element by a comparison.

    Args:
        indices: integers, any shape.
        num_classes: the size of the new axis, an integer or a named dimension.
        dtype: of the result.

    Raises:
        DTypeError: the indices are no integers.

    Example:
        >>> import graphc as gx
        >>> gx.one_hot(gx.tensor("labels", "batch", "int64"), 10).shape
        (batch, 10)
    """
    found = as_indices(indices)
    places = apply("arange", as_size(num_classes))
    return apply("astype", apply("equal", apply("expand_dims", found, -1), places), as_dtype(dtype))
