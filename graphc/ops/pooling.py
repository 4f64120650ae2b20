"""Pooling over one or two axes, by PyTorch's names: reductions of windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.matrices import floats
from graphc.ops.padding import Padding, Sizes, one_each, padded_for
from graphc.ops.public import public
from graphc.ops.windows import windows


@public()
def max_pool1d(
    input: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Padding = 0, dilation: Sizes = 1
) -> Expr:
    """Return the greatest element of each window along the last axis.

    Args:
        input, kernel_size, stride, padding, dilation: as for `max_pool2d`, with one number.

    Raises:
        ShapeError, DTypeError: as `max_pool2d`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.max_pool1d([1.0, 3.0, 2.0, 0.0], 2))()
        array([3., 2.])
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, 1)


@public()
def max_pool2d(
    input: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Padding = 0, dilation: Sizes = 1
) -> Expr:
    """Return the greatest element of each window over the last two axes; ties share the gradient, as in `max`.

    Args:
        input: shape (..., height, width), of floats; what lies outside counts as -inf.
        kernel_size: the size of a window, one number or one an axis.
        stride: from window to window; the window's size when None.
        padding, dilation: as for `conv2d`.

    Raises:
        ShapeError: there are too few axes, or a window is larger than the padded input.
        DTypeError: the dtype is no float.

    Example:
        >>> import graphc as gx
        >>> gx.max_pool2d(gx.tensor("x", ("batch", 3, 32, 32)), 2).shape
        (batch, 3, 16, 16)
    """
    return _max_pool(input, kernel_size, stride, padding, dilation, 2)


@public()
def avg_pool1d(
    input: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Padding = 0, count_include_pad: bool = True
) -> Expr:
    """Return the mean of each window along the last axis.

    Args:
        input, kernel_size, stride, padding, count_include_pad: as for `avg_pool2d`, with one number.

    Raises:
        ShapeError, DTypeError: as `max_pool2d`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.avg_pool1d([1.0, 3.0, 2.0, 0.0], 2))()
        array([2., 1.])
    """
    return _avg_pool(input, kernel_size, stride, padding, count_include_pad, 1)


@public()
def avg_pool2d(
    input: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Padding = 0, count_include_pad: bool = True
) -> Expr:
    """Return the mean of each window over the last two axes.

    Args:
        input, kernel_size, stride, padding: as for `max_pool2d`; what lies outside counts as 0.
        count_include_pad: whether it counts in the number of elements, too.

    Raises:
        ShapeError, DTypeError: as `max_pool2d`.

    Example:
        >>> import graphc as gx
        >>> gx.avg_pool2d(gx.tensor("x", ("batch", 3, 32, 32)), 2).shape
        (batch, 3, 16, 16)
    """
    return _avg_pool(input, kernel_size, stride, padding, count_include_pad, 2)


def _max_pool(input: Any, kernel: Sizes, stride: Sizes | None, padding: Padding, dilation: Sizes, rank: int) -> Expr:
    seen = _pooled(input, kernel, stride, padding, dilation, rank, -np.inf)
    return apply("max", seen, axis=tuple(range(-rank, 0)))


def _avg_pool(input: Any, kernel: Sizes, stride: Sizes | None, padding: Padding, include: bool, rank: int) -> Expr:
    axes = tuple(range(-rank, 0))
    seen = _pooled(input, kernel, stride, padding, 1, rank, 0.0)
    if include:
        return apply("mean", seen, axis=axes)
    space = apply("ones", as_expr(input).shape[-rank:], seen.dtype)
    counts = apply("sum", _pooled(space, kernel, stride, padding, 1, rank, 0.0), axis=axes)
    return apply("divide", apply("sum", seen, axis=axes), counts)


def _pooled(
    input: Any, kernel: Sizes, stride: Sizes | None, padding: Padding, dilation: Sizes, rank: int, fill: float
) -> Expr:
    """Return the windows of pooling.

    Raises:
        ShapeError: there are too few axes.
    """
    node = as_expr(input)
    if node.ndim < rank:
        raise ShapeError(f"at least {rank} dimension(s) expected, got shape {format_shape(node.shape)}")
    sizes, dilations = one_each("kernel_size", kernel, rank), one_each("dilation", dilation, rank)
    strides = one_each("stride", kernel if stride is None else stride, rank)
    padded = padded_for(floats(node), padding, sizes, strides, dilations, fill)
    return windows(padded, range(node.ndim - rank, node.ndim), sizes, strides, dilations)
