"""Arrays joined along an axis, and arrays repeated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.graph.dimensions import Size
from graphc.graph.leaf import as_expr, as_exprs
from graphc.graph.node import Expr, Gradient, build
from graphc.graph.table import apply
from graphc.graph.types import format_shape, normalise_axis
from graphc.ops.casting import same_dtype
from graphc.ops.movement_row import Source, movement
from graphc.ops.public import public
from graphc.ops.slicing import take_slice


def _offsets(node: Expr) -> list[Size]:
    """Return where each argument of a concatenate node begins, then where the last ends."""
    axis = node.attribute("axis")
    offsets: list[Size] = [0]
    for argument in node.args:
        offsets.append(offsets[-1] + argument.shape[axis])
    return offsets


def _concatenate_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    axis, offsets = node.attribute("axis"), _offsets(node)
    sources = []
    for number in range(len(node.args)):
        i = index[axis] if offsets[number] == 0 else index[axis] - offsets[number]
        guard = None if number == len(node.args) - 1 else index[axis] < offsets[number + 1]
        sources.append(Source(number, (*index[:axis], i, *index[axis + 1 :]), guard))
    return sources


def _concatenate_adjoint(node: Expr, adjoint: Expr, number: int) -> Expr:
    axis = node.attribute("axis")
    return take_slice(adjoint, axis, (_offsets(node)[number], 1, node.args[number].shape[axis]))


def _concatenate_tangent(node: Expr, tangents: Sequence[Gradient]) -> Expr:
    parts = [
        apply("zeros_like", argument) if tangent is None else tangent
        for argument, tangent in zip(node.args, tangents, strict=True)
    ]
    return build(CONCATENATE, *parts, axis=node.attribute("axis"))


CONCATENATE = movement(
    name="concatenate",
    shape_rule=lambda arguments, attributes: _joined_shape(arguments, attributes["axis"]),
    sources=_concatenate_sources,
    adjoint=_concatenate_adjoint,
    tangent=_concatenate_tangent,
    reference=lambda arrays, shape, attributes: np.concatenate(arrays, attributes["axis"]),
)


def _joined_shape(arguments: Sequence[Expr], axis: int) -> tuple[Size, ...]:
    """Return the shape of arrays joined along an axis.

    Raises:
        ShapeError: they differ in rank or on another axis.
    """
    first = arguments[0].shape
    total: Size = 0
    for number, argument in enumerate(arguments):
        shape = argument.shape
        if len(shape) != len(first) or any(
            a != axis and s != t for a, (s, t) in enumerate(zip(shape, first, strict=True))
        ):
            raise ShapeError(
                f"shapes {format_shape(first)} and {format_shape(shape)} (argument {number}) do not join along axis {axis}",
                remedy="make the other axes equal; gx.stack joins along a new axis",
            )
        total = total + shape[axis]
    return (*first[:axis], total, *first[axis + 1 :])


def _at_least_one(arrays: Any) -> list[Expr]:
    """Return a sequence of arrays as expressions of one dtype.

    Raises:
        ShapeError: the sequence is empty.
    """
    nodes = same_dtype(arrays)
    if not nodes:
        raise ShapeError("at least one array expected, got none")
    return nodes


@public("concat")
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Expr:
    """Return arrays joined along an existing axis (flattened first when ``axis`` is None).

    Args:
        arrays: arrays of one rank, equal on every other axis; dtypes are promoted.
        axis: the axis to join along.

    Raises:
        ShapeError: the shapes do not fit.

    Example:
        >>> import graphc as gx
        >>> gx.concatenate([gx.tensor("x", ("batch", 3)), gx.tensor("y", (2, 3))]).shape
        (batch + 2, 3)
    """
    nodes = _at_least_one(arrays)
    if axis is None:
        nodes, axis = [apply("ravel", node) for node in nodes], 0
    if not nodes[0].shape:
        raise ShapeError("arrays without dimensions cannot be joined", remedy="use gx.stack")
    axis = normalise_axis(axis, nodes[0].ndim, "concatenate")
    if len(nodes) == 1:
        return nodes[0]
    return build(CONCATENATE, *nodes, axis=axis)


@public()
def stack(arrays: Sequence[Any], axis: int = 0) -> Expr:
    """Return arrays of one shape joined along a new axis.

    Raises:
        ShapeError: the shapes differ.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.stack([x, y]).shape
        (2,)
    """
    nodes = _at_least_one(arrays)
    for node in nodes:
        if node.shape != nodes[0].shape:
            raise ShapeError(f"shapes {format_shape(nodes[0].shape)} and {format_shape(node.shape)} differ")
    axis = normalise_axis(axis, nodes[0].ndim + 1, "stack")
    return concatenate([apply("expand_dims", node, axis) for node in nodes], axis)


@public()
def vstack(arrays: Sequence[Any]) -> Expr:
    """Return arrays joined along the first axis; vectors become rows.

    Args:
        arrays: as for `concatenate`.

    Raises:
        ShapeError: the shapes do not fit.

    Example:
        >>> import graphc as gx
        >>> gx.vstack([gx.tensor("x", (3,)), gx.tensor("y", ("rows", 3))]).shape
        (rows + 1, 3)
    """
    return concatenate([apply("reshape", node, (1, -1)) if node.ndim < 2 else node for node in as_exprs(*arrays)], 0)


@public()
def hstack(arrays: Sequence[Any]) -> Expr:
    """Return arrays joined along the second axis, vectors along their only one.

    Args:
        arrays: as for `concatenate`.

    Raises:
        ShapeError: the shapes do not fit.

    Example:
        >>> import graphc as gx
        >>> gx.hstack([gx.tensor("x", ("rows", 2)), gx.tensor("y", ("rows", 3))]).shape
        (rows, 5)
    """
    nodes = [apply("ravel", node) if node.ndim == 0 else node for node in as_exprs(*arrays)]
    return concatenate(nodes, 0 if nodes and nodes[0].ndim == 1 else 1)


@public()
def tile(x: Any, reps: int | Sequence[int]) -> Expr:
    """Return ``x`` repeated as a whole along each axis, as ``numpy.tile``.

    Args:
        x: any shape.
        reps: how often, one integer for each of the last axes; further ones make new axes in front.

    Example:
        >>> import graphc as gx
        >>> gx.tile(gx.tensor("x", ("batch",)), 3).shape
        (3*batch,)
    """
    node = as_expr(x)
    counts = [int(count) for count in (reps if isinstance(reps, Sequence) else [reps])]
    rank = max(node.ndim, len(counts))
    counts = [1] * (rank - len(counts)) + counts
    sizes = (1,) * (rank - node.ndim) + node.shape
    if all(count == 1 for count in counts):
        return apply("reshape", node, sizes)
    split = apply("reshape", node, tuple(chain.from_iterable((1, size) for size in sizes)))
    wide = tuple(chain.from_iterable(zip(counts, sizes, strict=True)))
    merged = tuple(count * size for count, size in zip(counts, sizes, strict=True))
    return apply("reshape", apply("broadcast_to", split, wide), merged)


@public()
def repeat(x: Any, repeats: int, axis: int | None = None) -> Expr:
    """Return ``x`` with each element repeated along an axis (flattened first when None).

    Args:
        x: any shape.
        repeats: how often, one integer for all elements.
        axis: the axis to repeat along.

    Raises:
        ShapeError: there is no such axis.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.repeat([1, 2], 2))()
        array([1, 1, 2, 2])
    """
    node = as_expr(x)
    if axis is None:
        node, axis = apply("ravel", node), 0
    axis = normalise_axis(axis, node.ndim, "repeat")
    shape = node.shape
    wide = (*shape[: axis + 1], int(repeats), *shape[axis + 1 :])
    merged = (*shape[:axis], shape[axis] * int(repeats), *shape[axis + 1 :])
    return apply("reshape", apply("broadcast_to", apply("expand_dims", node, axis + 1), wide), merged)
