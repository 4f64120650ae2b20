"""What is added around arrays before windows are laid over them: numbers, pairs, "same" or "valid"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from graphc.errors import ArgumentError, ShapeError
from graphc.graph.dimensions import Size
from graphc.graph.node import Expr
from graphc.graph.table import apply

Sizes: TypeAlias = "int | Sequence[int]"
Padding: TypeAlias = "str | int | Sequence[Any]"


def one_each(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return one number for each axis of space.

    Raises:
        ArgumentError: it is neither a positive integer nor as many of these.
    """
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(found) != rank or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in found):
        raise ArgumentError(f"{name}: a number above zero, or {rank} of them expected, got {value!r}")
    return tuple(int(each) for each in found)


def padded_for(
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
