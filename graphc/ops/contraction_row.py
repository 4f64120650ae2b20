"""The contraction row: a sum of products over named axes of two arrays, as ``einsum`` writes it.

matmul, dot, tensordot, inner, outer and einsum all build this one row, and it is closed under
differentiation: the adjoint of ``ij,jk->ik`` in its first argument is ``ik,jk->ij``, with no transpose.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.errors import ShapeError
from graphc.graph.dimensions import Shape, Size, product
from graphc.graph.node import Expr, Gradient, Operation, build
from graphc.graph.table import OPERATIONS, apply
from graphc.graph.types import DType, format_shape


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ContractionOperation(Operation):
    """``sum over labels not in out of left[...] * right[...]``; attributes left, right, out hold labels.

    Every label stands once in each operand; a label of one operand alone must be in the output.
    """

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        sizes = label_sizes(arguments, (attributes["left"], attributes["right"]))
        return arguments[0].dtype, tuple(sizes[label] for label in attributes["out"])

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        left, right = node.args
        labels = {name: node.attribute(name) for name in ("left", "right", "out")}
        parts = []
        if tangents[0] is not None:
            parts.append(build(CONTRACT, tangents[0], right, **labels))
        if tangents[1] is not None:
            parts.append(build(CONTRACT, left, tangents[1], **labels))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else apply("add", *parts)

    def pullback(self, node: Expr, adjoint: Expr, wanted: Sequence[bool]) -> Sequence[Gradient]:
        left, right = node.args
        a, b, out = (node.attribute(name) for name in ("left", "right", "out"))
        return [
            build(CONTRACT, adjoint, right, left=out, right=b, out=a) if wanted[0] else None,
            build(CONTRACT, left, adjoint, left=a, right=out, out=b) if wanted[1] else None,
        ]

    def flops(self, node: Expr) -> Size:
        sizes = label_sizes(node.args, (node.attribute("left"), node.attribute("right")))
        return product(sizes.values()) * 2


CONTRACT = ContractionOperation(name="contract")
OPERATIONS["contract"] = CONTRACT


def unused_label(node: Expr) -> str:
    """Return a label that a contraction does not have."""
    used = node.attribute("left") + node.attribute("right")
    return next(letter for letter in string.ascii_letters if letter not in used)


def label_sizes(arguments: Sequence[Expr], labels: Sequence[str]) -> dict[str, Size]:
    """Return the size each label stands for.

    Raises:
        ShapeError: a label stands for two sizes.
    """
    sizes: dict[str, Size] = {}
    for argument, text in zip(arguments, labels, strict=True):
        for label, size in zip(text, argument.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                shapes = " and ".join(format_shape(each.shape) for each in arguments)
                raise ShapeError(
                    f"shapes {shapes} do not match in {labels[0]},{labels[1]}: {sizes[label]} against {size}",
                    remedy="make the contracted axes equal; transpose or reshape an operand",
                )
    return sizes
