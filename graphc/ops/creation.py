"""Arrays made of nothing but a shape: zeros, ones, ranges, identity matrices; and sizes as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.graph.dimensions import Dimension, Shape, Size, product
from graphc.graph.leaf import as_expr, constant
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import as_shape, as_size, normalise_axis
from graphc.ops.public import public


@public()
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Expr:
    """Return an array of a shape, every element the same number or scalar expression.

    Args:
        shape: one size or several, each an integer or the name of a dimension.
        fill_value: a number or an expression of shape ().
        dtype: by default that of the value.

    Raises:
        ShapeError: a size is neither, or the value has dimensions that do not broadcast.

    Example:
        >>> import graphc as gx
        >>> gx.full(("batch", 2), 1.5).shape
        (batch, 2)
    """
    value = as_expr(fill_value)
    if dtype is not None:
        value = apply("astype", value, dtype) if isinstance(fill_value, Expr) else constant(fill_value, dtype)
    return apply("broadcast_to", value, as_shape(shape))


@public()
def zeros(shape: Any, dtype: Any = "float64") -> Expr:
    """Return zeros of a shape.

    Args:
        shape, dtype: as for `full`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.zeros((2,)))()
        array([0., 0.])
    """
    return full(shape, 0, dtype)


@public()
def ones(shape: Any, dtype: Any = "float64") -> Expr:
    """Return ones of a shape.

    Args:
        shape, dtype: as for `full`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.ones((2,), "int64"))()
        array([1, 1])
    """
    return full(shape, 1, dtype)


@public()
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Expr:
    """Return an array of the shape and dtype of ``x``, every element the same.

    Args:
        x: an expression or array.
        fill_value: a number or an expression of shape ().
        dtype: another one than that of ``x``.

    Example:
        >>> import graphc as gx
        >>> gx.full_like(gx.tensor("x", ("batch", 2), "float32"), 1.5).dtype
        'float32'
    """
    node = as_expr(x)
    return full(node.shape, fill_value, dtype or node.dtype)


@public()
def zeros_like(x: Any, dtype: Any = None) -> Expr:
    """Return zeros of the shape and dtype of ``x``.

    Example:
        >>> import graphc as gx
        >>> gx.zeros_like(gx.tensor("x", ("batch", 2))).shape
        (batch, 2)
    """
    return full_like(x, 0, dtype)


@public()
def ones_like(x: Any, dtype: Any = None) -> Expr:
    """Return ones of the shape and dtype of ``x``.

    Example:
        >>> import graphc as gx
        >>> gx.ones_like(gx.tensor("x", ("batch", 2))).shape
        (batch, 2)
    """
    return full_like(x, 1, dtype)


@public()
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Expr:
    """Return evenly spaced numbers, as ``numpy.arange``; ``arange(n)`` takes a named dimension too.

    Args:
        start, stop, step: numbers; with one argument alone the numbers from 0 up to it.
        dtype: by default that of NumPy, int64 for integers.

    Raises:
        UnsupportedError: a named dimension together with ``stop`` or ``step``.

    Example:
        >>> import graphc as gx
        >>> gx.arange(gx.tensor("x", ("batch",)).shape[0]).shape
        (batch,)
    """
    if not isinstance(start, (str, Dimension)) and not isinstance(stop, (str, Dimension)):
        return constant(np.arange(start, stop, step) if stop is not None else np.arange(0, start, step), dtype)
    if stop is not None or step != 1:
        raise UnsupportedError(
            "a named dimension is supported as the only bound", remedy="write arange(n) * step + start"
        )
    shape: Shape = (as_size(start),)
    return apply("cumsum", full(shape, 1, dtype or "int64"), 0) - 1


@public()
def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = "float64") -> Expr:
    """Return a matrix with ones on a diagonal and zeros elsewhere, as ``numpy.eye``.

    Args:
        n, m: the numbers of rows and columns; as many columns as rows when ``m`` is None.
        k: how far the diagonal is above the main one.
        dtype: of the result.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.eye(2, 3, 1))()
        array([[0., 1., 0.],
               [0., 0., 1.]])

    Raises:
        UnsupportedError: a size is a named dimension, and the matrix is not square or the diagonal not the main one.
    """
    if isinstance(n, (str, Dimension)) or isinstance(m, (str, Dimension)):
        if k != 0 or (m is not None and as_size(m) != as_size(n)):
            raise UnsupportedError(
                "a named dimension is supported for the main diagonal of square matrices",
                remedy="write gx.diag(gx.ones(n - k), k), with gx.pad for more rows or columns",
            )
        return apply("diag", apply("ones", n, dtype))
    return constant(np.eye(n, m, k), dtype)


@public()
def shape(x: Any) -> Shape:
    """Return the sizes of ``x``, as its attribute ``shape``."""
    return as_expr(x).shape


@public()
def ndim(x: Any) -> int:
    """Return the number of dimensions of ``x``, as its attribute ``ndim``."""
    return as_expr(x).ndim


@public()
def size(x: Any, axis: int | None = None) -> Size:
    """Return the number of elements of ``x``, or along an axis: an integer, or a dimension open until the call.

    In arithmetic with expressions both are weak: they take the dtype of the expression.

    Example:
        >>> import graphc as gx
        >>> gx.size(gx.tensor("x", ("batch", 2)))
        2*batch
    """
    node = as_expr(x)
    return product(node.shape) if axis is None else node.shape[normalise_axis(axis, node.ndim, "size")]
