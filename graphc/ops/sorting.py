"""Orders: sorting, the positions that sort, the greatest elements, places in sorted arrays."""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError, ShapeError, UnsupportedError
from graphc.graph.leaf import as_expr, as_exprs
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import format_shape, is_integer, normalise_axis
from graphc.ops.casting import same_dtype
from graphc.ops.native_row import ARGSORT, SEARCH
from graphc.ops.public import public

KINDS = (None, "stable", "mergesort")


@public()
def argsort(x: Any, axis: int | None = -1, kind: str | None = None, *, descending: bool = False) -> Expr:
    """Return the positions, as int64, that put ``x`` in order along an axis (in memory order when None).

    Equal elements keep their order, NaN counts as greatest. Positions have no derivative.

    Args:
        x: any shape, and any dtype.
        axis: the axis to sort along.
        kind: None or "stable": it always is.
        descending: the greatest first; equal elements still keep their order.

    Raises:
        ShapeError: ``x`` is one number, without an axis.
        UnsupportedError: another kind of sorting is asked for.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.argsort([30, 10, 20]))()
        array([1, 2, 0])
    """
    node, last = _line(x, axis, kind)
    return apply("moveaxis", build(ARGSORT, apply("moveaxis", node, last, -1), flag=bool(descending)), -1, last)


@public()
def sort(x: Any, axis: int | None = -1, kind: str | None = None, *, descending: bool = False) -> Expr:
    """Return the elements in order along an axis. The derivative moves with each element.

    Args:
        x, axis, kind, descending: as for `argsort`.

    Raises:
        ShapeError, UnsupportedError: as `argsort`.

    Example:
        >>> import graphc as gx
        >>> gx.grad(gx.sort(gx.tensor("x", 3))[0], gx.tensor("x", 3)).shape
        (3,)
    """
    node, last = _line(x, axis, kind)
    return apply("take_along_axis", node, argsort(node, last, descending=descending), last)


@public()
def top_k(x: Any, k: int) -> tuple[Expr, Expr]:
    """Return the ``k`` greatest elements along the last axis, greatest first, and their positions.

    Of equal elements the first counts as greater; NaN counts as greatest.

    Raises:
        ShapeError: there are not so many elements.
        ArgumentError: ``k`` is no integer.

    Example:
        >>> import graphc as gx
        >>> values, positions = gx.top_k(gx.tensor("x", ("batch", 10)), 3)
        >>> values.shape
        (batch, 3)
    """
    node, last = _line(x, -1, None)
    size = node.shape[last]
    if not is_integer(k):
        raise ArgumentError(f"k: an integer expected, got {k!r}")
    if k < 0 or (isinstance(size, int) and k > size):
        raise ShapeError(f"{k} elements expected of shape {format_shape(node.shape)}: its last axis has {size}")
    order = argsort(node, descending=True)[..., :k]
    return apply("take_along_axis", node, order, -1), order


@public()
def searchsorted(a: Any, v: Any, side: str = "left") -> Expr:
    """Return the positions, as int64, at which values would be inserted to keep a sorted array sorted.

    Args:
        a: one dimension, ascending, NaN last.
        v: any shape: the values.
        side: before the elements equal to a value ("left") or behind them ("right").

    Raises:
        ShapeError: ``a`` has not one dimension.
        ArgumentError: another side is asked for.

    Example:
        >>> import graphc as gx
        >>> gx.searchsorted(gx.tensor("edges", 5), gx.tensor("x", ("batch", 2))).shape
        (batch, 2)
    """
    line, values = same_dtype(as_exprs(a, v))
    if line.ndim != 1:
        raise ShapeError(
            f"a: one dimension expected, got shape {format_shape(line.shape)}",
            remedy="use gx.vmap to search in many sorted lines",
        )
    if side not in ("left", "right"):
        raise ArgumentError(f'side: "left" or "right" expected, got {side!r}')
    found = build(SEARCH, line, apply("ravel", values), flag=side == "right")
    return apply("reshape", found, values.shape)


def _line(x: Any, axis: int | None, kind: str | None) -> tuple[Expr, int]:
    """Return an array, of one dimension for the axis None, and the axis from the front.

    Raises:
        UnsupportedError: another kind of sorting is asked for.
        ShapeError: a number has nothing to sort.
    """
    if kind not in KINDS:
        raise UnsupportedError(f"kind {kind!r} is not supported", remedy='leave it out: sorting is always "stable"')
    node = as_expr(x)
    if axis is None:
        return apply("ravel", node), 0
    return node, normalise_axis(axis, node.ndim, "sort")
