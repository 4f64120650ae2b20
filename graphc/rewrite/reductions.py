"""Rules about reductions, where axes decide: what is repeated, has one element, or only moves."""

from __future__ import annotations

import numpy as np

from graphc.graph.dimensions import product
from graphc.graph.leaf import constant
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.graph.types import is_float
from graphc.ops.movement import BROADCAST, EXPAND
from graphc.ops.statistics import nonzero
from graphc.rewrite.match import uniform_value
from graphc.rewrite.rule import ALGEBRAIC, EXACT, STABILISE, AnyRule, Rewriter


def _reduce_one(node: Expr) -> Expr | None:
    """Return the argument without the reduced axes where these have one element."""
    (argument,) = node.args
    axes = node.attribute("axes")
    if any(argument.shape[axis] != 1 for axis in axes):
        return None
    return apply("squeeze", argument, axes)


def repeated_axes(node: Expr) -> tuple[int, ...]:
    """Return the axes along which a node is the same everywhere because it was broadcast."""
    if node.op is not BROADCAST:
        return ()
    (source,) = node.args
    lead = len(node.shape) - len(source.shape)
    inside = (axis for axis in range(lead, len(node.shape)) if source.shape[axis - lead] == 1)
    return (*range(lead), *inside)


def _sum_of_repeated(node: Expr) -> Expr | None:
    """Return a multiple for the sum of something repeated a known number of times."""
    (argument,) = node.args
    axes = node.attribute("axes")
    if not set(axes) <= set(repeated_axes(argument)) or not is_float(node.dtype):
        return None
    count = product(argument.shape[axis] for axis in axes)
    if not isinstance(count, int) or count == 0:
        return None
    return apply("multiply", without_repeated(argument, axes), constant(count, node.dtype))


def without_repeated(node: Expr, axes: tuple[int, ...]) -> Expr:
    """Return a broadcast without some of the axes it repeats along."""
    (source,) = node.args
    lead = len(node.shape) - len(source.shape)
    dropped = tuple(axis - lead for axis in axes if axis >= lead)
    squeezed = apply("squeeze", source, dropped) if dropped else source
    shape = tuple(size for axis, size in enumerate(node.shape) if axis not in axes)
    return apply("broadcast_to", squeezed, shape)


def _extreme_of_repeated(node: Expr) -> Expr | None:
    """Return the repeated value as its own greatest or least."""
    (argument,) = node.args
    axes = node.attribute("axes")
    if not set(axes) <= set(repeated_axes(argument)):
        return None
    return without_repeated(argument, axes)


def _sum_of_multiple(node: Expr) -> Expr | None:
    """Return a number times a sum for the sum of its multiples."""
    (argument,) = node.args
    if argument.op.name == "negative":
        return apply("negative", build(node.op, argument.args[0], axes=node.attribute("axes")))
    if argument.op.name != "multiply":
        return None
    for number, other in (argument.args, argument.args[::-1]):
        value = uniform_value(number)
        if value is not None:
            return apply("multiply", constant(value), build(node.op, other, axes=node.attribute("axes")))
    return None


def _sum_of_sum(node: Expr) -> Expr | None:
    """Return one sum over all axes for a sum of a sum."""
    (inner,) = node.args
    if inner.op is not node.op:
        return None
    first = inner.attribute("axes")
    kept = [axis for axis in range(len(inner.args[0].shape)) if axis not in first]
    axes = sorted((*first, *(kept[axis] for axis in node.attribute("axes"))))
    return build(node.op, inner.args[0], axes=tuple(axes))


def spread_from(node: Expr, axes: tuple[int, ...]) -> Expr | None:
    """Return what was expanded and broadcast along exactly these axes to make a node; None if that was not how."""
    if node.op is not BROADCAST:
        return None
    (source,) = node.args
    if source.op is EXPAND and source.attribute("axes") == axes and len(source.shape) == len(node.shape):
        return source.args[0]
    lead = len(node.shape) - len(source.shape)
    return source if axes == tuple(range(lead)) and source.shape == node.shape[lead:] else None


def _log_softmax(node: Expr) -> Expr | None:
    """Return ``z - logsumexp(z)`` for the logarithm of ``exp(z)`` over its sum."""
    (quotient,) = node.args
    if quotient.op.name != "divide" or quotient.args[0].op.name != "exp":
        return None
    powers, below = quotient.args
    guarded = below
    while guarded.op in (BROADCAST, EXPAND):
        (guarded,) = guarded.args
    total = _without_guard(guarded)
    if total.op.name != "sum" or total.args[0] is not powers:
        return None
    axes = total.attribute("axes")
    if spread_from(below, axes) is not guarded and len(axes) != len(powers.shape):
        return None
    exponent = _without_shift(powers.args[0], axes)
    level = apply("logsumexp", exponent, axis=axes, keepdims=True)
    if guarded is not total:
        level = apply("where", apply("equal", level, -np.inf), 0.0, level)
    return apply("subtract", exponent, apply("broadcast_to", level, exponent.shape))


def _without_guard(total: Expr) -> Expr:
    """Return ``t`` for ``t + (t == 0)``, which stands below softmax so that a row of -inf is no 0 / 0."""
    return total.args[0] if total.op.name == "add" and total is nonzero(total.args[0]) else total


def _without_shift(exponent: Expr, axes: tuple[int, ...]) -> Expr:
    """Return ``z`` for ``z - c`` where c is the same along the axes: softmax does not see it."""
    if exponent.op.name == "subtract" and set(axes) <= set(repeated_axes(exponent.args[1])):
        return exponent.args[0]
    return exponent


REDUCTION_RULES: tuple[AnyRule, ...] = (
    Rewriter(
        "reduce_one",
        ("prod", "max", "min", "any", "all"),
        "prod, max, min, any, all over axes of size 1 -> squeeze",
        _reduce_one,
        EXACT,
    ),
    Rewriter(
        "extreme_of_repeated",
        ("max", "min", "any", "all"),
        "max(broadcast_to(a)) -> a where it was repeated; also min, any, all",
        _extreme_of_repeated,
        EXACT,
    ),
    Rewriter("sum_of_one", ("sum",), "sum over axes of size 1 -> squeeze", _reduce_one, STABILISE),
    Rewriter(
        "sum_of_repeated", ("sum",), "sum(broadcast_to(a)) -> n * a for n repetitions", _sum_of_repeated, STABILISE
    ),
    Rewriter(
        "log_softmax",
        ("log",),
        "log(softmax(z)) -> z - logsumexp(z), softmax written out or not, shifted or not",
        _log_softmax,
        STABILISE,
    ),
    Rewriter("sum_of_multiple", ("sum",), "sum(k * a) -> k * sum(a), sum(-a) -> -sum(a)", _sum_of_multiple, ALGEBRAIC),
    Rewriter("sum_of_sum", ("sum",), "sum(sum(a, p), q) -> sum(a, p and q)", _sum_of_sum, ALGEBRAIC),
)
