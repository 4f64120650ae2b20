"""Sums of products: matmul and its relatives, all built from the one contraction row."""

from __future__ import annotations

from typing import Any

from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr, build
from graphc.ops.contraction_row import CONTRACT
from graphc.ops.public import public


@public()
def matmul(x: Any, y: Any) -> Expr:
    """Return the matrix product, as ``numpy.matmul``."""
    left, right = as_exprs(x, y)
    return build(
        CONTRACT,
        left,
        right,
        left="ij"[: left.ndim] if left.ndim == 2 else "j",
        right="jk"[: right.ndim],
        out="ik"[2 - left.ndim : right.ndim] if left.ndim == 2 else "k"[: right.ndim - 1],
    )
