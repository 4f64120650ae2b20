"""Partition: which nodes are computed together, which are stored, which are computed again where needed.

Nodes that share a loop space (their shape; a reduction's is its argument's) form groups. A group has a
level: one more than that of anything that must be finished before it begins. Within a group values pass
in registers. Cheap elementwise nodes belong to no group: every group computes them again. Movement
nodes are only index maps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.graph.block import BOUND, ITEM, is_bundle, runs_block
from graphc.graph.dimensions import Shape
from graphc.graph.leaf import Leaf
from graphc.graph.node import Expr
from graphc.graph.walk import topological_order
from graphc.kernel.assembly import ASSEMBLE
from graphc.kernel.product import ACCUMULATE, addend_of, is_product
from graphc.ops.contraction_row import ContractionOperation
from graphc.ops.control_row import SCAN
from graphc.ops.cumulative import CumulativeOperation
from graphc.ops.lookup_row import GATHER, SCATTER, Places, ScatterOperation
from graphc.ops.matrix_row import MatrixOperation
from graphc.ops.movement_row import MovementOperation
from graphc.ops.native_row import NativeOperation
from graphc.ops.reduction_row import ReductionOperation
from graphc.ops.scalar_row import ScalarOperation
from graphc.ops.slicing import EMBED, SHIFT, SLICE

SLICES = (SLICE, EMBED, SHIFT)
ALONE = (ContractionOperation, CumulativeOperation, MatrixOperation, NativeOperation, ScatterOperation)
"""Rows that are a group of their own."""

CHEAP = 8
"""An elementwise node is computed again instead of stored up to this cost, loads included."""

SHIFTED = 16
"""The same for nodes read beside their own place, as adjoints of slices are: stored, they would keep loops apart."""


@dataclass(slots=True)
class Group:
    """Nodes computed in one loop nest over ``space``, or by one library call."""

    kind: str
    """One of "loops", "scan", "library", "matrices", "scatter", "native", "control"."""
    space: Shape
    level: int
    nodes: list[Expr] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Partition:
    """The groups in an order in which they can run, and the nodes they compute."""

    groups: list[Group]
    placed: frozenset[Expr]
    order: list[Expr]
    becomes: dict[Expr, Expr]
    """From a product in whose memory others are summed to the last of these."""


def partition(outputs: Sequence[Expr]) -> Partition:
    """Return the groups that compute the outputs."""
    order = topological_order(outputs)
    stored = must_store(order, outputs)
    placed = _placed(order, stored)
    level = _levels(order, placed)
    groups: dict[tuple[object, ...], Group] = {}
    for position, node in enumerate(order):
        if node in placed:
            kind, space = _kind(node)
            key = (kind, space, level[node]) if kind == "loops" else (kind, position)
            groups.setdefault(key, Group(kind, space, level[node])).nodes.append(node)
    ordered = sorted(groups.values(), key=lambda group: (group.level, group.space != (), group.kind == "library"))
    return Partition(ordered, placed, order, _summed_in_place(order, outputs))


def _summed_in_place(order: Sequence[Expr], outputs: Sequence[Expr]) -> dict[Expr, Expr]:
    """Return, for each product that nothing but a sum reads, the last sum of products in its memory."""
    users = Counter(argument for node in order for argument in node.args)
    users.update(outputs)
    becomes: dict[Expr, Expr] = {}
    for node in reversed(order):
        addend = addend_of(node) if node.op is ACCUMULATE else None
        if addend is not None and is_product(addend) and users[addend] == 1:
            becomes[addend] = becomes.get(node, node)
    return becomes


def is_view(node: Expr) -> bool:
    """Tell whether a node is its argument's memory in another shape, or a part of it at leading indices."""
    return isinstance(node.op, MovementOperation) and (node.op.view or is_part(node))


def is_part(node: Expr) -> bool:
    """Tell whether a node is an array's element along leading axes, whole along the others: ``W[i]`` of numbers i."""
    if node.op is not GATHER or not node.shape or not (isinstance(node.args[0].op, Leaf) or node.args[0].op is ITEM):
        return False
    places: Places = node.attribute("places")
    lead = node.args[0].ndim - node.ndim
    rest = tuple((axis, -1, 0, 1) for axis in range(node.ndim))
    return (
        not (places.drops or places.spread)
        and all(out < 0 for out, _, _, _ in places.axes[:lead])
        and places.axes[lead:] == rest
        and node.shape == node.args[0].shape[lead:]
    )


def _joins(node: Expr) -> bool:
    """Tell whether an index map chooses between several arrays."""
    return isinstance(node.op, MovementOperation) and len(node.args) > 1 and node.op is not GATHER


def _kind(node: Expr) -> tuple[str, Shape]:
    """Return the kind of group a node belongs to and its loop space."""
    if is_product(node):
        return "library", node.shape
    if isinstance(node.op, MatrixOperation):
        return "matrices", ()
    if runs_block(node):
        return "control", ()
    if isinstance(node.op, NativeOperation):
        return "native", node.shape
    if node.op is SCATTER:
        return "scatter", node.shape
    if isinstance(node.op, CumulativeOperation):
        return "scan", node.shape
    if isinstance(node.op, ReductionOperation) or node.op is ASSEMBLE:
        return "loops", node.args[0].shape
    return "loops", node.shape


def must_store(order: Sequence[Expr], outputs: Sequence[Expr]) -> set[Expr]:
    """Return the nodes that need memory: outputs, operands of library calls and what views look at."""
    stored = set(outputs)
    for node in order:
        if is_product(node) or is_view(node):
            operands = node.args[:1] if is_view(node) else node.args[:2]
            stored.update(argument for argument in operands if not is_view(argument))
        elif isinstance(node.op, MatrixOperation):
            kept = (node.args[position] for position in node.op.kept)
            stored.update(argument for argument in kept if not is_view(argument))
        elif runs_block(node):
            first = node.attribute("carries") if node.op is SCAN else 0
            operands = node.args[first:]
            stored.update(argument for argument in operands if argument.shape and not is_view(argument))
        elif isinstance(node.op, NativeOperation):
            stored.update(argument for argument in node.args if not is_view(argument))
        elif _joins(node):
            stored.update(argument for argument in node.args if _joins(argument))
        elif node.op is SCATTER and node.args[0].op is BOUND and node.args[0] in topological_order(node.args[1:2]):
            stored.add(node.args[1])
    return stored


def _placed(order: Sequence[Expr], stored: set[Expr]) -> frozenset[Expr]:
    """Return the nodes some group computes: all but leaves, index maps and cheap elementwise ones."""
    placed: set[Expr] = set()
    cost: dict[Expr, int] = {}
    shifted = _shifted(order)
    for node in order:
        cost[node] = 1
        if isinstance(node.op, Leaf) or node.op is ITEM:
            cost[node] = 1 if node.shape else 0
        elif isinstance(node.op, MovementOperation):
            if node in stored:
                placed.add(node)
            elif node.op is GATHER:
                cost[node] = 1 + sum(cost[argument] for argument in node.args)
            elif not is_view(node):
                cost[node] = max(1, *(cost[argument] for argument in node.args))
        elif node in stored or node.shape == () or not isinstance(node.op, ScalarOperation):
            placed.add(node)
        else:
            total = node.op.cost + sum(cost[argument] for argument in node.args)
            if node.op.cost > CHEAP or total > (SHIFTED if node in shifted else CHEAP):
                placed.add(node)
            else:
                cost[node] = total
    return frozenset(placed)


def _shifted(order: Sequence[Expr]) -> set[Expr]:
    """Return the elementwise nodes that slices and their adjoints read, and what those are computed from."""
    found: set[Expr] = set()
    for node in reversed(order):
        if node.op in SLICES or (node in found and isinstance(node.op, ScalarOperation)):
            found.update(node.args)
    return found


def _levels(order: Sequence[Expr], placed: frozenset[Expr]) -> dict[Expr, int]:
    """Return the level at which each node can be read elementwise in its own loop space."""
    aligned: dict[Expr, int] = {}
    complete: dict[Expr, int] = {}
    """The level from which on every element of a node can be read in any order."""
    for node in order:
        if isinstance(node.op, Leaf):
            aligned[node] = complete[node] = 0
        elif node.op is ITEM:
            aligned[node] = complete[node] = complete[node.args[0]]
        elif is_bundle(node):
            aligned[node] = max((complete[argument] for argument in node.args), default=0)
            complete[node] = aligned[node] + 1
        elif isinstance(node.op, (*ALONE, MovementOperation)):
            level = max((complete[argument] for argument in node.args), default=0)
            aligned[node], complete[node] = level, level + (node in placed)
        elif isinstance(node.op, ReductionOperation):
            aligned[node] = _read_level(node.args[0], aligned, complete)
            complete[node] = aligned[node] + 1
        else:
            aligned[node] = max((_read_level(a, aligned, complete) for a in node.args), default=0)
            if node in placed:
                complete[node] = aligned[node] + (node.shape != ())
            else:
                complete[node] = max((complete[argument] for argument in node.args), default=0)
    return aligned


def _read_level(node: Expr, aligned: dict[Expr, int], complete: dict[Expr, int]) -> int:
    """Return the level from which on an elementwise node of the same shape can read an argument."""
    if isinstance(node.op, (*ALONE, ReductionOperation, MovementOperation)) or node.op in (ITEM, ASSEMBLE):
        return complete[node]
    return aligned[node]
