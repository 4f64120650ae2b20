"""Integers and slices in brackets: what they mean on an axis, whose size may be open."""

from __future__ import annotations

from typing import Any

from graphc.errors import ShapeError
from graphc.graph.dimensions import Dimension, Size, larger, smaller
from graphc.graph.node import Expr
from graphc.graph.types import format_shape
from graphc.ops.slicing import Cut


def position_of(item: Any, size: Size, node: Expr, axis: int) -> Size:
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
        taken = range(*item.indices(size))
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
