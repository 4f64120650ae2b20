"""Random numbers of discrete distributions: booleans, integers, positions, orders."""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.dimensions import Dimension
from graphc.graph.leaf import as_expr
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import as_dtype, as_shape, format_shape, is_float, normalise_axis
from graphc.ops.casting import as_float, cast
from graphc.ops.public import public
from graphc.ops.random_bits import WORD, words
from graphc.ops.random_bits import unit as unit_of
from graphc.ops.random_continuous import gumbel, shape_of, spread


@public(name="random.bernoulli")
def bernoulli(key: Any, p: Any = 0.5, shape: Any = None) -> Expr:
    """Return booleans that are true with probability ``p``.

    Args:
        key: a key.
        p: a number or an expression.
        shape: by default that of ``p``.

    Raises:
        ShapeError: ``p`` does not broadcast to the shape.

    Example:
        >>> import graphc as gx
        >>> x = gx.tensor("x", ("batch", 8))
        >>> keep = gx.random.bernoulli(gx.random.key(0), 0.9, x.shape)
        >>> dropped = gx.where(keep, x / 0.9, 0.0)
    """
    probability = as_float(p)
    wanted = shape_of(shape, probability)
    unit = unit_of(words(key, wanted), probability.dtype)
    return apply("less", unit, spread(probability, probability.dtype, wanted))


@public(name="random.randint")
def randint(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any = "int64") -> Expr:
    """Return integers uniform in [minval, maxval), as the rest of 64 random bits divided by how many there are.

    The probabilities differ by a fraction of ``(maxval - minval) / 2**64``. Where ``maxval <= minval`` only running
    shows, the result is unspecified.

    Args:
        key: a key.
        shape: sizes, each an integer or the name of a dimension.
        minval, maxval: integers, named dimensions or integer expressions that broadcast to the shape.
        dtype: an integer type.

    Raises:
        DTypeError: a bound or the dtype is no integer.
        ArgumentError: there is no integer between the bounds.
        ShapeError: a bound does not broadcast to the shape.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.random.randint(gx.random.key(0), (4,), 0, 1))()
        array([0, 0, 0, 0])
    """
    name = as_dtype(dtype)
    low, high = (as_expr(bound) for bound in (minval, maxval))
    for kind in (name, low.dtype, high.dtype):
        if is_float(kind) or kind == "bool":
            raise DTypeError(f"integers expected, got {kind}", remedy="pass integers, or cast with .astype(int)")
    if isinstance(minval, int) and isinstance(maxval, int) and maxval <= minval:
        raise ArgumentError(f"there is no integer from {minval} to below {maxval}")
    wanted = as_shape(shape)
    start = spread(low, "int64", wanted)
    count = cast(spread(high, "int64", wanted) - start, WORD)
    return cast(start + cast(apply("mod", words(key, wanted), count), "int64"), name)


@public(name="random.categorical")
def categorical(key: Any, logits: Any, axis: int = -1, shape: Any = None) -> Expr:
    """Return positions along an axis, each as likely as the exponential of its logit says (the Gumbel trick).

    Args:
        key: a key.
        logits: logarithms of probabilities, up to a constant; -inf for impossible ones.
        axis: the axis of the alternatives.
        shape: of the result; it ends with the shape of the logits without the axis, which is the default.

    Raises:
        ShapeError: the axis is out of range, or the shape does not fit.

    Example:
        >>> import graphc as gx
        >>> gx.random.categorical(gx.random.key(0), gx.tensor("logits", (5, 3)), shape=(7, 5)).shape
        (7, 5)
    """
    weights = as_float(logits)
    place = normalise_axis(axis, weights.ndim, "random.categorical")
    rest = weights.shape[:place] + weights.shape[place + 1 :]
    wanted = rest if shape is None else as_shape(shape)
    count = len(wanted) - len(rest)
    if count < 0 or wanted[count:] != rest:
        raise ShapeError(f"the shape {format_shape(wanted)} does not end with {format_shape(rest)}, that of the logits")
    noise = gumbel(key, wanted[:count] + weights.shape, weights.dtype)
    return apply("argmax", noise + weights, count + place)


@public(name="random.permutation")
def permutation(key: Any, x: Any, axis: int = 0) -> Expr:
    """Return an array with the items along an axis in random order; of an integer or a size n, 0 to n - 1.

    Args:
        key: a key.
        x: an integer, a named dimension, or an array.
        axis: whose items are put in another order, the same for all of the other axes.

    Raises:
        ShapeError: the axis is out of range.

    Example:
        >>> import graphc as gx
        >>> order = gx.compile(gx.random.permutation(gx.random.key(0), 5))()
        >>> sorted(order.tolist())
        [0, 1, 2, 3, 4]
    """
    if isinstance(x, (int, str, Dimension)):
        return apply("argsort", words(key, x))
    node = as_expr(x)
    place = normalise_axis(axis, node.ndim, "random.permutation")
    return apply("take", node, apply("argsort", words(key, node.shape[place])), place)
