"""The row of a choice: one of several branches runs, the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.graph.block import BUNDLE, Block, block_of, bound, item, nesting, placeholder_like
from graphc.graph.node import Expr, make_node
from graphc.graph.table import OPERATIONS
from graphc.graph.walk import substitute
from graphc.ops.control_row import ControlOperation, instantiate

SWITCH = ControlOperation(name="switch")
OPERATIONS[SWITCH.name] = SWITCH


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice taken apart: the results are those of ``branches[index]``.

    Attributes:
        index: an int64 scalar from 0 to below the number of branches.
        given: the block's parameters, placeholders or bound; outside: what they stand for.
        branches: for each its outputs, of the same dtypes and shapes in all.
    """

    index: Expr
    given: tuple[Expr, ...]
    outside: tuple[Expr, ...]
    branches: tuple[tuple[Expr, ...], ...]

    def build(self) -> list[Expr]:
        """Return the results as nodes."""
        outputs = [output for branch in self.branches for output in branch]
        height = 1 + nesting(outputs)
        inner = [bound(height, n, node.dtype, node.shape) for n, node in enumerate(self.given)]
        replaced = substitute(outputs, dict(zip(self.given, inner, strict=True)))
        attributes = (("block", Block(tuple(inner), tuple(replaced))), ("branches", len(self.branches)))
        bundle = make_node(SWITCH, (self.index, *self.outside), attributes, BUNDLE, ())
        return [item(bundle, n, node.dtype, node.shape) for n, node in enumerate(self.branches[0])]


def open_choice(node: Expr) -> Choice:
    """Return a switch node taken apart, with parameters no other graph holds."""
    block = block_of(node)
    given = [placeholder_like(parameter) for parameter in block.parameters]
    return Choice(node.args[0], tuple(given), node.args[1:], split_branches(node, instantiate(block, given)))


def split_branches(node: Expr, outputs: Sequence[Expr]) -> tuple[tuple[Expr, ...], ...]:
    """Return the outputs of a switch's block branch by branch."""
    count = len(outputs) // node.attribute("branches")
    return tuple(tuple(outputs[first : first + count]) for first in range(0, len(outputs), count)) if count else ()
