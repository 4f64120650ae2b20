"""The reduction rows and their functions: sums, products, extremes, logic, positions of extremes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import DType, broadcast_shapes, format_shape, is_float, normalise_axes, normalise_axis
from graphc.ops.casting import accumulated
from graphc.ops.cumulative import products_before
from graphc.ops.public import public
from graphc.ops.reduction_row import ReductionOperation, reduction

Axis = int | Sequence[int] | None


def _extreme_weight(node: Expr, argument: Expr, result: Expr) -> Expr:
    """Return one over the number of elements equal to the extreme for these, zero for the others."""
    chosen = apply("astype", apply("equal", argument, result), argument.dtype)
    count = apply("sum", chosen, axis=node.attribute("axes"), keepdims=True)
    return apply("divide", chosen, apply("broadcast_to", count, argument.shape))


def _product_weight(node: Expr, argument: Expr, _result: Expr) -> Expr:
    """Return the product of all other elements: of those before times those after, exact with zeros."""
    axes = node.attribute("axes")
    order = (*(axis for axis in range(argument.ndim) if axis not in axes), *axes)
    moved = apply("transpose", argument, order)
    kept = moved.shape[: moved.ndim - len(axes)]
    line = apply("reshape", moved, (*kept, _count(argument, axes)))
    others = apply("multiply", products_before(line, len(kept)), products_before(line, len(kept), reverse=True))
    return apply("transpose", apply("reshape", others, moved.shape), tuple(int(axis) for axis in np.argsort(order)))


def _count(argument: Expr, axes: Sequence[int]) -> Any:
    """Return how many elements fold into one."""
    total: Any = 1
    for axis in axes:
        total = total * argument.shape[axis]
    return total


def _lowest(dtype: DType) -> Any:
    """Return the value below all others of a dtype."""
    return -np.inf if is_float(dtype) else False if dtype == "bool" else int(np.iinfo(dtype).min)


def _highest(dtype: DType) -> Any:
    """Return the value above all others of a dtype."""
    return np.inf if is_float(dtype) else True if dtype == "bool" else int(np.iinfo(dtype).max)


SUM = reduction(
    name="sum",
    definition="Add(*xs)",
    fold="add",
    identity=lambda dtype: 0,
    reference=lambda array, axes: np.sum(array, axis=axes, dtype=array.dtype),
)
PROD = reduction(
    name="prod",
    definition="Mul(*xs)",
    fold="multiply",
    identity=lambda dtype: 1,
    weight=_product_weight,
    reference=lambda array, axes: np.prod(array, axis=axes, dtype=array.dtype),
    convention="exact with zeros among the factors, to any order",
)
MAX = reduction(
    name="max",
    definition="Max(*xs)",
    fold="maximum",
    weight=_extreme_weight,
    reference=lambda array, axes: np.max(array, axis=axes),
    convention="ties share the derivative evenly",
)
MIN = reduction(
    name="min",
    definition="Min(*xs)",
    fold="minimum",
    weight=_extreme_weight,
    reference=lambda array, axes: np.min(array, axis=axes),
    convention="ties share the derivative evenly",
)
ANY = reduction(
    name="any",
    definition="Or(*xs)",
    fold="logical_or",
    identity=lambda dtype: False,
    differentiable=False,
    reference=lambda array, axes: np.any(array, axis=axes),
)
ALL = reduction(
    name="all",
    definition="And(*xs)",
    fold="logical_and",
    identity=lambda dtype: True,
    differentiable=False,
    reference=lambda array, axes: np.all(array, axis=axes),
)
ARGMAX = reduction(
    name="argmax",
    definition="first position of Max(*xs)",
    fold="argmax",
    differentiable=False,
    result=lambda dtype: "int64",
    reference=lambda array, axes: np.argmax(array, axis=axes[0]),
)
ARGMIN = reduction(
    name="argmin",
    definition="first position of Min(*xs)",
    fold="argmin",
    differentiable=False,
    result=lambda dtype: "int64",
    reference=lambda array, axes: np.argmin(array, axis=axes[0]),
)


def reduce(row: ReductionOperation, node: Expr, axis: Axis, keepdims: bool) -> Expr:
    """Return the node of a reduction row over axes (all of them when None).

    Raises:
        ShapeError: the row has no value for no elements, and a reduced axis has none.
    """
    axes = normalise_axes(axis, node.ndim, row.name)
    if not axes:
        return node
    if row.fold and row.identity is None and 0 in [node.shape[axis] for axis in axes]:
        raise ShapeError(f"no elements to reduce in shape {format_shape(node.shape)}")
    result = build(row, node, axes=axes)
    return apply("expand_dims", result, axes) if keepdims else result


def masked(node: Expr, where: Any, identity: Any) -> Expr:
    """Return the elements where a condition holds, a neutral value elsewhere.

    Raises:
        ShapeError: the condition does not broadcast to the elements.
    """
    if where is None:
        return node
    condition = as_expr(where)
    if broadcast_shapes(node.shape, condition.shape) != node.shape:
        raise ShapeError(f"where= of shape {format_shape(condition.shape)} does not fit {format_shape(node.shape)}")
    return apply("where", condition, node, apply("full_like", node, identity))


@public()
def sum(x: Any, axis: Axis = None, dtype: Any = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return the sum of the elements along axes (all of them when None).

    Args:
        x: any shape; bools and short integers are summed as int64, as NumPy does.
        axis: one axis, several, or None.
        dtype: the dtype to sum in.
        keepdims: keep the summed axes with size 1.
        where: a boolean array that broadcasts to ``x``: which elements count.

    Example:
        >>> import graphc as gx
        >>> gx.sum(gx.tensor("x", ("batch", 3)), axis=0).shape
        (3,)
    """
    return reduce(SUM, masked(accumulated(x, dtype), where, 0), axis, keepdims)


@public()
def prod(x: Any, axis: Axis = None, dtype: Any = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return the product of the elements along axes; its gradient is exact with zeros among the factors.

    Args:
        x, axis, dtype, keepdims, where: as for `sum`.

    Example:
        >>> import graphc as gx
        >>> x = gx.tensor("x", (3,))
        >>> gx.compile(gx.prod(x)).grad(x=[2.0, 0.0, 5.0])
        {'x': array([ 0., 10.,  0.])}
    """
    return reduce(PROD, masked(accumulated(x, dtype), where, 1), axis, keepdims)


@public("amax")
def max(x: Any, axis: Axis = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return the greatest element along axes; NaN where there is one. Ties share the derivative evenly.

    Args:
        x: any shape.
        axis: one axis, several, or None for all.
        keepdims: keep the reduced axes with size 1.
        where: a boolean array that broadcasts to ``x``: which elements count.

    Raises:
        ShapeError: there is no element to take.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.max([[1.0, 5.0], [3.0, 2.0]], axis=1))()
        array([5., 3.])
    """
    node = as_expr(x)
    return reduce(MAX, masked(node, where, _lowest(node.dtype)), axis, keepdims)


@public("amin")
def min(x: Any, axis: Axis = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return the least element along axes; NaN where there is one. Ties share the derivative evenly.

    Args:
        x, axis, keepdims, where: as for `max`.

    Raises:
        ShapeError: there is no element to take.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.min([[1.0, 5.0], [3.0, 2.0]], axis=1))()
        array([1., 2.])
    """
    node = as_expr(x)
    return reduce(MIN, masked(node, where, _highest(node.dtype)), axis, keepdims)


@public()
def any(x: Any, axis: Axis = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return whether an element is true (not zero) along axes, as bool.

    Args:
        x, axis, keepdims, where: as for `max`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.any([[0, 0], [0, 2]], axis=1))()
        array([False,  True])
    """
    return reduce(ANY, masked(_truth(x), where, False), axis, keepdims)


@public()
def all(x: Any, axis: Axis = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return whether all elements are true (not zero) along axes, as bool.

    Args:
        x, axis, keepdims, where: as for `max`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.all([[1, 0], [1, 2]], axis=1))()
        array([False,  True])
    """
    return reduce(ALL, masked(_truth(x), where, True), axis, keepdims)


def _truth(x: Any) -> Expr:
    """Return what is not zero."""
    node = as_expr(x)
    return node if node.dtype == "bool" else apply("not_equal", node, 0)


def _position(row: ReductionOperation, x: Any, axis: int | None, keepdims: bool) -> Expr:
    """Return the position of an extreme along one axis, or in memory order."""
    node = as_expr(x)
    if axis is not None:
        return reduce(row, node, normalise_axis(axis, node.ndim, row.name), keepdims)
    found = reduce(row, apply("ravel", node), 0, False)
    return apply("reshape", found, (1,) * node.ndim) if keepdims else found


@public()
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Expr:
    """Return the position of the greatest element along an axis (in memory order when None), as int64.

    The first of equal elements counts; NaN counts as greatest. There is no derivative.

    Args:
        x: any shape.
        axis: one axis, or None.
        keepdims: keep the reduced axis with size 1.

    Raises:
        ShapeError: there is no element.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.argmax([[1.0, 5.0], [3.0, 2.0]], axis=1))()
        array([1, 0])
    """
    return _position(ARGMAX, x, axis, keepdims)


@public()
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Expr:
    """Return the position of the least element along an axis; otherwise as `argmax`.

    Args:
        x, axis, keepdims: as for `argmax`.

    Raises:
        ShapeError: there is no element.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.argmin([[1.0, 5.0], [3.0, 2.0]], axis=1))()
        array([0, 1])
    """
    return _position(ARGMIN, x, axis, keepdims)
