"""Random numbers of continuous distributions, and how parameters of distributions are spread."""

from __future__ import annotations

from typing import Any

from graphc.errors import DTypeError
from graphc.graph.leaf import as_expr, as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import as_dtype, as_shape, broadcast_shapes, is_float
from graphc.ops.casting import cast
from graphc.ops.creation import ones_like, zeros_like
from graphc.ops.public import public
from graphc.ops.random_bits import as_key, is_odd, normal_of, tail, words
from graphc.ops.random_bits import unit as unit_of
from graphc.ops.random_gamma import gamma_numbers

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
    name = float_name(dtype)
    unit = unit_of(words(key, shape), name)
    low, high = (spread(bound, name, unit.shape) for bound in (minval, maxval))
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
    return normal_of(words(key, shape), float_name(dtype))


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

    Source: the inverse of the distribution function, between its values at the bounds.

    Example:
        >>> import graphc as gx
        >>> numbers = gx.random.truncated_normal(gx.random.key(0), 1.0, 2.0, (100,))
        >>> gx.compile(gx.all((numbers >= 1) & (numbers <= 2)))()
        True
    """
    name = float_name(dtype)
    wanted = shape_of(shape, lower, upper)
    low, high = (spread(bound, name, wanted) for bound in (lower, upper))
    mirrored = low > 0
    first = apply("where", mirrored, -high, low)
    last = apply("where", mirrored, -low, high)
    below, above = (0.5 * apply("erfc", -HALF_ROOT * bound) for bound in (first, last))
    z = apply("ndtri", below + unit_of(words(key, wanted), name) * (above - below))
    return apply("clip", apply("where", mirrored, -z, z), low, high)


@public(name="random.exponential")
def exponential(key: Any, shape: Any = (), dtype: Any = "float64") -> Expr:
    """Return numbers of the exponential distribution of mean 1; never 0, accurate near 0 and far out.

    Args:
        key, shape, dtype: as for `normal`.

    Raises:
        DTypeError: the dtype is no float.

    Source: the inverse of the distribution function, ``-log(1 - u)``.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.all(gx.random.exponential(gx.random.key(0), (100,)) > 0))()
        True
    """
    word, name = words(key, shape), float_name(dtype)
    near = tail(word, name)
    return apply("where", is_odd(word), -apply("log", near), -apply("log1p", -near))


@public(name="random.gumbel")
def gumbel(key: Any, shape: Any = (), dtype: Any = "float64") -> Expr:
    """Return numbers of the standard Gumbel distribution; always finite.

    Args:
        key, shape, dtype: as for `normal`.

    Raises:
        DTypeError: the dtype is no float.

    Source: ``-log`` of exponential numbers.

    Example:
        >>> import graphc as gx
        >>> gx.random.gumbel(gx.random.key(0), ("batch",), "float32").dtype
        'float32'
    """
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
    parameter = spread(a, float_name(dtype), shape_of(shape, a))
    return gamma_numbers(as_key(key), parameter)


def float_name(dtype: Any) -> str:
    """Return the name of a float dtype.

    Raises:
        DTypeError: it is none.
    """
    name = as_dtype(dtype)
    if not is_float(name):
        raise DTypeError(f"float64 or float32 expected, got {name}", remedy="use randint for integers")
    return name


def shape_of(shape: Any, *parameters: Any) -> Any:
    """Return the shape that is given, else what the parameters broadcast to."""
    return as_shape(shape) if shape is not None else broadcast_shapes(*(node.shape for node in as_exprs(*parameters)))


def spread(value: Any, dtype: str, shape: Any) -> Expr:
    """Return a parameter of a distribution for each element, in a dtype."""
    return apply("broadcast_to", cast(as_expr(value), dtype), shape)
