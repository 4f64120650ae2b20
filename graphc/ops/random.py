"""Random numbers in the graph, after JAX: distributions as functions of a key, a shape and their parameters.

One number is made of one word of random bits, without a branch, so that it fuses into the loop that uses it. Where it
is a smooth function of parameters, derivatives by these are ordinary ones of the expression ("reparameterised").
"""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.dimensions import Dimension
from graphc.graph.leaf import as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import as_dtype, as_shape, broadcast_shapes, format_shape, is_float, normalise_axis
from graphc.ops.casting import as_float, cast
from graphc.ops.creation import ones_like, zeros_like
from graphc.ops.public import public
from graphc.ops.random_bits import WORD, as_key, bits, fold_in, is_odd, key, normal_of, split, tail, words
from graphc.ops.random_bits import unit as unit_of
from graphc.ops.random_gamma import gamma_numbers

PRNGKey = key
HALF_ROOT = 0.5**0.5


@public(name="random.uniform")
def uniform(key: Any, shape: Any = (), dtype: Any = "float64", minval: Any = 0.0, maxval: Any = 1.0) -> Expr:
    """Return numbers uniform in [minval, maxval): multiples of 2**-53 (float32: 2**-24) of the way, never all of it.

    With other bounds than 0 and 1 the rounding of the result may give ``maxval`` itself. Differentiable in both.

    Args:
        key: a key, see `graphc.random.key`.
        shape: sizes, each an integer or the name of a dimension.
        dtype: float64 or float32.
        minval, maxval: numbers or expressions that broadcast to the shape.

    Raises:
        DTypeError: the dtype is no float.
        ShapeError: a bound does not broadcast to the shape.

    Example:
        >>> import graphc as gx
        >>> gx.random.uniform(gx.random.key(0), ("batch", 3), minval=-1.0).shape
        (batch, 3)
    """
    name = _float_name(dtype)
    unit = unit_of(words(key, shape), name)
    low, high = (_parameter(bound, name, unit.shape) for bound in (minval, maxval))
    return unit if (low, high) == (zeros_like(unit), ones_like(unit)) else low + unit * (high - low)


@public(name="random.normal")
def normal(key: Any, shape: Any = (), dtype: Any = "float64") -> Expr:
    """Return numbers of the standard normal distribution, by the inverse of its distribution function.

    The tails go to 2**-65, 9.2 standard deviations, in float32 too. ``location + scale * normal(key, shape)``
    has the ordinary derivatives by location and scale.

    Args:
        key: a key.
        shape: sizes, each an integer or the name of a dimension.
        dtype: float64 or float32.

    Raises:
        DTypeError: the dtype is no float.

    Example:
        >>> import graphc as gx
        >>> noise = gx.random.normal(gx.random.key(0), (3,))
        >>> gx.compile(noise)().shape
        (3,)
    """
    return normal_of(words(key, shape), _float_name(dtype))


@public(name="random.truncated_normal")
def truncated_normal(key: Any, lower: Any, upper: Any, shape: Any = None, dtype: Any = "float64") -> Expr:
    """Return standard normal numbers given that they are in [lower, upper]; differentiable in both bounds.

    Args:
        key: a key.
        lower, upper: numbers or expressions; infinite ones leave a side open.
        shape: by default that of the bounds.
        dtype: float64 or float32.

    Raises:
        DTypeError: the dtype is no float.
        ShapeError: a bound does not broadcast to the shape.
    """
    name = _float_name(dtype)
    wanted = _shape_of(shape, lower, upper)
    low, high = (_parameter(bound, name, wanted) for bound in (lower, upper))
    mirrored = low > 0
    first = apply("where", mirrored, -high, low)
    last = apply("where", mirrored, -low, high)
    below, above = (0.5 * apply("erfc", -HALF_ROOT * bound) for bound in (first, last))
    z = apply("ndtri", below + unit_of(words(key, wanted), name) * (above - below))
    return apply("clip", apply("where", mirrored, -z, z), low, high)


@public(name="random.exponential")
def exponential(key: Any, shape: Any = (), dtype: Any = "float64") -> Expr:
    """Return numbers of the exponential distribution of mean 1; never 0, accurate near 0 and far out."""
    word, name = words(key, shape), _float_name(dtype)
    near = tail(word, name)
    return apply("where", is_odd(word), -apply("log", near), -apply("log1p", -near))


@public(name="random.gumbel")
def gumbel(key: Any, shape: Any = (), dtype: Any = "float64") -> Expr:
    """Return numbers of the standard Gumbel distribution; always finite."""
    return -apply("log", exponential(key, shape, dtype))


@public(name="random.gamma")
def gamma(key: Any, a: Any, shape: Any = None, dtype: Any = "float64") -> Expr:
    """Return numbers of the gamma distribution of shape parameter ``a`` and scale 1.

    Each element proposes until a proposal is accepted: exact, in a loop of its own, without vectors.

    Args:
        key: a key.
        a: a number or an expression, above 0; NaN is the result elsewhere.
        shape: by default that of ``a``.
        dtype: float64 or float32.

    Raises:
        DTypeError: the dtype is no float.
        ShapeError: ``a`` does not broadcast to the shape.
        NotDifferentiable: when a derivative by ``a`` is taken.

    Example:
        >>> import graphc as gx
        >>> gx.random.gamma(gx.random.key(0), 2.5, ("batch",)).shape
        (batch,)
    """
    parameter = _parameter(a, _float_name(dtype), _shape_of(shape, a))
    return gamma_numbers(as_key(key), parameter)


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
    wanted = _shape_of(shape, probability)
    unit = unit_of(words(key, wanted), probability.dtype)
    return apply("less", unit, _parameter(probability, probability.dtype, wanted))


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
    low, high = (as_exprs(bound)[0] for bound in (minval, maxval))
    for kind in (name, low.dtype, high.dtype):
        if is_float(kind) or kind == "bool":
            raise DTypeError(f"integers expected, got {kind}", remedy="pass integers, or cast with .astype(int)")
    if isinstance(minval, int) and isinstance(maxval, int) and maxval <= minval:
        raise ArgumentError(f"there is no integer from {minval} to below {maxval}")
    wanted = as_shape(shape)
    start = _parameter(low, "int64", wanted)
    count = cast(_parameter(high, "int64", wanted) - start, WORD)
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
    (node,) = as_exprs(x)
    place = normalise_axis(axis, node.ndim, "random.permutation")
    return apply("take", node, apply("argsort", words(key, node.shape[place])), place)


def _float_name(dtype: Any) -> str:
    """Return the name of a float dtype.

    Raises:
        DTypeError: it is none.
    """
    name = as_dtype(dtype)
    if not is_float(name):
        raise DTypeError(f"float64 or float32 expected, got {name}", remedy="use randint for integers")
    return name


def _shape_of(shape: Any, *parameters: Any) -> Any:
    """Return the shape that is given, else what the parameters broadcast to."""
    return as_shape(shape) if shape is not None else broadcast_shapes(*(node.shape for node in as_exprs(*parameters)))


def _parameter(value: Any, dtype: str, shape: Any) -> Expr:
    """Return a parameter of a distribution for each element, in a dtype."""
    return apply("broadcast_to", cast(as_exprs(value)[0], dtype), shape)


__all__ = [
    "PRNGKey", "bernoulli", "bits", "categorical", "exponential", "fold_in", "gamma", "gumbel", "key", "normal", "permutation", "randint",
    "split", "truncated_normal", "uniform",
]  # fmt: skip
