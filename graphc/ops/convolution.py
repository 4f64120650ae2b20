"""Convolutions and pooling over one or two axes, by PyTorch's names and layout: batch, channels, then space.

A convolution is a product of matrices: one row for each window (im2col), one column for each filter.
Source: Chellapilla, Puri & Simard, High performance convolutional neural networks for document processing (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from graphc.errors import ArgumentError, ShapeError
from graphc.graph.dimensions import Size
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.contraction import contract, operands
from graphc.ops.matrices import floats
from graphc.ops.public import public
from graphc.ops.windows import windows

Sizes: TypeAlias = "int | Sequence[int]"
Padding: TypeAlias = "str | int | Sequence[Any]"
SPACE, PLACES = "xyz", "uvw"
"""Labels of the axes of space and of the places in a window."""


@public()
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1,
    groups: int = 1,
) -> Expr:  # fmt: skip
    """Return the convolution along one axis; arguments as `conv2d` with one number for space.

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
    strides, dilations = _each("stride", stride, rank), _each("dilation", dilation, rank)
    x = _padded(x, padding, w.shape[2:], strides, dilations, 0.0)
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
    (offsets,) = as_exprs(bias)
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


@public()
def max_pool1d(
    input: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Padding = 0, dilation: Sizes = 1
) -> Expr:
    """Return the greatest element of each window along the last axis; arguments as `max_pool2d`."""
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
    """Return the mean of each window along the last axis; arguments as `avg_pool2d`."""
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
    space = apply("ones", as_exprs(input)[0].shape[-rank:], seen.dtype)
    counts = apply("sum", _pooled(space, kernel, stride, padding, 1, rank, 0.0), axis=axes)
    return apply("divide", apply("sum", seen, axis=axes), counts)


def _pooled(
    input: Any, kernel: Sizes, stride: Sizes | None, padding: Padding, dilation: Sizes, rank: int, fill: float
) -> Expr:
    """Return the windows of pooling.

    Raises:
        ShapeError: there are too few axes.
    """
    (node,) = as_exprs(input)
    if node.ndim < rank:
        raise ShapeError(f"at least {rank} dimension(s) expected, got shape {format_shape(node.shape)}")
    sizes, dilations = _each("kernel_size", kernel, rank), _each("dilation", dilation, rank)
    strides = _each("stride", kernel if stride is None else stride, rank)
    padded = _padded(floats(node), padding, sizes, strides, dilations, fill)
    return windows(padded, range(node.ndim - rank, node.ndim), sizes, strides, dilations)


def _each(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return one number for each axis of space.

    Raises:
        ArgumentError: it is neither a positive integer nor as many of these.
    """
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(found) != rank or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in found):
        raise ArgumentError(f"{name}: a number above zero, or {rank} of them expected, got {value!r}")
    return tuple(int(each) for each in found)


def _padded(
    node: Expr, padding: Any, kernel: Sequence[Size], strides: Sequence[int], dilations: Sequence[int], fill: float
) -> Expr:
    """Return an array padded along its last axes.

    Raises:
        ShapeError: a window does not fit even so.
    """
    rank = len(strides)
    spans = [(places - 1) * dilation + 1 for places, dilation in zip(kernel, dilations, strict=True)]
    widths = _widths(padding, node.shape[-rank:], spans, strides)
    if any(pair != (0, 0) for pair in widths):
        node = apply("pad", node, ((0, 0),) * (node.ndim - rank) + widths, constant_values=fill)
    for size, span in zip(node.shape[-rank:], spans, strict=True):
        if isinstance(size, int) and isinstance(span, int) and size < span:
            raise ShapeError(
                f"windows that reach over {span} elements do not fit into {size}, padding included",
                remedy="pad more, or use a smaller kernel or dilation",
            )
    return node


def _widths(padding: Any, sizes: Sequence[Size], spans: Sequence[Size], strides: Sequence[int]) -> Any:
    """Return what is added before and after each axis of space.

    Raises:
        ArgumentError: the padding is none of what `conv2d` takes.
        ShapeError: "same" of an open size, with a stride.
    """
    if isinstance(padding, str) and padding.lower() == "valid":
        padding = 0
    if isinstance(padding, str) and padding.lower() == "same":
        return tuple(_same(size, span, stride) for size, span, stride in zip(sizes, spans, strides, strict=True))
    given = padding if isinstance(padding, (tuple, list)) else (padding,) * len(sizes)
    pairs = tuple(tuple(each) if isinstance(each, (tuple, list)) else (each, each) for each in given)
    numbers = [number for pair in pairs for number in pair]
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in numbers)
    if len(pairs) != len(sizes) or not whole or any(len(pair) != 2 for pair in pairs):
        raise ArgumentError(
            f'padding: "same", "valid", a number, or {len(sizes)} numbers or pairs expected, got {padding!r}'
        )
    return tuple((int(before), int(after)) for before, after in pairs)


def _same(size: Size, span: Size, stride: int) -> tuple[int, int]:
    """Return the padding that gives ``ceil(size / stride)`` windows."""
    total: Any = span - 1
    if stride > 1:
        if not isinstance(size, int):
            raise ShapeError(
                f'padding "same" with stride {stride} needs a size known beforehand, got {size}',
                remedy="declare the size as a number, or pad by numbers",
            )
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
    if not isinstance(total, int):
        raise ShapeError(f"the size of a kernel must be a number, got one that reaches over {span}")
    return total // 2, total - total // 2
