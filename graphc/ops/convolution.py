"""Convolutions over one or two axes, by PyTorch's names and layout: batch, channels, then space.

A convolution is a product of matrices: one row for each window (im2col), one column for each filter.
Source: Chellapilla, Puri & Simard, High performance convolutional neural networks for document processing (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.errors import ArgumentError, ShapeError
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.contraction import contract, operands
from graphc.ops.padding import Padding, Sizes, one_each, padded_for
from graphc.ops.public import public
from graphc.ops.windows import windows

SPACE, PLACES = "xyz", "uvw"
"""Labels of the axes of space and of the places in a window."""


@public()
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1,
    groups: int = 1,
) -> Expr:  # fmt: skip
    """Return the convolution along one axis.

    Args:
        input: shape (batch, channels, length).
        weight: shape (filters, channels / groups, kernel length).
        bias, stride, padding, dilation, groups: as for `conv2d`, with one number for space.

    Raises:
        ShapeError, ArgumentError: as `conv2d`.

    Example:
        >>> import graphc as gx
        >>> gx.conv1d(gx.tensor("x", ("batch", 3, 100)), gx.tensor("w", (8, 3, 5)), padding="same").shape
        (batch, 8, 100)
    """
    return _convolution(input, weight, bias, stride, padding, dilation, groups, 1)


@public()
def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1,
    groups: int = 1,
) -> Expr:  # fmt: skip
    """Return the convolution over two axes, as ``torch.nn.functional.conv2d``: filters are not turned around.

    Args:
        input: shape (batch, channels, height, width).
        weight: shape (filters, channels / groups, kernel height, kernel width).
        bias: shape (filters,), or None.
        stride: from window to window, one number or one an axis.
        padding: zeros around: "valid" for none, "same" for ``ceil(size / stride)`` windows (what is odd goes to
            the end), a number, one an axis, or a pair (before, after) an axis.
        dilation: from place to place in a window.
        groups: channels and filters are cut into so many parts, each convolved by itself.

    Raises:
        ShapeError: ranks or channels do not fit, or the kernel is larger than the padded input.
        ArgumentError: an option is none of these.

    Example:
        >>> import graphc as gx
        >>> gx.conv2d(gx.tensor("x", ("batch", 3, 32, 32)), gx.tensor("w", (16, 3, 3, 3)), padding=1).shape
        (batch, 16, 32, 32)
    """
    return _convolution(input, weight, bias, stride, padding, dilation, groups, 2)


def _convolution(
    input: Any, weight: Any, bias: Any, stride: Sizes, padding: Padding, dilation: Sizes, groups: int, rank: int
) -> Expr:
    """Return the convolution over the last ``rank`` axes."""
    x, w = operands(input, weight)
    _require_fitting(x, w, groups, rank)
    strides, dilations = one_each("stride", stride, rank), one_each("dilation", dilation, rank)
    x = padded_for(x, padding, w.shape[2:], strides, dilations, 0.0)
    filters = w.shape[0] // groups
    if groups == x.shape[1] and filters == 1:
        result = _by_channel(x, w, strides, dilations)
    else:
        parts = apply("moveaxis", apply("reshape", x, (x.shape[0], groups, w.shape[1], *x.shape[2:])), (1, 2), (0, -1))
        seen = windows(parts, range(2, 2 + rank), w.shape[2:], strides, dilations)
        kernels = apply("reshape", w, (groups, filters, *w.shape[1:]))
        result = _products(seen, kernels, rank)
        result = apply("reshape", result, (x.shape[0], w.shape[0], *result.shape[3:]))
    if bias is None:
        return result
    offsets = as_expr(bias)
    if offsets.shape != w.shape[:1]:
        raise ShapeError(f"bias of shape {format_shape(w.shape[:1])} expected, got {format_shape(offsets.shape)}")
    return apply("add", result, apply("expand_dims", offsets, tuple(range(1, 1 + rank))))


def _products(seen: Expr, kernels: Expr, rank: int) -> Expr:
    """Return windows times filters, one product of matrices a group: shape (batch, groups, filters, space)."""
    space, places = SPACE[:rank], PLACES[:rank]
    if seen.shape[0] == 1:
        left, right = apply("squeeze", seen, 0), apply("squeeze", kernels, 0)
        found = contract(left, f"n{space}c{places}", right, f"fc{places}", f"n{space}f")
        return apply("expand_dims", apply("moveaxis", found, -1, 1), 1)
    found = contract(seen, f"gn{space}c{places}", kernels, f"gfc{places}", f"gn{space}f")
    return apply("moveaxis", found, (1, 0, -1), (0, 1, 2))


def _by_channel(x: Expr, w: Expr, strides: Sequence[int], dilations: Sequence[int]) -> Expr:
    """Return the convolution of every channel with one filter of its own: sums of products in plain loops."""
    rank = len(strides)
    seen = windows(x, range(2, 2 + rank), w.shape[2:], strides, dilations)
    factors = apply("expand_dims", apply("squeeze", w, 1), tuple(range(1, 1 + rank)))
    return apply("sum", apply("multiply", seen, factors), axis=tuple(range(-rank, 0)), dtype=x.dtype)


def _require_fitting(x: Expr, w: Expr, groups: int, rank: int) -> None:
    """Refuse arrays of wrong ranks, and channels that do not fit the filters and groups.

    Raises:
        ShapeError: naming both shapes.
        ArgumentError: ``groups`` is no positive integer.
    """
    shapes = f"input {format_shape(x.shape)} and weight {format_shape(w.shape)}"
    if x.ndim != rank + 2 or w.ndim != rank + 2:
        raise ShapeError(
            f"{shapes}: {rank + 2} dimensions each expected",
            remedy="the input is (batch, channels, space...), the weight (filters, channels / groups, kernel...)",
        )
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ArgumentError(f"groups: an integer above zero expected, got {groups!r}")
    channels, filters = w.shape[1] * groups, w.shape[0]
    if x.shape[1] != channels or not isinstance(filters, int) or filters % groups:
        raise ShapeError(
            f"{shapes} do not fit with groups={groups}: the input needs {channels} channels, and the number of "
            f"filters must be a multiple of the groups",
            remedy="the second axis of the weight has the channels of one group",
        )
