"""Rows that run blocks, and how a body that captures outside nodes becomes a closed block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphc.graph.block import BOUND, BUNDLE, Block, block_of, bound, item, nesting, placeholder_like
from graphc.graph.dimensions import Shape, Size
from graphc.graph.leaf import is_constant, is_symbol
from graphc.graph.node import Expr, Operation, make_node
from graphc.graph.table import OPERATIONS
from graphc.graph.types import DType
from graphc.graph.walk import first_reached, reaching, substitute, topological_order
from graphc.ops.movement_row import MovementOperation


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ControlOperation(Operation):
    """A row whose node runs the block in its attribute ``block``; its results are read by ``item`` nodes."""

    def infer(self, arguments: Sequence[Expr], attributes: dict[str, Any]) -> tuple[DType, Shape]:
        return BUNDLE, ()

    def flops(self, node: Expr) -> Size:
        each: Size = sum(inner.op.flops(inner) for inner in topological_order(block_of(node).outputs))
        times: Size = node.attribute("length")
        return each * times


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed block and the outside nodes its last parameters stand for."""

    block: Block
    captured: tuple[Expr, ...]


def close(parameters: Sequence[Expr], outputs: Sequence[Expr]) -> Closed:
    """Return the block of outputs that may use outside nodes: these become further parameters.

    What does not depend on the parameters is taken from outside as a whole, so that it is computed once;
    only index maps of it (transposes, broadcasts) stay inside, where they cost nothing.
    """
    return _closed(parameters, _captured(parameters, outputs), outputs)


def close_made(outputs: Sequence[Expr], made: set[Expr]) -> Closed:
    """Return the block of outputs that computes the nodes made for it, and takes all others from outside."""

    def is_outside(node: Expr) -> bool:
        return _is_foreign(node) or (node not in made and not is_constant(node))

    return _closed((), first_reached(outputs, is_outside), outputs)


def _closed(parameters: Sequence[Expr], captured: Sequence[Expr], outputs: Sequence[Expr]) -> Closed:
    """Return the block of outputs with bound parameters for some nodes."""
    height = 1 + nesting(outputs)
    inner = [bound(height, n, node.dtype, node.shape) for n, node in enumerate((*parameters, *captured))]
    replaced = substitute(outputs, dict(zip((*parameters, *captured), inner, strict=True)))
    return Closed(Block(tuple(inner), tuple(replaced)), tuple(captured))


def instantiate(block: Block, arguments: Sequence[Expr]) -> list[Expr]:
    """Return the outputs of a block with other nodes for its parameters."""
    return substitute(block.outputs, dict(zip(block.parameters, arguments, strict=True)))


def _captured(parameters: Sequence[Expr], outputs: Sequence[Expr]) -> list[Expr]:
    """Return the largest outside nodes that outputs use, in order of first appearance."""
    order = topological_order(outputs)
    inside = reaching(order, parameters)
    outside: set[Expr] = set()
    for node in order:
        if node not in inside and (_is_foreign(node) or any(argument in outside for argument in node.args)):
            outside.add(node)

    def is_whole(node: Expr) -> bool:
        return node in outside and not (isinstance(node.op, MovementOperation) and len(node.args) == 1)

    return first_reached(outputs, is_whole)


def _is_foreign(node: Expr) -> bool:
    """Tell whether a leaf has its value from outside: an input, another block's parameter, an array of numbers."""
    return is_symbol(node) or node.op is BOUND or (is_constant(node) and node.shape != ())


SCAN = ControlOperation(name="scan")
OPERATIONS[SCAN.name] = SCAN


@dataclass(frozen=True, slots=True)
class Loop:
    """A scan taken apart: ``carries, outputs = body(index, carries, elements)`` for each index below ``length``.

    Attributes:
        index, carries, elements: the block's parameters, placeholders or bound.
        following: what the carries become; stacked: what is kept of each step.
        condition: whether to go on, of the carries; the length is then how often that was so, at most ``limit``.
        steps: the value of the length, where only running another loop tells it.
        recompute: the backward loop computes each step again from its carries, instead of keeping what it needs.
        initial: the first carries; sequences: arrays whose first axis has the loop's length.
    """

    index: Expr
    carries: tuple[Expr, ...]
    elements: tuple[Expr, ...]
    following: tuple[Expr, ...]
    stacked: tuple[Expr, ...]
    initial: tuple[Expr, ...]
    sequences: tuple[Expr, ...]
    length: Size
    reverse: bool
    condition: Expr | None = None
    limit: int | None = None
    recompute: bool = False
    steps: Expr | None = None

    def with_outputs(self, known: Mapping[Expr, Expr]) -> Loop:
        """Return the loop with nodes of its body replaced."""
        outputs = substitute(self.outputs, known)
        count, end = len(self.following), len(self.following) + len(self.stacked)
        condition = None if self.condition is None else outputs[-1]
        return replace(self, following=tuple(outputs[:count]), stacked=tuple(outputs[count:end]), condition=condition)

    @property
    def outputs(self) -> tuple[Expr, ...]:
        """What the body computes: the carries, what is kept, the condition if there is one."""
        return (*self.following, *self.stacked, *(() if self.condition is None else (self.condition,)))

    def build(self, outside: Mapping[Expr, Expr] | None = None) -> list[Expr]:
        """Return the results of the loop as a node: last carries, then stacked outputs, the steps a condition allowed.

        Args:
            outside: further parameters in the body, with the nodes they stand for.
        """
        outputs = substitute(self.outputs, outside or {})
        closed = close((self.index, *self.carries, *self.elements), outputs)
        attributes = (
            ("block", closed.block),
            ("carries", len(self.carries)),
            ("elements", len(self.elements)),
            ("length", self.length),
            ("reverse", self.reverse),
            ("conditional", self.condition is not None),
            ("limit", self.limit),
            ("recompute", self.recompute),
            ("counted", self.steps is not None),
        )
        steps = () if self.steps is None else (self.steps,)
        bundle = make_node(SCAN, (*self.initial, *self.sequences, *closed.captured, *steps), attributes, BUNDLE, ())
        shapes = [node.shape for node in self.following] + [(self.length, *node.shape) for node in self.stacked]
        results = (*self.following, *self.stacked)
        types = [*((node.dtype, shape) for node, shape in zip(results, shapes, strict=True))]
        types += [] if self.condition is None else [("int64", ())]
        return [item(bundle, n, dtype, shape) for n, (dtype, shape) in enumerate(types)]


def open_loop(node: Expr) -> tuple[Loop, dict[Expr, Expr]]:
    """Return a scan node taken apart, with parameters no other graph holds: those of what it captured, with that."""
    block, carries, elements = block_of(node), node.attribute("carries"), node.attribute("elements")
    own = [placeholder_like(parameter) for parameter in block.parameters]
    outputs = instantiate(block, own)
    first = 1 + carries + elements
    conditional = bool(node.attribute("conditional"))
    loop = Loop(
        index=own[0],
        carries=tuple(own[1 : 1 + carries]),
        elements=tuple(own[1 + carries : first]),
        following=tuple(outputs[:carries]),
        stacked=tuple(outputs[carries : len(outputs) - conditional]),
        initial=node.args[:carries],
        sequences=node.args[carries : carries + elements],
        length=node.attribute("length"),
        reverse=node.attribute("reverse"),
        condition=outputs[-1] if conditional else None,
        limit=node.attribute("limit"),
        recompute=node.attribute("recompute"),
        steps=node.args[-1] if node.attribute("counted") else None,
    )
    captured = node.args[first - 1 : len(node.args) - node.attribute("counted")]
    return loop, dict(zip(own[first:], captured, strict=True))


def open_whole(node: Expr) -> Loop:
    """Return a scan node taken apart, what it captured put back into its body."""
    loop, captured = open_loop(node)
    return loop.with_outputs(captured)
