"""Indexing by arrays: what stands in brackets as places, elements taken from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError, UnsupportedError
from graphc.graph.dimensions import Dimension, Shape, Size
from graphc.graph.leaf import as_expr, constant, constant_value, is_constant
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import INTEGERS, as_shape, broadcast_shapes, format_shape, normalise_axis
from graphc.ops.brackets import cut_axis, position_of
from graphc.ops.casting import cast
from graphc.ops.lookup_row import Axis, Places, gather
from graphc.ops.public import public

MODES = ("raise", "clip", "wrap", "fill")


def places_of(node: Expr, items: Sequence[Any], drops: bool = False) -> tuple[Places, list[Expr]]:
    """Return the places an index means, one item an axis besides None, and its index arrays.

    Index arrays broadcast; their axes stand where the first of them stands, in front where slices or None
    are between them, by NumPy's rules. With an array, integers count as arrays too.
    """
    found = [_as_array(item) for item in items]
    arrays = [array for array in found if array is not None]
    spread_shape = broadcast_shapes(*(array.shape for array in arrays))
    advanced = [n for n, item in enumerate(items) if found[n] is not None or (arrays and _is_integer(item))]
    together = bool(advanced) and advanced[-1] - advanced[0] + 1 == len(advanced)
    first = advanced[0] if together else 0
    shape: list[Size] = []
    axes: list[Axis] = []
    spread: tuple[int, ...] = ()
    indices: list[Expr] = []
    for number, (item, array) in enumerate(zip(items, found, strict=True)):
        if number == first and arrays:
            spread = tuple(range(len(shape), len(shape) + len(spread_shape)))
            shape.extend(spread_shape)
        if item is None:
            shape.append(1)
        elif array is not None:
            array = array if drops else in_range(array, node.shape[len(axes)], len(axes))
            indices.append(apply("broadcast_to", array, spread_shape))
            axes.append((-1, len(indices) - 1, 0, 0))
        elif isinstance(item, slice):
            start, step, size = cut_axis(item, node.shape[len(axes)])
            axes.append((len(shape), -1, start, step))
            shape.append(size)
        else:
            axes.append((-1, -1, position_of(item, node.shape[len(axes)], node, len(axes)), 0))
    return Places(tuple(axes), spread, tuple(shape), drops), indices


def _is_integer(item: Any) -> bool:
    return isinstance(item, (int, np.integer, Dimension))


def is_array(item: Any) -> bool:
    """Tell whether an item of an index is an array or an expression, rather than an integer, slice, None or ``...``."""
    return isinstance(item, (Expr, list, tuple, np.ndarray, bool, np.bool_))


def _as_array(item: Any) -> Expr | None:
    """Return an item of an index as an index array, None if it is none.

    Raises:
        UnsupportedError: it is a mask.
        DTypeError: it holds no integers.
    """
    return as_indices(item) if is_array(item) else None


def as_indices(value: Any) -> Expr:
    """Return indices as int64.

    Raises:
        UnsupportedError: they are a mask.
        DTypeError: they are no integers.
    """
    empty = isinstance(value, (list, tuple)) and np.size(value) == 0
    node = constant(np.asarray(value, np.int64)) if empty else as_expr(value)
    if node.dtype == "bool":
        raise UnsupportedError(
            "a mask selects as many elements as its values say, and shapes must not depend on values",
            remedy="use gx.where(mask, x, 0), a sum(where=mask), or positions: x[indices]",
        )
    if node.dtype not in INTEGERS:
        raise DTypeError(f"an index must be of integers, got {node.dtype}", remedy='cast it with .astype("int64")')
    return cast(node, "int64")


def in_range(node: Expr, size: Size, axis: int) -> Expr:
    """Return indices for an axis; those known now are checked.

    Raises:
        OutOfRangeError: one is out of range.
    """
    while node.op.name == "astype":
        (node,) = node.args
    if not is_constant(node) or not isinstance(size, int):
        return cast(node, "int64")
    values = constant_value(node).astype(np.int64)
    wrong = values[(values < -size) | (values >= size)]
    if wrong.size:
        raise OutOfRangeError(f"index {wrong.flat[0]} is out of range for axis {axis} of size {size}")
    return constant(np.where(values < 0, values + size, values))


@public()
def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Expr:
    """Return the elements at integer positions along an axis (in memory order when None), as ``numpy.take``.

    Args:
        x: any shape.
        indices: integers of any shape, negative ones counted from the end.
        axis: the axis they are for; it becomes the axes of ``indices``.
        mode: what an index out of range means: an error ("raise", see `Expr.__getitem__`), the nearest element ("clip"),
            counting on around the end ("wrap"), or the element 0 ("fill").

    Raises:
        OutOfRangeError: an index known now is out of range.
        DTypeError: the indices are no integers.

    Example:
        >>> import graphc as gx
        >>> table = gx.tensor("table", (1000, 16))
        >>> gx.take(table, gx.tensor("words", ("batch", 5), "int64"), axis=0).shape
        (batch, 5, 16)
    """
    node = as_expr(x)
    if axis is None:
        node, axis = apply("ravel", node), 0
    axis = normalise_axis(axis, node.ndim, "take")
    found = moded(as_indices(indices), node.shape[axis], mode)
    items: list[Any] = [slice(None)] * node.ndim
    items[axis] = found
    places, arrays = places_of(node, items, drops=mode == "fill")
    return gather(node, arrays, places)


def moded(indices: Expr, size: Size, mode: str) -> Expr:
    """Return indices brought into range as a mode says.

    Raises:
        ArgumentError: there is no such mode.
    """
    if mode not in MODES:
        raise ArgumentError(f"mode: one of {', '.join(MODES)} expected, got {mode!r}")
    if mode == "clip":
        return apply("maximum", 0, apply("minimum", indices, size - 1))
    return apply("mod", indices, size) if mode == "wrap" else indices


@public()
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Expr:
    """Return for each index along an axis the element of ``x`` there, as ``numpy.take_along_axis``.

    Args:
        x: any shape.
        indices: integers, as many dimensions as ``x``; the other axes broadcast.
        axis: the axis the positions are along; None takes all elements in memory order.

    Raises:
        ShapeError: the numbers of dimensions differ.

    Example:
        >>> import graphc as gx
        >>> x = gx.tensor("x", ("batch", 5))
        >>> gx.take_along_axis(x, gx.argsort(x), axis=1).shape
        (batch, 5)
    """
    node, found = as_expr(x), as_indices(indices)
    if axis is None:
        node, axis = apply("ravel", node), 0
    axis = normalise_axis(axis, node.ndim, "take_along_axis")
    node, found = _aligned(node, found, axis)
    found = in_range(found, node.shape[axis], axis)
    axes: list[Axis] = [(n, -1, 0, 1) for n in range(node.ndim)]
    axes[axis] = (-1, 0, 0, 0)
    return gather(node, [found], Places(tuple(axes), tuple(range(node.ndim)), found.shape))


def _aligned(node: Expr, found: Expr, axis: int) -> tuple[Expr, Expr]:
    """Return an array and indices along an axis, broadcast to each other along the other axes."""
    if node.ndim != found.ndim:
        raise ShapeError(
            f"indices of shape {format_shape(found.shape)} for an array of shape {format_shape(node.shape)}",
            remedy="give them as many dimensions, or use gx.take to look up whole items",
        )
    others = broadcast_shapes(_with(node.shape, axis, 1), _with(found.shape, axis, 1))
    return (
        apply("broadcast_to", node, _with(others, axis, node.shape[axis])),
        apply("broadcast_to", found, _with(others, axis, found.shape[axis])),
    )


def _with(shape: Shape, axis: int, size: Size) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


@public()
def dynamic_slice(x: Any, starts: Any, sizes: Any) -> Expr:
    """Return the part of ``x`` of a known size that begins where values say.

    Args:
        x: any shape.
        starts: an integer or integer expression for each axis, or one expression that holds them; negative
            ones count from the end. A start beyond the last that leaves room becomes that.
        sizes: the size along each axis.

    Raises:
        ShapeError: a size is larger than the axis, or starts or sizes are not one for each axis.

    Example:
        >>> import graphc as gx
        >>> x, i = gx.tensor("x", (100, 3)), gx.symbol("i", dtype="int64")
        >>> gx.dynamic_slice(x, (i, 0), (10, 3)).shape
        (10, 3)
    """
    node = as_expr(x)
    places, indices = window(node, starts, as_shape(sizes))
    return gather(node, indices, places)


def window(node: Expr, starts: Any, sizes: Shape) -> tuple[Places, list[Expr]]:
    """Return the places of a part of an array that begins where values say.

    Raises:
        ShapeError: it does not fit.
    """
    given = list(starts) if isinstance(starts, (tuple, list, np.ndarray, Expr)) else [starts]
    if len(given) != node.ndim or len(sizes) != node.ndim:
        raise ShapeError(
            f"{len(given)} start(s) and {len(sizes)} size(s) for shape {format_shape(node.shape)}",
            remedy="give one of each for every axis",
        )
    if any(isinstance(s, int) and isinstance(n, int) and s > n for s, n in zip(sizes, node.shape, strict=True)):
        raise ShapeError(f"a part of shape {format_shape(sizes)} does not fit into {format_shape(node.shape)}")
    indices = []
    for start, size, whole in zip(given, sizes, node.shape, strict=True):
        index = as_indices(start)
        from_front = apply("where", apply("less", index, 0), apply("add", index, whole), index)
        indices.append(apply("maximum", 0, apply("minimum", from_front, whole - size)))
    axes = tuple((axis, axis, 0, 1) for axis in range(node.ndim))
    return Places(axes, (), sizes), indices
