"""The movement rows that keep every element: broadcasting, reshaping, permuting axes; functions of sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.graph.dimensions import Shape, divide_exactly, product
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import as_shape, broadcast_shapes, format_shape, normalise_axes
from graphc.ops.movement_row import Source, movement
from graphc.ops.public import public


def _broadcast_axes(node: Expr) -> tuple[int, ...]:
    """Return the axes along which a broadcast_to node repeats its argument."""
    (argument,) = node.args
    lead = len(node.shape) - len(argument.shape)
    return tuple(
        axis
        for axis in range(len(node.shape))
        if axis < lead or (argument.shape[axis - lead] == 1 and node.shape[axis] != 1)
    )


def _broadcast_sources(node: Expr, index: tuple[Any, ...]) -> list[Source]:
    (argument,) = node.args
    lead = len(node.shape) - len(argument.shape)
    return [Source(0, tuple(0 if size == 1 else i for size, i in zip(argument.shape, index[lead:], strict=True)))]


def _broadcast_adjoint(node: Expr, adjoint: Expr, _number: int) -> Expr:
    axes = _broadcast_axes(node)
    summed = apply("sum", adjoint, axis=axes) if axes else adjoint
    lead = len(node.shape) - len(node.args[0].shape)
    kept_as_one = tuple(axis - lead for axis in axes if axis >= lead)
    return apply("expand_dims", summed, kept_as_one) if kept_as_one else summed


BROADCAST = movement(
    name="broadcast_to",
    shape_rule=lambda arguments, attributes: attributes["shape"],
    sources=_broadcast_sources,
    adjoint=_broadcast_adjoint,
    tangent=lambda node, tangents: apply("broadcast_to", tangents[0], node.shape),
    reference=lambda arrays, shape, attributes: np.broadcast_to(arrays[0], shape),
)
EXPAND = movement(
    name="expand_dims",
    shape_rule=lambda arguments, attributes: _insert_ones(arguments[0].shape, attributes["axes"]),
    sources=lambda node, index: [Source(0, _drop(index, node.attribute("axes")))],
    adjoint=lambda node, adjoint, _: apply("squeeze", adjoint, node.attribute("axes")),
    tangent=lambda node, tangents: apply("expand_dims", tangents[0], node.attribute("axes")),
    reference=lambda arrays, shape, attributes: np.expand_dims(arrays[0], attributes["axes"]),
)
SQUEEZE = movement(
    name="squeeze",
    shape_rule=lambda arguments, attributes: _drop(arguments[0].shape, attributes["axes"]),
    sources=lambda node, index: [Source(0, _insert(index, node.attribute("axes"), 0))],
    adjoint=lambda node, adjoint, _: apply("expand_dims", adjoint, node.attribute("axes")),
    tangent=lambda node, tangents: apply("squeeze", tangents[0], node.attribute("axes")),
    reference=lambda arrays, shape, attributes: np.squeeze(arrays[0], attributes["axes"]),
)
TRANSPOSE = movement(
    name="transpose",
    shape_rule=lambda arguments, attributes: tuple(arguments[0].shape[axis] for axis in attributes["axes"]),
    sources=lambda node, index: [Source(0, tuple(index[axis] for axis in _inverse(node.attribute("axes"))))],
    adjoint=lambda node, adjoint, _: apply("transpose", adjoint, _inverse(node.attribute("axes"))),
    tangent=lambda node, tangents: apply("transpose", tangents[0], node.attribute("axes")),
    reference=lambda arrays, shape, attributes: np.transpose(arrays[0], attributes["axes"]),
)
RESHAPE = movement(
    name="reshape",
    shape_rule=lambda arguments, attributes: attributes["shape"],
    sources=lambda node, index: [Source(0, _reshape_index(node, index))],
    adjoint=lambda node, adjoint, _: apply("reshape", adjoint, node.args[0].shape),
    tangent=lambda node, tangents: apply("reshape", tangents[0], node.shape),
    reference=lambda arrays, shape, attributes: np.reshape(arrays[0], shape),
    view=True,
)


def _drop(items: tuple[Any, ...], axes: Sequence[int]) -> tuple[Any, ...]:
    """Return the items without those at ``axes``."""
    return tuple(item for axis, item in enumerate(items) if axis not in axes)


def _insert(items: tuple[Any, ...], axes: Sequence[int], value: Any) -> tuple[Any, ...]:
    """Return the items with ``value`` at the positions ``axes`` of the result."""
    rest = iter(items)
    return tuple(value if axis in axes else next(rest) for axis in range(len(items) + len(axes)))


def _insert_ones(shape: tuple[Any, ...], axes: Sequence[int]) -> tuple[Any, ...]:
    return _insert(shape, axes, 1)


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """Return the permutation that undoes ``axes``."""
    return tuple(int(position) for position in np.argsort(axes))


def _reshape_index(node: Expr, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the argument's index of an element, by way of its position in memory order."""
    flat: Any = index[0] if index else 0
    for size, i in zip(node.shape[1:], index[1:], strict=True):
        flat = flat * size + i
    inner = node.args[0].shape[1:]
    result = []
    for size in reversed(inner):
        result.append(flat % size)
        flat = flat // size
    outermost = [flat] if node.args[0].shape else []
    return (*outermost, *reversed(result))


@public()
def broadcast_to(x: Any, shape: Any) -> Expr:
    """Return ``x`` repeated to a shape, by NumPy's broadcasting rule.

    Args:
        x: any dtype.
        shape: sizes, integers or named dimensions.

    Raises:
        ShapeError: the shape of ``x`` does not broadcast to it.

    Example:
        >>> import graphc as gx
        >>> gx.broadcast_to(gx.tensor("x", (3,)), ("batch", 3)).shape
        (batch, 3)
    """
    node = as_expr(x)
    target = as_shape(shape)
    if node.shape == target:
        return node
    if broadcast_shapes(node.shape, target) != target:
        raise ShapeError(f"shape {format_shape(node.shape)} does not broadcast to {format_shape(target)}")
    return build(BROADCAST, node, shape=target)


@public()
def expand_dims(x: Any, axis: int | Sequence[int]) -> Expr:
    """Return ``x`` with axes of size 1 inserted at the positions ``axis`` of the result, one or several.

    Raises:
        ShapeError: there is no such position, or it is given twice.

    Example:
        >>> import graphc as gx
        >>> gx.expand_dims(gx.tensor("x", (2, 3)), (0, -1)).shape
        (1, 2, 3, 1)
    """
    node = as_expr(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    axes = normalise_axes(axis, len(node.shape) + count, "expand_dims")
    return build(EXPAND, node, axes=axes) if axes else node


@public()
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Expr:
    """Return ``x`` without axes of size 1: those given, or all there are.

    Raises:
        ShapeError: a given axis has another size.

    Example:
        >>> import graphc as gx
        >>> gx.squeeze(gx.tensor("x", (1, 3, 1)), 0).shape
        (3, 1)
    """
    node = as_expr(x)
    if axis is None:
        axis = tuple(number for number, size in enumerate(node.shape) if size == 1)
    axes = normalise_axes(axis, len(node.shape), "squeeze")
    for number in axes:
        if node.shape[number] != 1:
            raise ShapeError(f"axis {number} of shape {format_shape(node.shape)} has size {node.shape[number]}, not 1")
    return build(SQUEEZE, node, axes=axes) if axes else node


@public()
def reshape(x: Any, shape: Any) -> Expr:
    """Return the elements of ``x`` in memory order (the last axis fastest) in another shape.

    Args:
        x: any shape and dtype.
        shape: sizes, integers or named dimensions; one may be -1 and is worked out.

    Raises:
        ShapeError: the numbers of elements are not equal for every size of the named dimensions.

    Example:
        >>> import graphc as gx
        >>> gx.reshape(gx.tensor("x", ("batch", 28, 28)), (-1, 784)).shape
        (batch, 784)
    """
    node = as_expr(x)
    target = _complete_shape(node, shape)
    if node.shape == target:
        return node
    if product(node.shape) != product(target):
        raise ShapeError(
            f"cannot reshape {format_shape(node.shape)} to {format_shape(target)}: "
            f"{product(node.shape)} element(s) against {product(target)}",
            remedy="write one size as -1 to have it worked out",
        )
    return build(RESHAPE, node, shape=target)


def _complete_shape(node: Expr, shape: Any) -> Shape:
    """Return a shape with the size written as -1 worked out.

    Raises:
        ShapeError: more than one -1, or the division leaves a rest for some sizes.
    """
    given = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    unknown = [axis for axis, size in enumerate(given) if isinstance(size, (int, np.integer)) and size == -1]
    if not unknown:
        return as_shape(given)
    if len(unknown) > 1:
        raise ShapeError(f"only one size can be -1, got {tuple(given)}")
    (axis,) = unknown
    known = as_shape(given[:axis] + given[axis + 1 :])
    missing = divide_exactly(product(node.shape), product(known))
    if missing is None:
        raise ShapeError(
            f"cannot reshape {format_shape(node.shape)} to ({', '.join(map(str, given))}): "
            f"{product(known)} does not divide {product(node.shape)} exactly",
            remedy="give every size, or name a dimension so that the sizes divide",
        )
    return (*known[:axis], missing, *known[axis:])


@public("flatten")
def ravel(x: Any) -> Expr:
    """Return the elements of ``x`` in memory order on one axis.

    Example:
        >>> import graphc as gx
        >>> gx.ravel(gx.tensor("x", ("batch", 3))).shape
        (3*batch,)
    """
    node = as_expr(x)
    return reshape(node, (product(node.shape),))
