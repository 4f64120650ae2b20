"""Rules about contractions: operands that are transposed, repeated along axes, or the identity."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.graph.leaf import CONSTANT, constant_value, is_constant
from graphc.graph.node import Expr, build
from graphc.graph.table import apply
from graphc.ops.contraction_row import CONTRACT
from graphc.ops.movement import BROADCAST, TRANSPOSE
from graphc.rewrite.reductions import repeated_axes, without_repeated
from graphc.rewrite.rule import EXACT, STABILISE, AnyRule, Rewriter


def _contract_transposed(node: Expr) -> Expr | None:
    """Return the contraction of the arguments before they were transposed, labels permuted."""
    labels = {"left": node.attribute("left"), "right": node.attribute("right")}
    arguments = list(node.args)
    for position, side in enumerate(labels):
        if arguments[position].op is TRANSPOSE:
            order = arguments[position].attribute("axes")
            renamed: list[Any] = [""] * len(order)
            for label, axis in zip(labels[side], order, strict=True):
                renamed[axis] = label
            labels[side] = "".join(renamed)
            (arguments[position],) = arguments[position].args
    if arguments == list(node.args):
        return None
    return build(CONTRACT, *arguments, **labels, out=node.attribute("out"))


def _transpose_contraction(node: Expr) -> Expr | None:
    """Return the contraction with its output labels permuted."""
    (argument,) = node.args
    if argument.op is not CONTRACT:
        return None
    out = "".join(argument.attribute("out")[axis] for axis in node.attribute("axes"))
    labels = {**dict(argument.attributes), "out": out}
    return build(CONTRACT, *argument.args, **labels)


def _contract_repeated(node: Expr) -> Expr | None:
    """Return the contraction of an operand without the axes of the result it repeats along."""
    labels = [node.attribute("left"), node.attribute("right")]
    out = node.attribute("out")
    for position, operand in enumerate(node.args):
        axes = tuple(axis for axis in repeated_axes(operand) if labels[position][axis] in out)
        if not axes:
            continue
        dropped = {labels[position][axis] for axis in axes}
        arguments = list(node.args)
        arguments[position] = without_repeated(operand, axes)
        labels[position] = "".join(label for label in labels[position] if label not in dropped)
        kept = "".join(label for label in out if label in labels[0] + labels[1])
        product = build(CONTRACT, *arguments, left=labels[0], right=labels[1], out=kept)
        missing = tuple(axis for axis, label in enumerate(out) if label not in kept)
        return apply("broadcast_to", apply("expand_dims", product, missing), node.shape) if missing else product
    return None


def _contract_identity(node: Expr) -> Expr | None:
    """Return the other operand of a contraction with a matrix that only renames one of its axes."""
    labels = [node.attribute("left"), node.attribute("right")]
    for position, matrix in enumerate(node.args):
        other, own = labels[1 - position], labels[position]
        if len(own) != 2 or not _is_identity(matrix):
            continue
        for old, new in (own, own[::-1]):
            if old in other and new not in other and old not in node.attribute("out"):
                order = [other.replace(old, new).index(label) for label in node.attribute("out")]
                return apply("transpose", node.args[1 - position], tuple(order))
    return None


def _is_identity(node: Expr) -> bool:
    """Tell whether a node is an array of numbers with ones on the diagonal and zeros elsewhere."""
    if not is_constant(node) or len(node.shape) != 2 or node.shape[0] != node.shape[1]:
        return False
    array = constant_value(node)
    return bool(np.count_nonzero(array) == len(array) and (np.diagonal(array) == 1).all())


CONTRACTION_RULES: tuple[AnyRule, ...] = (
    Rewriter(
        "contract_transposed",
        ("contract",),
        "transpose(a) @ transpose(b) -> one contraction of a and b: the same sums of products",
        _contract_transposed,
        EXACT,
    ),
    Rewriter(
        "transpose_contraction",
        ("transpose",),
        "transpose(a @ b) -> one contraction: the same sums of products",
        _transpose_contraction,
        EXACT,
    ),
    Rewriter(
        "contract_repeated",
        ("contract",),
        "a @ broadcast_to(b) -> broadcast_to(a @ b) along axes of the result: each sum of products once",
        _contract_repeated,
        EXACT,
        lambda operations: BROADCAST.name in operations,
    ),
    Rewriter(
        "contract_identity",
        ("contract",),
        "a @ identity -> a, its axes in the order of the result: no infinity times zero",
        _contract_identity,
        STABILISE,
        lambda operations: CONSTANT.name in operations,
    ),
)
