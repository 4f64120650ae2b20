"""The row of values whose derivative is given: by the user's rule, or by computing them again.

Its node is a bundle of values (its first arguments), computed as any others, and of what they are a
function of. It stands in the graph until derivatives are taken; kernels are made of the values alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.graph.block import BUNDLE, ITEM, block_of, item, runs_block, with_block
from graphc.graph.dimensions import Shape, Size
from graphc.graph.node import Expr, Operation, make_node
from graphc.graph.table import OPERATIONS, apply
from graphc.graph.types import DType
from graphc.graph.walk import rebuild, with_arguments
from graphc.ops.control_row import Closed
from graphc.ops.movement_row import Source, movement

PULL, PUSH, AGAIN = "pull", "push", "again"
"""What the block of a node computes: contributions to the arguments' adjoints from the adjoints of the values,
tangents of the values from those of the arguments, or the values from the arguments."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CustomOperation(Operation):
    """Values with a given derivative: arguments are the values, what they are a function of, what the rule needs.

    Attributes of a node: ``block``, ``meaning`` (of the block), ``values`` and ``arguments`` (how many).
    """

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return BUNDLE, ()

    def flops(self, node: Expr) -> Size:
        return 0


CUSTOM = CustomOperation(name="custom")
OPERATIONS[CUSTOM.name] = CUSTOM


@dataclass(frozen=True, slots=True)
class Parts:
    """The arguments of a node by their roles."""

    values: tuple[Expr, ...]
    arguments: tuple[Expr, ...]
    captured: tuple[Expr, ...]


def with_rule(values: Sequence[Expr], arguments: Sequence[Expr], closed: Closed, meaning: str) -> list[Expr]:
    """Return values whose derivative for the arguments is what a block says."""
    attributes = (("block", closed.block), ("meaning", meaning), ("values", len(values)), ("arguments", len(arguments)))
    node = make_node(CUSTOM, (*values, *arguments, *closed.captured), attributes, BUNDLE, ())
    return [item(node, number, value.dtype, value.shape) for number, value in enumerate(values)]


def parts_of(node: Expr) -> Parts:
    """Return the arguments of a node by their roles."""
    first = node.attribute("values")
    last = first + node.attribute("arguments")
    return Parts(node.args[:first], node.args[first:last], node.args[last:])


def without_rules(roots: Sequence[Expr]) -> list[Expr]:
    """Return expressions with the values themselves in place of values with a rule, inside blocks too."""

    def replace(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if node.op is ITEM and args[0].op is CUSTOM:
            value: Expr = args[0].args[node.attribute("position")]
            return value
        node = with_arguments(node, args)
        if node.op is CUSTOM or not runs_block(node):
            return node
        return with_block(node, without_rules(block_of(node).outputs))

    became = rebuild(roots, replace)
    return [became[root] for root in roots]


ANEW = movement(
    name="anew",
    shape_rule=lambda arguments, attributes: arguments[0].shape,
    sources=lambda node, index: [Source(0, index)],
    adjoint=lambda node, adjoint, number: adjoint if number == 0 else apply("zeros_like", node.args[1]),
    tangent=lambda node, tangents: apply("zeros_like", node) if tangents[0] is None else tangents[0],
    reference=lambda arrays, shape, attributes: arrays[0],
    view=True,
)
"""Its first argument as another node, once its second is known: what is computed of it is computed again, and then."""
