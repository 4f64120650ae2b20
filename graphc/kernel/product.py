"""The nodes that one library call computes: a contraction, or a multiple of it added to something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.graph.dimensions import Shape
from graphc.graph.node import Expr
from graphc.graph.types import DType
from graphc.ops.contraction_row import CONTRACT, ContractionOperation


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class _Accumulation(ContractionOperation):
    """``addend + scale * contraction``: arguments left, right, scale and, where something is added to, the addend.

    Only normalisation makes it, only lowering reads it: it is in no table.
    """

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return CONTRACT.infer(arguments[:2], attributes)


ACCUMULATE = _Accumulation(name="accumulate")


def is_product(node: Expr) -> bool:
    """Tell whether a node is computed by a library call."""
    return isinstance(node.op, ContractionOperation)


def scale_of(node: Expr) -> Expr | None:
    """Return what a product is a multiple by; None if it is the product itself."""
    return node.args[2] if node.op is ACCUMULATE else None


def addend_of(node: Expr) -> Expr | None:
    """Return what a product is added to, if anything."""
    return node.args[3] if len(node.args) > 3 else None
