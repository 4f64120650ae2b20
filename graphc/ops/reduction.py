"""The reduction rows: sums, extremes, logic over axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import normalise_axes
from graphc.ops.public import public
from graphc.ops.reduction_row import reduction

SUM = reduction(
    name="sum",
    definition="Add(*xs)",
    fold="add",
    identity=lambda dtype: 0,
    reference=lambda array, axes: np.sum(array, axis=axes, dtype=array.dtype),
)


@public()
def sum(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return the sum of the elements along axes (all of them when None)."""
    (node,) = as_exprs(x)
    if where is not None:
        node = apply("where", where, node, 0)
    axes = normalise_axes(axis, len(node.shape), "sum")
    if not axes:
        return node
    result = build(SUM, node, axes=axes)
    return apply("expand_dims", result, axes) if keepdims else result
