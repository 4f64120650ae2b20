"""Indexing: what brackets build, from integers, slices, None, ellipsis and arrays, on open dimensions too."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ArgumentError, ShapeError
from graphc.graph.dimensions import Dimension
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.brackets import cut_axis, position_of
from graphc.ops.lookup import is_array, places_of
from graphc.ops.lookup_row import gather
from graphc.ops.public import public
from graphc.ops.slicing import Cut, slice_axes


@public()
def getitem(x: Any, index: Any) -> Expr:
    """Return ``x[index]`` for integers, slices, ``None``, ``...`` and arrays of integers, by NumPy's rules.

    Slices are clipped like NumPy's, on named dimensions too: ``x[1:]`` of ``batch`` rows has
    ``max(batch - 1, 0)``. An integer beyond a named dimension is an error when the function is called.
    Integers may be values: lists, arrays and expressions of integers index too, negative ones from the end.
    The reference backend, and ``compile(debug="index")``, raise `OutOfRangeError` for a value out of range;
    native code does not look: it reads the nearest element, and writes nothing (`Expr.at`). A NumPy array or list
    of booleans stands for the positions where it is true.

    Raises:
        ShapeError: too many indices, or an integer out of range.
        OutOfRangeError: an index in a list or array is out of range.
        DTypeError: an array that holds no integers.
        UnsupportedError: a mask that is an expression, as shapes must not depend on values.

    Example:
        >>> import graphc as gx
        >>> gx.tensor("x", ("batch", 4))[:, ::-2].shape
        (batch, 2)
        >>> gx.tensor("table", (1000, 16))[gx.tensor("words", ("batch", 5), "int64")].shape
        (batch, 5, 16)
    """
    node = as_expr(x)
    items = expand_ellipsis(index if isinstance(index, tuple) else (index,), node)
    if any(is_array(item) for item in items):
        places, indices = places_of(node, items)
        return gather(node, indices, places)
    cuts: list[Cut] = []
    dropped: list[int] = []
    added: list[int] = []
    for item in items:
        if item is None:
            added.append(len(cuts) - len(dropped) + len(added))
            continue
        size = node.shape[len(cuts)]
        if isinstance(item, slice):
            cuts.append(cut_axis(item, size))
        else:
            dropped.append(len(cuts))
            cuts.append((position_of(item, size, node, len(cuts)), 1, 1))
    result = slice_axes(node, cuts) if cuts else node
    result = apply("squeeze", result, tuple(dropped)) if dropped else result
    return apply("expand_dims", result, tuple(added)) if added else result


def expand_ellipsis(items: tuple[Any, ...], node: Expr) -> list[Any]:
    """Return the index with one item an axis: ``...`` and what is left out become full slices.

    Raises:
        ShapeError: there are more items than axes, or two ellipses.
        ArgumentError: an item is nothing that indexes.
    """
    for item in items:
        basic = item is None or item is Ellipsis or isinstance(item, (slice, int, np.integer, Dimension))
        if not basic and not is_array(item):
            raise ArgumentError(
                f"an index of type {type(item).__name__}: integers, slices, None, ... and arrays of integers index",
                remedy="convert it to an integer or an array",
            )
    count = sum(_axes_of(item) for item in items)
    if count > node.ndim:
        raise ShapeError(f"{count} indices for an array of shape {format_shape(node.shape)}")
    if sum(item is Ellipsis for item in items) > 1:
        raise ShapeError("an index can have one ellipsis (...)")
    position = next((number for number, item in enumerate(items) if item is Ellipsis), len(items))
    whole = [slice(None)] * (node.ndim - count)
    return _without_masks([*items[:position], *whole, *items[position + 1 :]], node)


def _axes_of(item: Any) -> int:
    """Return how many axes an item of an index is for."""
    if item is None or item is Ellipsis:
        return 0
    return np.ndim(item) if _is_known_mask(item) else 1


def _is_known_mask(item: Any) -> bool:
    """Tell whether an item is an array or list of booleans, known now."""
    return isinstance(item, (list, np.ndarray)) and np.ndim(item) > 0 and np.asarray(item).dtype == bool


def _without_masks(items: list[Any], node: Expr) -> list[Any]:
    """Return an index with the masks that are known as the positions where they are true, an array for each axis."""
    result: list[Any] = []
    axis = 0
    for item in items:
        if _is_known_mask(item):
            mask, sizes = np.asarray(item), node.shape[axis : axis + np.ndim(item)]
            if mask.shape != sizes:
                raise ShapeError(
                    f"a mask of shape {format_shape(mask.shape)} for axes of shape {format_shape(sizes)}",
                    remedy="give a mask with an element for each element of these axes",
                )
            result.extend(np.nonzero(mask))
        else:
            result.append(item)
        axis += _axes_of(item)
    return result
