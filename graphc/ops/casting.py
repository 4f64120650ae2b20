"""Dtypes and shapes brought together before an operation, by NumPy's rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.graph.leaf import as_expr, as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import DType, broadcast_shapes, is_float, promote


def cast(node: Expr, dtype: DType) -> Expr:
    """Return the node in a dtype."""
    return node if node.dtype == dtype else apply("astype", node, dtype)


def as_float(x: Any) -> Expr:
    """Return ``x`` with integers and bools as float64, as NumPy's floating-point functions take them."""
    node = as_expr(x)
    return node if is_float(node.dtype) else cast(node, "float64")


def accumulated(x: Any, dtype: Any = None) -> Expr:
    """Return ``x`` in the dtype NumPy sums it in: 64 bits for bools and shorter integers, or the one given."""
    node = as_expr(x)
    if dtype is not None:
        return apply("astype", node, dtype)
    if is_float(node.dtype):
        return node
    return cast(node, "uint64" if node.dtype.startswith("uint") else "int64")


def same_dtype(arrays: Iterable[Any]) -> list[Expr]:
    """Return arrays as expressions of the dtype NumPy promotes them to."""
    nodes = as_exprs(*arrays)
    dtype = promote(*(node.dtype for node in nodes)) if nodes else "float64"
    return [cast(node, dtype) for node in nodes]


def same_type(arrays: Iterable[Any]) -> list[Expr]:
    """Return arrays as expressions of one dtype and one shape."""
    nodes = same_dtype(arrays)
    shape = broadcast_shapes(*(node.shape for node in nodes))
    return [apply("broadcast_to", node, shape) for node in nodes]
