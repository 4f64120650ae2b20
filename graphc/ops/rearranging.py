"""Padding, flips, splits and rolls: all slices, embeddings and shifts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import format_shape, normalise_axes, normalise_axis
from graphc.ops.brackets import cut_axis
from graphc.ops.public import public
from graphc.ops.slicing import EMBED, rolled, slice_axes, take_slice


@public()
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0.0) -> Expr:
    """Return ``x`` with a constant added around it, as ``numpy.pad``.

    Args:
        x: any shape.
        pad_width: a number, a pair (before, after), or one pair for each axis.
        mode: "constant" only.
        constant_values: the number to fill with.

    Raises:
        UnsupportedError: another mode, or fill values that are no single number.

    Example:
        >>> import graphc as gx
        >>> gx.pad(gx.tensor("x", ("batch", 3)), ((0, 0), (1, 2))).shape
        (batch, 6)
    """
    if mode != "constant":
        raise UnsupportedError(f"mode {mode!r} is not supported", remedy='use mode="constant", or gx.concatenate')
    if not isinstance(constant_values, (int, float, np.number)):
        raise UnsupportedError("constant_values must be one number", remedy="use gx.concatenate")
    node = as_expr(x)
    widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (node.ndim, 2)).tolist()
    if any(width < 0 for pair in widths for width in pair):
        raise ShapeError(f"a width is never negative, got {pad_width}")
    shape = tuple(size + before + after for size, (before, after) in zip(node.shape, widths, strict=True))
    starts = tuple(before for before, _ in widths)
    if shape == node.shape:
        return node
    return build(EMBED, node, shape=shape, starts=starts, steps=(1,) * node.ndim, fill=float(constant_values))


@public()
def flip(x: Any, axis: int | Sequence[int] | None = None) -> Expr:
    """Return ``x`` with the order of elements reversed along axes (all of them when None).

    Raises:
        ShapeError: there is no such axis.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.flip([1, 2, 3]))()
        array([3, 2, 1])
    """
    node = as_expr(x)
    axes = normalise_axes(axis, node.ndim, "flip")
    return slice_axes(node, [(s - 1, -1, s) if a in axes else (0, 1, s) for a, s in enumerate(node.shape)])


@public()
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Expr]:
    """Return ``x`` cut along an axis, into so many equal parts or at the given positions.

    Args:
        x: any shape.
        indices_or_sections: the number of parts, or the positions where parts begin.
        axis: the axis to cut.

    Returns:
        a list of expressions.

    Raises:
        ShapeError: the axis cannot be divided into equal parts.

    Example:
        >>> import graphc as gx
        >>> [part.shape for part in gx.split(gx.tensor("x", ("batch", 5)), [2], axis=1)]
        [(batch, 2), (batch, 3)]
    """
    node = as_expr(x)
    axis = normalise_axis(axis, node.ndim, "split")
    size = node.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        part = size // count if count > 0 else 0
        if count <= 0 or part * count != size:
            raise ShapeError(f"axis {axis} of shape {format_shape(node.shape)} cannot be cut into {count} equal parts")
        return [take_slice(node, axis, (part * number, 1, part)) for number in range(count)]
    bounds: list[Any] = [None, *indices_or_sections, None]
    pairs = itertools.pairwise(bounds)
    return [take_slice(node, axis, cut_axis(slice(start, stop), size)) for start, stop in pairs]


@public()
def roll(x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Expr:
    """Return ``x`` with elements moved along axes, those that leave at the end entering at the front.

    Args:
        x: any shape.
        shift: by how many places, an integer or one for each axis; negative ones move to the front.
        axis: one axis or several; when None all elements move in memory order.

    Raises:
        ShapeError: there is no such axis.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.roll([1, 2, 3], 1))()
        array([3, 1, 2])
    """
    node = as_expr(x)
    if axis is None:
        return apply("reshape", roll(apply("ravel", node), shift, 0), node.shape)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    amounts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    for each, amount in zip(axes, amounts, strict=True):
        node = rolled(node, int(amount), normalise_axis(each, node.ndim, "roll"))
    return node
