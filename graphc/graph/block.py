"""Blocks: graphs with parameters of their own, the bodies of loops and branches.

A block is closed: its outputs depend on its parameters and numbers only; what it takes from outside is a
parameter like the others. Parameters are named by the height of their block and their position, so that
equal bodies are the same object. A node that runs a block has several results: it is a *bundle*, whose
results are read by `ITEM` nodes; so are those of rows that factor matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.graph.dimensions import Shape
from graphc.graph.leaf import Leaf
from graphc.graph.node import Expr, Gradient, Operation, make_node
from graphc.graph.origin import inherit_origin
from graphc.graph.table import OPERATIONS
from graphc.graph.types import DType
from graphc.graph.walk import flatten_graph, topological_order, unflatten_graph

BUNDLE = "bundle"
"""The dtype of a node with several results."""

BOUND = Leaf(name="bound")
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Block:
    """A graph with parameters: what a loop runs each time, or the branches of a choice.

    Attributes:
        parameters: `BOUND` leaves; outputs: expressions of these alone.
    """

    parameters: tuple[Expr, ...]
    outputs: tuple[Expr, ...]

    @property
    def height(self) -> int:
        """How many blocks are nested in it, itself counted."""
        return 1 + nesting(self.outputs)

    def __repr__(self) -> str:
        return f"<{len(topological_order(self.outputs))} nodes>"

    def __reduce__(self) -> tuple[Callable[..., Block], tuple[Any, ...]]:
        nodes = [*self.parameters, *self.outputs]
        order = {node: position for position, node in enumerate(topological_order(nodes))}
        return _restore, (flatten_graph(nodes), [order[node] for node in nodes], len(self.parameters))


def _restore(records: list[tuple[Any, ...]], positions: list[int], count: int) -> Block:
    """Return a pickled block, its graph interned again."""
    everything = unflatten_graph(records)
    nodes = tuple(everything[position] for position in positions)
    return Block(nodes[:count], nodes[count:])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class _Item(Operation):
    """One result of a bundle, by its attribute ``position``."""

    def pushforward(self, node: Expr, tangents: Sequence[Gradient]) -> Gradient:
        results: Any = tangents[0]
        tangent: Gradient = None if results is None else results[node.attribute("position")]
        return tangent

    def flops(self, node: Expr) -> Any:
        return 0


ITEM = _Item(name="item")
OPERATIONS.update({row.name: row for row in (BOUND, ITEM)})


def placeholder(dtype: DType, shape: Shape) -> Expr:
    """Return a leaf that no other graph holds: a parameter of a block that is being made."""
    return bound(-next(_serial), 0, dtype, shape)


def placeholder_like(node: Expr) -> Expr:
    """Return a placeholder of a node's dtype and shape."""
    return placeholder(node.dtype, node.shape)


def bound(height: int, position: int, dtype: DType, shape: Shape) -> Expr:
    """Return the parameter of blocks of a height at a position."""
    return make_node(BOUND, (), (("height", height), ("position", position)), dtype, shape)


def item(bundle: Expr, position: int, dtype: DType, shape: Shape) -> Expr:
    """Return one result of a bundle."""
    return make_node(ITEM, (bundle,), (("position", position),), dtype, shape)


def items_of(bundle: Expr, order: Iterable[Expr]) -> dict[int, Expr]:
    """Return the results of a bundle that are among some nodes, by position."""
    return {n.attribute("position"): n for n in order if n.op is ITEM and n.args[0] is bundle}


def is_bundle(node: Expr) -> bool:
    """Tell whether a node has several results."""
    return node.dtype == BUNDLE


def runs_block(node: Expr) -> bool:
    """Tell whether a node is a bundle that runs a block; others are rows with several results."""
    return is_bundle(node) and any(name == "block" for name, _ in node.attributes)


def block_of(node: Expr) -> Block:
    """Return the block that a bundle runs."""
    block: Block = node.attribute("block")
    return block


def with_block(node: Expr, outputs: Sequence[Expr]) -> Expr:
    """Return a bundle whose block computes other outputs of the same dtypes and shapes."""
    block = block_of(node)
    if tuple(outputs) == block.outputs:
        return node
    following = Block(block.parameters, tuple(outputs))
    attributes = tuple((name, following if name == "block" else value) for name, value in node.attributes)
    with inherit_origin(node.origin):
        return make_node(node.op, node.args, attributes, node.dtype, node.shape)


def nesting(roots: Iterable[Expr]) -> int:
    """Return the greatest height of the blocks that nodes run, 0 where there is none."""
    return max((block_of(node).height for node in topological_order(roots) if runs_block(node)), default=0)


def nested_order(roots: Iterable[Expr]) -> list[Expr]:
    """Return every node the roots reach, those inside blocks before the bundle that runs them."""
    order: dict[Expr, None] = {}
    pending = [(node, False) for node in reversed(topological_order(roots))]
    while pending:
        node, opened = pending.pop()
        if runs_block(node) and not opened:
            pending.append((node, True))
            pending.extend((inner, False) for inner in reversed(topological_order(block_of(node).outputs)))
        else:
            order.setdefault(node)
    return list(order)
