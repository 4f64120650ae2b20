"""Basic indexing: integers, slices, None and ellipsis, on open dimensions too."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.graph.dimensions import Dimension, Size, larger, smaller
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.public import public
from graphc.ops.slicing import Cut, slice_axes


@public()
def getitem(x: Any, index: Any) -> Expr:
    """Return ``x[index]`` for integers, slices, ``None`` and ``...``, by NumPy's rules.

    Slices are clipped like NumPy's, on named dimensions too: ``x[1:]`` of ``batch`` rows has
    ``max(batch - 1, 0)``. An integer beyond a named dimension is an error when the function is called.

    Raises:
        ShapeError: too many indices, or an integer out of range.
        UnsupportedError: an index that is a list, an array or an expression.

    Example:
        >>> import graphc as gx
        >>> gx.tensor("x", ("batch", 4))[:, ::-2].shape
        (batch, 2)
    """
    (node,) = as_exprs(x)
    items = _expand_ellipsis(index if isinstance(index, tuple) else (index,), node)
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
            cuts.append((_position(item, size, node, len(cuts)), 1, 1))
    result = slice_axes(node, cuts) if cuts else node
    result = apply("squeeze", result, tuple(dropped)) if dropped else result
    return apply("expand_dims", result, tuple(added)) if added else result


def _expand_ellipsis(items: tuple[Any, ...], node: Expr) -> list[Any]:
    """Return the index with one item an axis: ``...`` and what is left out become full slices.

    Raises:
        ShapeError: there are more items than axes, or two ellipses.
        UnsupportedError: an item is neither integer, slice, None nor ``...``.
    """
    for item in items:
        basic = item is None or item is Ellipsis or isinstance(item, (slice, int, np.integer, Dimension))
        if not basic or isinstance(item, bool):
            raise UnsupportedError(
                f"an index of type {type(item).__name__} is not supported yet: integers, slices, None and ... are",
                remedy="select elements with gx.where(condition, x, 0); indexing by arrays comes with gather and scatter",
            )
    count = sum(item is not None and item is not Ellipsis for item in items)
    if count > node.ndim:
        raise ShapeError(f"{count} indices for shape {format_shape(node.shape)}")
    if sum(item is Ellipsis for item in items) > 1:
        raise ShapeError("an index can have one ellipsis (...)")
    position = next((number for number, item in enumerate(items) if item is Ellipsis), len(items))
    return [*items[:position], *[slice(None)] * (node.ndim - count), *items[position + 1 :]]


def _position(item: Any, size: Size, node: Expr, axis: int) -> Size:
    """Return an integer index counted from the front.

    Raises:
        ShapeError: it is out of range of an axis of known size.
    """
    if isinstance(item, Dimension):
        return item
    position = int(item)
    if isinstance(size, int) and not -size <= position < size:
        raise ShapeError(f"index {position} is out of range for axis {axis} of shape {format_shape(node.shape)}")
    return size + position if position < 0 else position


def cut_axis(item: slice, size: Size) -> Cut:
    """Return start, step and size of a slice of an axis, clipped as NumPy clips.

    Raises:
        ShapeError: the step is 0.
    """
    step = 1 if item.step is None else int(item.step)
    if step == 0:
        raise ShapeError("the step of a slice cannot be 0")
    if not any(isinstance(part, Dimension) for part in (size, item.start, item.stop)):
        taken = range(*item.indices(size))  # type: ignore[arg-type]
        return (taken.start if len(taken) else 0), step, len(taken)
    if step > 0:
        start, length = _forward(item.start, item.stop, size)
    else:
        start, length = _backward(item.start, item.stop, size)
    stride = abs(step)
    return start, step, (length if stride == 1 else (length + (stride - 1)) // stride)


def _forward(first: Size | None, last: Size | None, size: Size) -> tuple[Size, Size]:
    """Return start and extent of ``first:last`` on an open axis, in the form that compares equal most often.

    The extent of ``1:`` is ``max(n - 1, 0)`` and so is that of ``:-1``; the start is free where the extent is 0.
    """
    first = 0 if first is None else first
    end = size if last is None else size + last if _is_negative(last) else smaller(last, size)
    if not _is_negative(first):
        return first, larger(end - first, 0)
    start = larger(size + first, 0)
    if end == size:
        return start, smaller(-first, size)
    return start, larger(larger(end, 0) - start, 0)


def _backward(first: Size | None, last: Size | None, size: Size) -> tuple[Size, Size]:
    """Return start and extent of ``first:last:-1`` on an open axis."""
    one_after = (
        size if first is None else larger(size + first + 1, 0) if _is_negative(first) else smaller(first + 1, size)
    )
    end = 0 if last is None else larger(size + last + 1, 0) if _is_negative(last) else last + 1
    return one_after - 1, larger(one_after - end, 0)


def _is_negative(bound: Size) -> bool:
    return isinstance(bound, int) and bound < 0
