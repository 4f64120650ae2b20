"""The rows of sliding windows: what convolutions and pooling read, and where its adjoint goes back to.

Windows of an array are a gather of the array repeated for every place in a window; the adjoint of the
repetition is a sum, which is what adds overlapping windows up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.graph.dimensions import Size
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.ops.movement_row import MovementOperation, Source, movement


def _pairs(node: Expr) -> list[tuple[int, int, int, int]]:
    """Return for each axis that windows move along: itself, the axis of places in a window, stride, dilation."""
    axes = node.attribute("axes")
    inside = range(len(node.shape) - len(axes), len(node.shape))
    return list(zip(axes, inside, node.attribute("strides"), node.attribute("dilations"), strict=True))


def _resized(arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[Size, ...]:
    sizes = dict(zip(attributes["axes"], attributes["sizes"], strict=True))
    return tuple(sizes.get(axis, size) for axis, size in enumerate(arguments[0].shape))


def _gather_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    result = list(index)
    for axis, inside, stride, dilation in _pairs(node):
        result[axis] = index[axis] * stride + index[inside] * dilation
    return [Source(0, tuple(result))]


def _spread_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    result, guard = list(index), None
    for axis, inside, stride, dilation in _pairs(node):
        offset = index[axis] - index[inside] * dilation
        holds = (offset >= 0) & (offset < node.args[0].shape[axis] * stride)
        holds = holds & (offset % stride < 1) if stride > 1 else holds
        guard = holds if guard is None else guard & holds
        result[axis] = offset // stride if stride > 1 else offset
    return [Source(0, tuple(result), guard), Source(None)]


def _places(shape: Sequence[int], attributes: dict[str, Any]) -> tuple[Any, ...]:
    """Return where each element of an array of windows is in the array repeated for every place in a window."""
    grid = list(np.ogrid[tuple(slice(size) for size in shape)])
    axes = attributes["axes"]
    for number, axis in enumerate(axes):
        inside = grid[len(shape) - len(axes) + number]
        grid[axis] = grid[axis] * attributes["strides"][number] + inside * attributes["dilations"][number]
    return tuple(grid)


def _spread_reference(arrays: Sequence[Any], shape: Sequence[int], attributes: dict[str, Any]) -> Any:
    result = np.zeros(tuple(shape), arrays[0].dtype)
    result[_places(arrays[0].shape, attributes)] = arrays[0]
    return result


def _moved(row: MovementOperation, value: Expr, node: Expr, like: Expr) -> Expr:
    """Return a value gathered or spread as a node's opposite does, to the sizes of another."""
    sizes = tuple(like.shape[axis] for axis in node.attribute("axes"))
    return build(row, value, **{**dict(node.attributes), "sizes": sizes})


GATHER_WINDOWS: MovementOperation = movement(
    name="gather_windows",
    shape_rule=_resized,
    sources=_gather_sources,
    adjoint=lambda node, adjoint, _: _moved(SPREAD_WINDOWS, adjoint, node, node.args[0]),
    tangent=lambda node, tangents: build(GATHER_WINDOWS, tangents[0], **dict(node.attributes)),
    reference=lambda arrays, shape, attributes: arrays[0][_places(shape, attributes)],
)
"""``result[..., o, ..., k] = argument[..., o*stride + k*dilation, ..., k]`` for each of ``axes``, with k on a last axis."""

SPREAD_WINDOWS: MovementOperation = movement(
    name="spread_windows",
    shape_rule=_resized,
    sources=_spread_sources,
    adjoint=lambda node, adjoint, _: _moved(GATHER_WINDOWS, adjoint, node, node.args[0]),
    tangent=lambda node, tangents: build(SPREAD_WINDOWS, tangents[0], **dict(node.attributes)),
    reference=_spread_reference,
)
"""The opposite of `GATHER_WINDOWS`: zeros where no window reads."""


def windows(
    node: Expr, axes: Sequence[int], kernel: Sequence[Size], strides: Sequence[int], dilations: Sequence[int]
) -> Expr:
    """Return the windows of an array along axes: the places in a window are further axes, last.

    Args:
        node: an array whose axes are at least as long as the windows.
        axes: the axes that windows move along.
        kernel, strides, dilations: for each of these the number of places, the distance from window to window,
            and that from place to place.
    """
    rank = node.ndim
    inside = tuple(range(rank, rank + len(axes)))
    repeated = apply("broadcast_to", apply("expand_dims", node, inside), (*node.shape, *kernel))
    sizes = tuple(
        (node.shape[axis] - (places - 1) * dilation - 1) // stride + 1
        if stride > 1
        else node.shape[axis] - (places - 1) * dilation
        for axis, places, stride, dilation in zip(axes, kernel, strides, dilations, strict=True)
    )
    return build(
        GATHER_WINDOWS, repeated, axes=tuple(axes), strides=tuple(strides), dilations=tuple(dilations), sizes=sizes
    )
