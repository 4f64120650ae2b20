"""Lower triangles of matrices packed into vectors, and unpacked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.graph.leaf import as_expr, constant
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.ops.public import public


@public()
def pack_lower(x: Any, k: int = 0) -> Expr:
    """Return the lower triangles of square matrices as vectors, row after row, as ``x[numpy.tril_indices(n, k)]``.

    Raises:
        ShapeError: the matrices are not square, or their size is open.

    Example:
        >>> import graphc as gx
        >>> gx.pack_lower(gx.tensor("x", ("batch", 3, 3))).shape
        (batch, 6)
    """
    node = as_expr(x)
    if node.ndim < 2 or node.shape[-1] != node.shape[-2] or not isinstance(node.shape[-1], int):
        raise ShapeError(f"square matrices of a known size expected, got shape {format_shape(node.shape)}")
    rows, columns = np.tril_indices(node.shape[-1], int(k))
    return node[..., rows, columns]


@public()
def unpack_lower(x: Any) -> Expr:
    """Return lower triangular matrices from their packed elements: the inverse of `pack_lower`.

    Raises:
        ShapeError: the last axis does not hold n*(n + 1)/2 elements for an integer n.

    Example:
        >>> import graphc as gx
        >>> gx.unpack_lower(gx.tensor("x", ("batch", 6))).shape
        (batch, 3, 3)
    """
    node = as_expr(x)
    count = node.shape[-1] if node.shape else None
    n = (math.isqrt(8 * count + 1) - 1) // 2 if isinstance(count, int) else -1
    if not isinstance(count, int) or n * (n + 1) // 2 != count:
        raise ShapeError(f"n*(n + 1)/2 elements on the last axis expected, got shape {format_shape(node.shape)}")
    rows, columns = np.tril_indices(n)
    number = np.zeros((n, n), np.int64)
    number[rows, columns] = np.arange(count)
    if not count:
        return apply("zeros", (*node.shape[:-1], 0, 0), node.dtype)
    return apply("tril", apply("take", node, constant(number), -1))
