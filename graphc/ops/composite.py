"""Activations: plain functions of the rows, written so that value and derivative stay finite and exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphc.errors import ArgumentError
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import normalise_axes
from graphc.ops.casting import as_float
from graphc.ops.public import public
from graphc.ops.statistics import nonzero, shares, shifted

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@public()
def softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Expr:
    """Return ``exp(x) / sum(exp(x))`` along an axis, without overflow; zeros where every element is -inf.

    Args:
        x: any shape; integers become float64.
        axis: the axis whose elements sum to one.

    Source: the shifted formula of Blanchard, Higham & Higham (2021), doi:10.1093/imanum/draa038.

    Example:
        >>> import graphc as gx
        >>> gx.softmax(gx.tensor("x", ("batch", 10))).shape
        (batch, 10)
    """
    node = as_float(x)
    return node if 0 in node.shape else shares(node, normalise_axes(axis, node.ndim, "softmax"))


@public()
def log_softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Expr:
    """Return ``log(softmax(x))`` along an axis: exact where softmax underflows, -inf where every element is -inf.

    Args:
        x, axis: as for `softmax`.

    Source: ``x - logsumexp(x)``, shifted as `softmax`.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.log_softmax([0.0, 1000.0]))()
        array([-1000.,     0.])
    """
    node = as_float(x)
    if 0 in node.shape:
        return node
    axes = normalise_axes(axis, node.ndim, "log_softmax")
    moved = shifted(node, axes)
    total = apply("sum", apply("exp", moved), axis=axes, keepdims=True)
    return apply("subtract", moved, apply("log", nonzero(total)))


@public()
def relu(x: Any) -> Expr:
    """Return ``max(x, 0)`` with derivative 0 at 0; NaN stays NaN.

    Args:
        x: any shape; integers become float64.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.relu([-1.0, 0.0, 2.0]))()
        array([0., 0., 2.])
    """
    node = as_float(x)
    return apply("where", apply("less_equal", node, 0), apply("zeros_like", node), node)


@public()
def relu6(x: Any) -> Expr:
    """Return ``min(max(x, 0), 6)`` with derivative 0 at both bounds.

    Args:
        x: any shape; integers become float64.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.relu6([-1.0, 2.0, 7.0]))()
        array([0., 2., 6.])
    """
    node = relu(x)
    return apply("where", apply("greater_equal", node, 6), apply("full_like", node, 6), node)


@public()
def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Expr:
    """Return ``x`` where positive, ``negative_slope * x`` elsewhere (and at 0).

    Args:
        x: any shape; integers become float64.
        negative_slope: a number or an expression that broadcasts to ``x``.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.leaky_relu([-1.0, 2.0], 0.5))()
        array([-0.5,  2. ])
    """
    node = as_float(x)
    return apply("where", apply("less_equal", node, 0), apply("multiply", negative_slope, node), node)


@public()
def elu(x: Any, alpha: Any = 1.0) -> Expr:
    """Return ``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Args:
        x: any shape; integers become float64.
        alpha: a number or an expression that broadcasts to ``x``.

    Source: Clevert, Unterthiner & Hochreiter (2016), arXiv:1511.07289.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.elu(-1.0))()
        -0.632120...
    """
    node = as_float(x)
    positive = apply("greater", node, 0)
    inside = apply("where", positive, apply("zeros_like", node), node)
    return apply("where", positive, node, apply("multiply", alpha, apply("expm1", inside)))


@public()
def selu(x: Any) -> Expr:
    """Return the scaled elu that keeps mean 0 and variance 1.

    Args:
        x: any shape; integers become float64.

    Source: Klambauer et al. (2017), arXiv:1706.02515.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.selu(1.0))()
        1.050700...
    """
    return apply("multiply", SELU_SCALE, elu(x, SELU_ALPHA))


@public()
def gelu(x: Any, approximate: str = "none") -> Expr:
    """Return ``x * Phi(x)`` with Phi the normal distribution function.

    Args:
        x: any shape; integers become float64.
        approximate: "none" for the exact form by erfc, "tanh" for Hendrycks & Gimpel's approximation.

    Raises:
        ArgumentError: another name.

    Source: Hendrycks & Gimpel (2016), arXiv:1606.08415.

    Example:
        >>> import graphc as gx
        >>> gx.compile([gx.gelu(1.0), gx.gelu(1.0, approximate="tanh")])()
        [0.841344..., 0.841191...]
    """
    node = as_float(x)
    if approximate == "none":
        return 0.5 * node * apply("erfc", node * -math.sqrt(0.5))
    if approximate == "tanh":
        return 0.5 * node * (1.0 + apply("tanh", math.sqrt(2.0 / math.pi) * (node + 0.044715 * node * node * node)))
    raise ArgumentError(f'approximate must be "none" or "tanh", got {approximate!r}')


@public("swish")
def silu(x: Any) -> Expr:
    """Return ``x * sigmoid(x)``.

    Args:
        x: any shape; integers become float64.

    Source: Hendrycks & Gimpel (2016), arXiv:1606.08415, who name it; Ramachandran, Zoph & Le (2017), arXiv:1710.05941.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.silu(1.0))()
        0.731058...
    """
    node = as_float(x)
    return node * apply("expit", node)


@public()
def mish(x: Any) -> Expr:
    """Return ``x * tanh(softplus(x))``.

    Args:
        x: any shape; integers become float64.

    Source: Misra (2019), arXiv:1908.08681.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.mish(1.0))()
        0.865098...
    """
    node = as_float(x)
    return node * apply("tanh", apply("softplus", node))


@public()
def softsign(x: Any) -> Expr:
    """Return ``x / (1 + abs(x))``.

    Args:
        x: any shape; integers become float64.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.softsign([-3.0, 1.0]))()
        array([-0.75,  0.5 ])
    """
    node = as_float(x)
    return node / (1.0 + apply("abs", node))
