"""Sums of products: matmul and its relatives, all built from the one contraction row."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from graphc.errors import DTypeError, ShapeError
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import format_shape, normalise_axis
from graphc.ops.casting import same_dtype
from graphc.ops.contraction_row import CONTRACT
from graphc.ops.public import public

LETTERS = string.ascii_letters


def operands(*arrays: Any) -> list[Expr]:
    """Return the operands in one dtype.

    Raises:
        DTypeError: they are bool.
    """
    nodes = same_dtype(arrays)
    if nodes[0].dtype == "bool":
        raise DTypeError(
            "numbers expected, got bool", remedy="cast with .astype(int), or combine with & and |, any, all"
        )
    return nodes


def contract(left: Expr, left_labels: str, right: Expr, right_labels: str, out: str) -> Expr:
    """Return the sum over labels not in ``out`` of products, axes of size 1 broadcast along their label.

    Every label stands at most once in each operand.

    Raises:
        ShapeError: a label stands for two sizes.
    """
    left, left_labels = _without_ones(left, left_labels, right, right_labels)
    right, right_labels = _without_ones(right, right_labels, left, left_labels)
    left, left_labels = sum_alone(left, left_labels, right_labels + out)
    right, right_labels = sum_alone(right, right_labels, left_labels + out)
    return build(CONTRACT, left, right, left=left_labels, right=right_labels, out=out)


def _without_ones(node: Expr, labels: str, other: Expr, other_labels: str) -> tuple[Expr, str]:
    """Return an operand without axes of size 1 whose label stands for another size in the other operand."""
    sizes = dict(zip(other_labels, other.shape, strict=True))
    axes = tuple(
        axis
        for axis, (label, size) in enumerate(zip(labels, node.shape, strict=True))
        if size == 1 and sizes.get(label, 1) != 1
    )
    if not axes:
        return node, labels
    return apply("squeeze", node, axes), "".join(label for axis, label in enumerate(labels) if axis not in axes)


def sum_alone(node: Expr, labels: str, needed: str) -> tuple[Expr, str]:
    """Return an operand summed over the labels that nothing else needs."""
    axes = tuple(axis for axis, label in enumerate(labels) if label not in needed)
    if not axes:
        return node, labels
    return apply("sum", node, axis=axes, dtype=node.dtype), "".join(label for label in labels if label in needed)


@public()
def matmul(x1: Any, x2: Any) -> Expr:
    """Return the matrix product, as ``numpy.matmul``: leading axes are batches and broadcast.

    Args:
        x1: shape (..., n, k), or (k,).
        x2: shape (..., k, m), or (k,).

    Raises:
        ShapeError: the contracted or batch axes differ, or an operand has no dimensions.

    Example:
        >>> import graphc as gx
        >>> (gx.tensor("X", ("batch", 784)) @ gx.tensor("W", (784, 10))).shape
        (batch, 10)
    """
    left, right = operands(x1, x2)
    if not left.shape or not right.shape:
        raise ShapeError(
            f"shapes {format_shape(left.shape)} and {format_shape(right.shape)}: at least one dimension each expected",
            remedy="multiply by a number with *",
        )
    middle = (left.shape[-1], right.shape[-2] if right.ndim > 1 else right.shape[0])
    if middle[0] != middle[1]:
        raise ShapeError(
            f"shapes {format_shape(left.shape)} and {format_shape(right.shape)} do not match: "
            f"the last axis of the first has {middle[0]}, the {'second last' if right.ndim > 1 else 'only'} axis of "
            f"the second has {middle[1]}",
            remedy="transpose or reshape an operand",
        )
    batch = LETTERS[3 : 1 + max(left.ndim, right.ndim, 2)]
    left_batch, right_batch = (batch[len(batch) - max(node.ndim - 2, 0) :] for node in (left, right))
    left_labels = left_batch + ("ab" if left.ndim > 1 else "b")
    right_labels = right_batch + ("bc" if right.ndim > 1 else "b")
    out = batch + "a" * (left.ndim > 1) + "c" * (right.ndim > 1)
    return _batched(left, left_labels, right, right_labels, out)


def _batched(left: Expr, left_labels: str, right: Expr, right_labels: str, out: str) -> Expr:
    """Return a contraction; where batch sizes do not broadcast the error names both shapes."""
    sizes = dict(zip(left_labels, left.shape, strict=True))
    for label, size in zip(right_labels, right.shape, strict=True):
        if 1 not in (size, sizes.get(label, 1)) and sizes[label] != size:
            raise ShapeError(
                f"shapes {format_shape(left.shape)} and {format_shape(right.shape)} do not match: "
                f"sizes {sizes[label]} and {size} on a batch axis differ",
                remedy="make them equal, or make one of them 1",
            )
    return contract(left, left_labels, right, right_labels, out)


@public()
def dot(a: Any, b: Any) -> Expr:
    """Return the dot product, as ``numpy.dot``: the last axis of ``a`` with the second last (only) of ``b``.

    Args:
        a, b: any shapes; dtypes are promoted.

    Raises:
        ShapeError: these axes differ.
        DTypeError: both are bool.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.dot([1.0, 2.0], [3.0, 4.0]))()
        11.0
    """
    left, right = operands(a, b)
    if not left.shape or not right.shape:
        return apply("multiply", left, right)
    return tensordot(left, right, ([-1], [-2 if right.ndim > 1 else 0]))


@public()
def inner(a: Any, b: Any) -> Expr:
    """Return sums of products over the last axes of both.

    Args:
        a, b: any shapes whose last axes are equal; dtypes are promoted.

    Raises:
        ShapeError: the last axes differ.
        DTypeError: both are bool.

    Example:
        >>> import graphc as gx
        >>> gx.inner(gx.tensor("a", ("rows", 3)), gx.tensor("b", (4, 3))).shape
        (rows, 4)
    """
    left, right = operands(a, b)
    if not left.shape or not right.shape:
        return apply("multiply", left, right)
    return tensordot(left, right, ([-1], [-1]))


@public("linalg.outer")
def outer(a: Any, b: Any) -> Expr:
    """Return all products of an element of ``a`` with one of ``b``, both flattened: shape (size a, size b).

    Raises:
        DTypeError: both are bool.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.outer([1, 2], [3, 4]))()
        array([[3, 4],
               [6, 8]])
    """
    left, right = (apply("ravel", node) for node in operands(a, b))
    return build(CONTRACT, left, right, left="a", right="b", out="ab")


@public()
def vdot(a: Any, b: Any) -> Expr:
    """Return the sum of products of all elements of ``a`` and ``b``, both flattened.

    Raises:
        ShapeError: the numbers of elements differ.
        DTypeError: both are bool.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.vdot([[1, 2], [3, 4]], [[1, 0], [0, 1]]))()
        5
    """
    left, right = (apply("ravel", node) for node in operands(a, b))
    return tensordot(left, right, 1)


@public()
def tensordot(a: Any, b: Any, axes: int | Sequence[Any] = 2) -> Expr:
    """Return sums of products over chosen axes, as ``numpy.tensordot``.

    Args:
        a: any shape.
        b: any shape.
        axes: how many of the last axes of ``a`` with the first of ``b``, or a pair (axes of a, axes of b).

    Raises:
        ShapeError: the sizes of paired axes differ.
        DTypeError: both are bool.

    Example:
        >>> import graphc as gx
        >>> gx.tensordot(gx.tensor("a", ("batch", 3, 4)), gx.tensor("b", (4, 3, 5)), ([1, 2], [1, 0])).shape
        (batch, 5)
    """
    left, right = operands(a, b)
    if isinstance(axes, int):
        first, second = list(range(left.ndim - axes, left.ndim)), list(range(axes))
    else:
        first, second = (list(part) if isinstance(part, (tuple, list)) else [part] for part in axes)
    if len(first) != len(second):
        raise ShapeError(f"axes {axes} must pair as many axes of the first as of the second")
    first = [normalise_axis(axis, left.ndim, "axes of the first") for axis in first]
    second = [normalise_axis(axis, right.ndim, "axes of the second") for axis in second]
    for one, other in zip(first, second, strict=True):
        if left.shape[one] != right.shape[other]:
            raise ShapeError(
                f"shapes {format_shape(left.shape)} and {format_shape(right.shape)} do not match: axis {one} of the "
                f"first has {left.shape[one]}, axis {other} of the second has {right.shape[other]}",
                remedy="transpose or reshape an operand",
            )
    left_labels = LETTERS[: left.ndim]
    fresh = iter(LETTERS[left.ndim :])
    paired = dict(zip(second, first, strict=True))
    right_labels = "".join(left_labels[paired[axis]] if axis in paired else next(fresh) for axis in range(right.ndim))
    out = "".join(label for label in left_labels + right_labels if (label in left_labels) != (label in right_labels))
    return build(CONTRACT, left, right, left=left_labels, right=right_labels, out=out)
