"""The node that puts an array of items together from the expressions of its elements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.graph.dimensions import Shape, Size
from graphc.graph.node import Expr, Operation
from graphc.graph.types import DType

Place = tuple[int, ...]
"""Where an element of an item is: its index without the axis of the items."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class _Assembly(Operation):
    """An array of attribute ``shape`` whose items lie along ``axis``; its arguments are its elements, of all items.

    Only normalisation makes it, only lowering reads it: it is in no table.
    """

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return arguments[0].dtype, attributes["shape"]


ASSEMBLE = _Assembly(name="assemble")


def places_of(shape: Shape, axis: int | None) -> list[Place]:
    """Return the places of the elements of an item, or of an array without items, in the order of memory."""
    sizes = [size for number, size in enumerate(shape) if number != axis]
    return list(itertools.product(*(range(size) for size in sizes if isinstance(size, int))))


def item_axis(shape: Shape, count: Size) -> int | None:
    """Return the axis of the items in a shape, None where there is none or the other sizes are no numbers."""
    axes = [axis for axis, size in enumerate(shape) if size == count]
    if len(axes) != 1 or not all(isinstance(size, int) for size in shape[: axes[0]] + shape[axes[0] + 1 :]):
        return None
    return axes[0]
