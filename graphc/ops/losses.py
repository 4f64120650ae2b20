"""Losses. Their arguments must have equal shapes: (n,) against (n, 1) would broadcast to (n, n) and train on noise."""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.leaf import as_expr, as_exprs
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.types import format_shape, is_float, normalise_axis
from graphc.ops.casting import as_float, cast, same_dtype
from graphc.ops.composite import log_softmax
from graphc.ops.public import public


def _pair(prediction: Any, target: Any) -> tuple[Expr, Expr]:
    """Return prediction and target in one floating-point dtype.

    Raises:
        ShapeError: their shapes differ.
    """
    left, right = as_exprs(prediction, target)
    if left.shape != right.shape:
        raise ShapeError(
            f"shapes {format_shape(left.shape)} of the prediction and {format_shape(right.shape)} of the target differ; "
            "a loss does not broadcast",
            remedy="make them equal with reshape, squeeze or broadcast_to",
        )
    prediction = as_float(left)
    if not is_float(right.dtype):
        return prediction, cast(right, prediction.dtype)
    left, right = same_dtype((prediction, right))
    return left, right


def _reduced(values: Expr, reduction: str) -> Expr:
    """Return the mean, the sum or the values themselves.

    Raises:
        ArgumentError: another name.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')
    return values if reduction == "none" else apply(reduction, values)


@public("mean_squared_error")
def mse(prediction: Any, target: Any, reduction: str = "mean") -> Expr:
    """Return the mean of ``(prediction - target)**2``.

    Args:
        prediction: any shape.
        target: the same shape.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: the shapes differ.

    Example:
        >>> import graphc as gx
        >>> gx.mse(gx.tensor("y", ("batch",)), gx.tensor("t", ("batch",))).shape
        ()
    """
    left, right = _pair(prediction, target)
    difference = apply("subtract", left, right)
    return _reduced(apply("multiply", difference, difference), reduction)


@public("mean_absolute_error")
def mae(prediction: Any, target: Any, reduction: str = "mean") -> Expr:
    """Return the mean of ``abs(prediction - target)``, with derivative 0 where they are equal.

    Args:
        prediction, target, reduction: as for `mse`.

    Raises:
        ShapeError: the shapes differ.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.mae([1.0, 2.0], [0.0, 4.0]))()
        1.5
    """
    left, right = _pair(prediction, target)
    return _reduced(apply("abs", apply("subtract", left, right)), reduction)


@public()
def huber(prediction: Any, target: Any, delta: float = 1.0, reduction: str = "mean") -> Expr:
    """Return half the squared error up to ``delta``, linear beyond.

    Args:
        prediction, target, reduction: as for `mse`.
        delta: the error at which the line begins.

    Raises:
        ShapeError: the shapes differ.

    Source: Huber (1964), doi:10.1214/aoms/1177703732.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.huber([1.0, 4.0], [0.0, 0.0], reduction="none"))()
        array([0.5, 3.5])
    """
    left, right = _pair(prediction, target)
    difference = apply("subtract", left, right)
    size = apply("abs", difference)
    near = 0.5 * apply("multiply", difference, difference)
    return _reduced(apply("where", size <= delta, near, delta * (size - 0.5 * delta)), reduction)


@public()
def binary_cross_entropy_with_logits(logits: Any, labels: Any, reduction: str = "mean") -> Expr:
    """Return ``-(labels*log(sigmoid(logits)) + (1 - labels)*log(1 - sigmoid(logits)))`` in its stable form.

    Args:
        logits: any shape.
        labels: the same shape: probabilities, 0 and 1, or bools.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: the shapes differ.

    Source: softplus(logits) - labels*logits.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.binary_cross_entropy_with_logits([0.0, 1000.0], [True, True], reduction="none"))()
        array([0.69314718, 0.        ])
    """
    left, right = _pair(logits, labels)
    return _reduced(apply("subtract", apply("softplus", left), apply("multiply", right, left)), reduction)


@public()
def softmax_cross_entropy_with_logits(logits: Any, labels: Any, axis: int = -1, reduction: str = "mean") -> Expr:
    """Return ``-sum(labels * log_softmax(logits))`` along the class axis, averaged over the others.

    Args:
        logits: any shape with a class axis.
        labels: probabilities of the same shape (one-hot rows, for example); or integer classes of the shape
            without the class axis.
        axis: the class axis.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: the shapes do not fit.

    Example:
        >>> import graphc as gx
        >>> logits, classes = gx.tensor("logits", ("batch", 10)), gx.tensor("classes", ("batch",), "int64")
        >>> gx.softmax_cross_entropy_with_logits(logits, classes).shape
        ()
    """
    node = as_expr(logits)
    node = as_float(node)
    axis = normalise_axis(axis, node.ndim, "softmax_cross_entropy_with_logits")
    target = as_expr(labels)
    if target.ndim == node.ndim - 1:
        chosen = _is_class(target, node, axis)
        scores = log_softmax(node, axis)
        values = apply("where", chosen, scores, apply("zeros_like", scores))
    else:
        left, right = _pair(node, target)
        values = _weighted(right, log_softmax(left, axis))
    return _reduced(apply("negative", apply("sum", values, axis=axis)), reduction)


def _weighted(weight: Expr, score: Expr) -> Expr:
    """Return weight times score, zero where the weight is: a class that cannot be (-inf) costs nothing if it is not."""
    return apply("guarded_multiply", weight, score)


def _is_class(classes: Expr, logits: Expr, axis: int) -> Expr:
    """Return where the number of the class is the one wanted.

    Raises:
        DTypeError: the classes are no integers.
        ShapeError: their shape is not that of the logits without the class axis.
    """
    if is_float(classes.dtype) or classes.dtype == "bool":
        raise DTypeError(
            f"integer classes expected, got dtype {classes.dtype} of shape {format_shape(classes.shape)}",
            remedy="cast with .astype(int), or give probabilities of the logits' shape",
        )
    rest = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    if classes.shape != rest:
        raise ShapeError(
            f"classes of shape {format_shape(classes.shape)} do not fit logits of shape {format_shape(logits.shape)}: "
            f"{format_shape(rest)} expected"
        )
    numbers = apply("arange", logits.shape[axis])
    shape = tuple(size if each == axis else 1 for each, size in enumerate(logits.shape))
    return apply("equal", apply("expand_dims", classes, axis), apply("reshape", numbers, shape))


@public()
def l2(x: Any) -> Expr:
    """Return half the sum of squares of all elements: the regulariser whose gradient is ``x``.

    Args:
        x: any shape; integers become float64.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.l2([1.0, 2.0]))()
        2.5
    """
    node = as_float(x)
    return 0.5 * apply("sum", apply("multiply", node, node))


@public()
def l1(x: Any) -> Expr:
    """Return the sum of the absolute values of all elements; its derivative at 0 is 0.

    Args:
        x: any shape; integers become float64.

    Example:
        >>> import graphc as gx
        >>> gx.compile(gx.l1([1.0, -2.0]))()
        3.0
    """
    return apply("sum", apply("abs", as_float(x)))
