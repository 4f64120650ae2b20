"""EXACT rules about moving elements: they fuse, cancel, and let arithmetic happen before repetition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.graph.leaf import constant
from graphc.graph.node import Expr, build, make_node
from graphc.graph.table import apply
from graphc.graph.types import DType, is_float
from graphc.ops.movement import BROADCAST, EXPAND, RESHAPE
from graphc.rewrite.match import uniform_value
from graphc.rewrite.rule import ANY_ELEMENTWISE, EXACT, AnyRule, Rewriter

_INTEGER_BITS = {"float32": 24, "float64": 53}
"""The bits of the integers each float holds exactly."""


def _inner(node: Expr, *names: str) -> Expr | None:
    """Return the only argument of a node if it is one of these operations."""
    (argument,) = node.args
    return argument if argument.op.name in names else None


def _fuse_transposes(node: Expr) -> Expr | None:
    inner = _inner(node, "transpose")
    if inner is None:
        return None
    first = inner.attribute("axes")
    return apply("transpose", inner.args[0], tuple(first[axis] for axis in node.attribute("axes")))


def _fuse_reshapes(node: Expr) -> Expr | None:
    inner = _inner(node, "reshape", "expand_dims", "squeeze")
    return None if inner is None else apply("reshape", inner.args[0], node.shape)


def _fuse_ones(node: Expr) -> Expr | None:
    """Return one node for two that add or drop axes of size 1."""
    inner = _inner(node, "reshape", "expand_dims", "squeeze")
    if inner is None:
        return None
    source = inner.args[0]
    if source.shape == node.shape:
        return source
    if inner.op is node.op:
        return _one_step(source, node.shape)
    if inner.op is RESHAPE:
        return apply("reshape", source, node.shape)
    return _one_step(source, node.shape)


def _one_step(source: Expr, shape: tuple[Any, ...]) -> Expr | None:
    """Return ``source`` in a shape that has only more, or only fewer, axes of size 1."""
    if len(shape) > len(source.shape):
        axes = _added_ones(source.shape, shape)
        return None if axes is None else apply("expand_dims", source, axes)
    axes = _added_ones(shape, source.shape)
    return None if axes is None else apply("squeeze", source, axes)


def _added_ones(fewer: Sequence[Any], more: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the axes of ``more`` that are 1 and missing in ``fewer``; None if that is not the difference."""
    axes, position = [], 0
    for axis, size in enumerate(more):
        if position < len(fewer) and fewer[position] == size:
            position += 1
        elif size == 1:
            axes.append(axis)
        else:
            return None
    return tuple(axes) if position == len(fewer) else None


def _fuse_broadcasts(node: Expr) -> Expr | None:
    inner = _inner(node, "broadcast_to", "expand_dims")
    if inner is None:
        return None
    source = inner.args[0]
    if inner.op is EXPAND and inner.attribute("axes") != tuple(range(len(inner.attribute("axes")))):
        return None
    return apply("broadcast_to", source, node.shape)


def _squeeze_broadcast(node: Expr) -> Expr | None:
    """Return the broadcast to the smaller shape, where the squeezed axes are all new ones."""
    inner = _inner(node, "broadcast_to")
    if inner is None:
        return None
    source = inner.args[0]
    lead = len(inner.shape) - len(source.shape)
    return apply("broadcast_to", source, node.shape) if max(node.attribute("axes")) < lead else None


def _expand_broadcast(node: Expr) -> Expr | None:
    """Return the broadcast to the larger shape, where the new axes come before those of its argument."""
    inner = _inner(node, "broadcast_to")
    if inner is None:
        return None
    source = inner.args[0]
    lead = len(node.shape) - len(source.shape)
    return apply("broadcast_to", source, node.shape) if max(node.attribute("axes")) < lead else None


def _simplest_number(node: Expr) -> Expr | None:
    """Return a number moved in any way as the number, broadcast."""
    value = uniform_value(node)
    if value is None:
        return None
    result = apply("broadcast_to", constant(value), node.shape)
    return None if result is node else result


def _compute_before_repeating(node: Expr) -> Expr | None:
    """Return the operation on the arguments before they are repeated, repeated."""
    values = [uniform_value(argument) for argument in node.args]
    varying = [argument for argument, value in zip(node.args, values, strict=True) if value is None]
    if not varying or varying[0].op not in (BROADCAST, EXPAND):
        return None
    first = varying[0]
    shape = first.args[0].shape
    if any(each.op is not first.op or each.attributes != first.attributes for each in varying):
        return None
    if any(each.args[0].shape != shape for each in varying):
        return None
    before = [
        argument.args[0] if value is None else apply("broadcast_to", constant(value), shape)
        for argument, value in zip(node.args, values, strict=True)
    ]
    computed = make_node(node.op, tuple(before), node.attributes, node.dtype, shape)
    return build(first.op, computed, **dict(first.attributes))


def _fuse_casts(node: Expr) -> Expr | None:
    """Return one cast for two, where the first one loses nothing."""
    (argument,) = node.args
    if argument.dtype == node.dtype:
        return argument
    if argument.op is not node.op:
        return None
    (source,) = argument.args
    if source.dtype == node.dtype and _holds(argument.dtype, source.dtype):
        return source
    if _holds(argument.dtype, source.dtype) and (is_float(node.dtype) or not is_float(source.dtype)):
        return apply("astype", source, node.dtype)
    return None


def _holds(wide: DType, narrow: DType) -> bool:
    """Tell whether a dtype represents every value of another."""
    if narrow == "bool" or wide == narrow:
        return True
    if wide == "bool" or is_float(narrow):
        return is_float(wide) and (wide, narrow) != ("float32", "float64")
    bits = int(narrow.removeprefix("u").removeprefix("int"))
    if is_float(wide):
        return bits <= _INTEGER_BITS[wide]
    wide_bits = int(wide.removeprefix("u").removeprefix("int"))
    if wide.startswith("u"):
        return narrow.startswith("u") and bits <= wide_bits
    return bits < wide_bits if narrow.startswith("u") else bits <= wide_bits


_MOVING = ("broadcast_to", "expand_dims", "squeeze", "reshape", "transpose")

SHAPE_RULES: tuple[AnyRule, ...] = (
    Rewriter("simplest_number", _MOVING, "a number moved -> broadcast_to(number)", _simplest_number, EXACT),
    Rewriter(
        "fuse_transposes",
        ("transpose",),
        "transpose(transpose(a, p), q) -> transpose(a, p[q])",
        _fuse_transposes,
        EXACT,
    ),
    Rewriter(
        "fuse_reshapes",
        ("reshape",),
        "reshape(reshape(a)) -> reshape(a), also of expand_dims and squeeze",
        _fuse_reshapes,
        EXACT,
    ),
    Rewriter(
        "fuse_ones",
        ("expand_dims", "squeeze"),
        "expand_dims and squeeze of each other or of reshape -> one of them, or nothing",
        _fuse_ones,
        EXACT,
    ),
    Rewriter(
        "fuse_broadcasts",
        ("broadcast_to",),
        "broadcast_to(broadcast_to(a)) -> broadcast_to(a), also of expand_dims in front",
        _fuse_broadcasts,
        EXACT,
    ),
    Rewriter(
        "squeeze_broadcast",
        ("squeeze",),
        "squeeze(broadcast_to(a)) -> broadcast_to(a) where the axes are new",
        _squeeze_broadcast,
        EXACT,
    ),
    Rewriter(
        "expand_broadcast",
        ("expand_dims",),
        "expand_dims(broadcast_to(a)) -> broadcast_to(a) where the axes are in front",
        _expand_broadcast,
        EXACT,
    ),
    Rewriter(
        "fuse_casts",
        ("astype",),
        "astype(astype(a, wide), t) -> astype(a, t); astype to its own dtype -> a",
        _fuse_casts,
        EXACT,
    ),
)

REPEATING_RULES: tuple[AnyRule, ...] = (
    Rewriter(
        "compute_before_repeating",
        (ANY_ELEMENTWISE,),
        "f(broadcast_to(a), broadcast_to(b), number) -> broadcast_to(f(a, b, number)), also of expand_dims",
        _compute_before_repeating,
        EXACT,
        lambda operations: BROADCAST.name in operations or EXPAND.name in operations,
    ),
)
