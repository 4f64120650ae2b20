"""Means, variances, norms and logsumexp: reductions made of others, or with a stable form of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.graph.dimensions import larger, product
from graphc.graph.leaf import as_expr, size_of
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import normalise_axes
from graphc.ops.casting import as_float
from graphc.ops.public import public
from graphc.ops.reduction import Axis, masked, reduce
from graphc.ops.reduction_row import reduction


def shifted(x: Expr, axes: Sequence[int]) -> Expr:
    """Return ``x`` less its greatest element along axes: no exponential of it overflows.

    What is taken away cancels from everything made of the result, so it has no derivative; where every
    element is -inf nothing is taken away.
    """
    lead = sum(place == axis for place, axis in enumerate(axes))
    # Broadcasting itself adds the leading axes: so that this is the same node before and after simplifying.
    level = apply("expand_dims", _level(x, axes), tuple(axis - lead for axis in axes[lead:]))
    return apply("subtract", x, level)


def _level(x: Expr, axes: Sequence[int]) -> Expr:
    """Return the greatest element along axes, zero where that is not finite; a constant for derivatives."""
    top = apply("max", x, axis=axes)
    return apply("stop_gradient", apply("where", apply("isfinite", top), top, apply("zeros_like", top)))


def nonzero(total: Expr) -> Expr:
    """Return what it is given, 1 in place of 0: a denominator for numerators that are 0 there.

    Written as a sum, it leaves the derivative as it is, where a selection would mask it.
    """
    return apply("add", total, apply("astype", apply("equal", total, 0), total.dtype))


def shares(x: Expr, axes: Sequence[int]) -> Expr:
    """Return ``exp(x) / sum(exp(x))`` along axes; zeros where every element is -inf.

    Source: the shifted formula, more accurate than ``exp(x - logsumexp(x))``: Blanchard, Higham & Higham (2021),
    doi:10.1093/imanum/draa038.
    """
    powers = apply("exp", shifted(x, axes))
    total = nonzero(apply("sum", powers, axis=axes, keepdims=True))
    return apply("divide", powers, apply("broadcast_to", total, x.shape))


def _logsumexp_expand(node: Expr) -> Expr:
    """Return logsumexp with the greatest element taken out, so that no exponential overflows."""
    (argument,) = node.args
    axes = node.attribute("axes")
    total = apply("sum", apply("exp", shifted(argument, axes)), axis=axes)
    return apply("add", apply("log", total), _level(argument, axes))


def _norm_weight(_node: Expr, argument: Expr, result: Expr) -> Expr:
    """Return ``x / norm``, zero where the norm is zero."""
    return apply("divide", argument, nonzero(result))


def _norm_expand(node: Expr) -> Expr:
    (argument,) = node.args
    return apply("sqrt", apply("sum", apply("multiply", argument, argument), axis=node.attribute("axes")))


def _logsumexp_plain(node: Expr) -> Expr:
    return apply("log", apply("sum", apply("exp", node.args[0]), axis=node.attribute("axes")))


def _logsumexp_reference(array: Any, axes: tuple[int, ...]) -> Any:
    if array.size == 0:
        return np.log(np.sum(array, axis=axes))
    top = np.max(array, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(array.dtype)
    return np.log(np.sum(np.exp(array - top), axis=axes)) + np.squeeze(top, axes)


NORM = reduction(
    name="norm",
    definition="sqrt(Add(*[x**2 for x in xs]))",
    expand=_norm_expand,
    plain=_norm_expand,
    weight=_norm_weight,
    reference=lambda array, axes: np.sqrt(np.sum(array * array, axis=axes)),
    convention="derivative 0 where the norm is 0",
)
LOGSUMEXP = reduction(
    name="logsumexp",
    definition="log(Add(*[exp(x) for x in xs]))",
    expand=_logsumexp_expand,
    plain=_logsumexp_plain,
    weight=lambda node, argument, result: shares(argument, node.attribute("axes")),
    reference=_logsumexp_reference,
    convention="-inf with derivative 0 where every element is -inf",
)


def _number_of(node: Expr, axis: Axis, where: Any, keepdims: bool, less: float = 0) -> Expr:
    """Return how many elements along axes count, less some but never below zero, in the dtype of ``node``."""
    axes = normalise_axes(axis, node.ndim, "mean")
    if where is None:
        count = product(node.shape[number] for number in axes)
        if less == int(less):
            return size_of(larger(count - int(less), 0), node.dtype)
        return apply("maximum", apply("subtract", size_of(count, node.dtype), less), 0)
    condition = as_expr(where)
    every = apply("astype", apply("broadcast_to", condition, node.shape), node.dtype)
    counted = apply("sum", every, axis=axes, keepdims=keepdims)
    return apply("maximum", apply("subtract", counted, less), 0) if less else counted


@public()
def mean(x: Any, axis: Axis = None, dtype: Any = None, keepdims: bool = False, where: Any = None) -> Expr:
    """Return the arithmetic mean along axes (of all elements when None); integers are averaged as float64.

    Args:
        x: any shape.
        axis: one axis, several, or None.
        dtype: the dtype to compute in.
        keepdims: keep the averaged axes with size 1.
        where: a boolean array that broadcasts to ``x``: which elements count.

    Example:
        >>> import graphc as gx
        >>> gx.mean(gx.tensor("x", ("batch", 3)), axis=0).shape
        (3,)
    """
    node = as_float(x) if dtype is None else apply("astype", x, dtype)
    total = apply("sum", node, axis=axis, keepdims=keepdims, where=where)
    return apply("divide", total, _number_of(node, axis, where, keepdims))


def _centred(x: Any, axis: Axis, where: Any) -> Expr:
    """Return the differences to the mean, zero for what does not count."""
    node = as_float(x)
    return masked(apply("subtract", node, mean(node, axis, None, True, where)), where, 0)


@public()
def var(
    x: Any,
    axis: Axis = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = None,
    correction: float | None = None,
) -> Expr:
    """Return the variance along axes: the sum of squared differences to the mean over ``n - ddof``.

    Args:
        x: any shape.
        axis: one axis, several, or None.
        ddof: what to take from the number of elements.
        keepdims: keep the axes with size 1.
        where: which elements count.
        correction: the array standard's name for ``ddof``.

    Source: the sum of squares of the centred elements, in two passes as NumPy.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.var([1.0, 2.0, 3.0], ddof=1))()
        1.0
    """
    node, less = _centred(x, axis, where), ddof if correction is None else correction
    total = apply("sum", apply("multiply", node, node), axis=axis, keepdims=keepdims)
    return apply("divide", total, _number_of(node, axis, where, keepdims, less))


@public()
def std(
    x: Any,
    axis: Axis = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = None,
    correction: float | None = None,
) -> Expr:
    """Return the standard deviation along axes. Where it is 0 its derivative is 0.

    Args:
        x, axis, ddof, keepdims, where, correction: as for `var`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.std([1.0, 2.0, 3.0], ddof=1))()
        1.0
    """
    node, less = _centred(x, axis, where), ddof if correction is None else correction
    length = reduce(NORM, node, axis, keepdims) if node.ndim else apply("abs", node)
    return apply("divide", length, apply("sqrt", _number_of(node, axis, where, keepdims, less)))


@public()
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Expr:
    """Return ``log(sum(exp(x)))`` along axes without overflow; -inf with derivative 0 where all elements are -inf.

    Args:
        x: any shape; integers become float64.
        axis: one axis, several, or None for all.
        keepdims: keep the reduced axes with size 1.

    Source: the shifted formula of Blanchard, Higham & Higham (2021), doi:10.1093/imanum/draa038.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.logsumexp([1000.0, 1000.0]))()
        1000.693147...
    """
    node = as_float(x)
    if 0 in (node.shape[number] for number in normalise_axes(axis, node.ndim, "logsumexp")):
        return apply("log", apply("sum", node, axis=axis, keepdims=keepdims))
    return reduce(LOGSUMEXP, node, axis, keepdims)


@public("linalg.norm", "vector_norm", "linalg.vector_norm")
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Expr:
    """Return the norm of vectors, or of matrices for two axes, as ``numpy.linalg.norm``; its derivative at 0 is 0.

    Args:
        x: any shape.
        ord: None (2-norm, Frobenius), "fro", inf, -inf, 0, or a number p for ``sum(abs(x)**p)**(1/p)``;
            for matrices also 1, -1, inf, -inf, and 2, -2, "nuc" by singular values.
        axis: the axis of the vectors, or the two of the matrices; all elements when None.
        keepdims: keep the axes with size 1.

    Raises:
        UnsupportedError: an ``ord`` that NumPy does not have for so many axes.

    Example:
        >>> import graphc as gx
        >>> x = gx.tensor("x", (2,))
        >>> gx.compile(gx.norm(x)).value_and_grad(x=[3.0, 4.0])
        (5.0, {'x': array([0.6, 0.8])})
    """
    node = as_float(x)
    if ord is None or (ord == "fro" and (node.ndim == 2 or axis is not None)):
        return reduce(NORM, node, axis, keepdims) if node.ndim else apply("abs", node)
    axes = tuple(range(node.ndim)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if len(axes) == 1:
        return _vector_norm(node, ord, axes[0], keepdims)
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        return _matrix_norm(node, ord, axes, keepdims)
    if len(axes) == 2 and ord in (2, -2, "nuc"):
        return _spectral_norm(node, ord, axes, keepdims)
    raise UnsupportedError(f"ord={ord!r} over {len(axes)} axes is not supported", remedy="use ord=None, 1 or inf")


def _vector_norm(node: Expr, ord: Any, axis: int, keepdims: bool) -> Expr:
    """Return the norm of vectors along one axis."""
    if ord == 2:
        return reduce(NORM, node, axis, keepdims)
    if ord in (np.inf, -np.inf):
        return apply("max" if ord > 0 else "min", apply("abs", node), axis=axis, keepdims=keepdims)
    if ord == 0:
        return apply("sum", apply("astype", apply("not_equal", node, 0), node.dtype), axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise UnsupportedError(f"ord={ord!r} is no norm of vectors", remedy="use ord=None, 1, 2 or inf")
    powers = apply("abs", node) if ord == 1 else apply("power", apply("abs", node), float(ord))
    total = apply("sum", powers, axis=axis, keepdims=keepdims)
    if ord == 1:
        return total
    length = apply("power", total, 1.0 / ord)
    # The branch not taken has the gradient 0: so has the norm at 0, as the 2-norm.
    return apply("where", apply("equal", total, 0), apply("zeros_like", total), length) if ord > 0 else length


def _spectral_norm(node: Expr, ord: Any, axes: Any, keepdims: bool) -> Expr:
    """Return the greatest singular value (ord 2), the least (-2), or their sum ("nuc")."""
    values = apply("linalg.svdvals", apply("moveaxis", node, tuple(axes), (-2, -1)))
    found = apply({2: "max", -2: "min", "nuc": "sum"}[ord], values, axis=-1)
    return apply("expand_dims", found, tuple(int(axis) % node.ndim for axis in axes)) if keepdims else found


def _matrix_norm(node: Expr, ord: Any, axes: Any, keepdims: bool) -> Expr:
    """Return the greatest (least) sum of absolute values of a column (ord 1) or row (ord inf)."""
    rows, columns = (int(axis) % node.ndim for axis in axes)
    summed, left = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = apply("sum", apply("abs", node), axis=summed, keepdims=True)
    extreme = apply("max" if ord > 0 else "min", sums, axis=left, keepdims=True)
    return extreme if keepdims else apply("squeeze", extreme, (rows, columns))
