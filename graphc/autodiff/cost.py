"""What a function and its gradient cost, counted on the graph without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.autodiff.reverse import adjoints
from graphc.autodiff.transforms import default_targets, require_scalar
from graphc.errors import UnsupportedError
from graphc.graph import tree
from graphc.graph.block import is_bundle
from graphc.graph.dimensions import Size
from graphc.graph.leaf import constant, symbol
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.walk import reaching, topological_order


@dataclass(frozen=True, slots=True)
class Work:
    """Counts of one computation; flops and bytes are sizes (numbers unless dimensions are named)."""

    nodes: int
    flops: Size
    bytes: Size

    def __add__(self, other: Work) -> Work:
        return Work(self.nodes + other.nodes, self.flops + other.flops, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class Cost:
    """What `cost` counts.

    Attributes:
        function: the expression alone.
        gradient: expression and gradient together, subexpressions shared.
        unmemoised: expression and gradient if every adjoint were computed anew each time it is needed.
        gradient_nodes_added: nodes the gradient adds to the function's.
        memoised_steps: chain-rule steps with a table of adjoints: one for each edge of the graph.
        unmemoised_steps: chain-rule steps without it, when each adjoint asked for is computed from those of its
            node's users, and these from their users', again every time: quadratic in the length of a chain,
            exponential where subexpressions are shared.

    Example:
        >>> import graphc as gx
        >>> x = gx.symbol("x")
        >>> gx.cost(x * x).function.nodes
        2
    """

    function: Work
    gradient: Work
    unmemoised: Work
    gradient_nodes_added: int
    memoised_steps: int
    unmemoised_steps: int

    def __str__(self) -> str:
        rows = [("", "nodes", "flops", "bytes")]
        works = {"function": self.function, "with gradient": self.gradient, "without memoisation": self.unmemoised}
        for name, work in works.items():
            rows.append((name, str(work.nodes), str(work.flops), str(work.bytes)))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        lines.append(f"chain-rule steps: {self.memoised_steps} memoised, {self.unmemoised_steps} without memoisation")
        return "\n".join(lines)


def cost(expression: Expr, wrt: Any = None) -> Cost:
    """Return the nodes, flops and bytes of a scalar expression and of its gradient.

    Args:
        expression: of shape () and a float dtype.
        wrt: as in `graphc.grad`.

    Raises:
        UnsupportedError: the expression holds a loop, a choice or a function with a rule of its own.

    Bytes count every node's result once (4 or 8 for each element): an upper bound that fusion lowers.

    Source: the memoised adjoint is linear in the edges, walking every path is not: Baur & Strassen,
    The complexity of partial derivatives (1983).

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.cost(x * y + x).memoised_steps
        4
    """
    require_scalar(expression, "cost")
    targets = tree.leaves(default_targets(expression) if wrt is None else wrt)
    table = adjoints({expression: constant(1, expression.dtype)}, targets)
    function = topological_order([expression])
    if any(is_bundle(node) for node in function):
        raise UnsupportedError(
            "cost: loops, choices and functions with rules are not counted",
            remedy="count the body by itself, or see explain() of the compiled function",
            origin=here(),
        )
    together = topological_order([expression, *(table[node] for node in targets if node in table)])
    memoised, unmemoised = _steps(function, targets)
    own = _work(function)
    without = own + _unmemoised_work(function, targets)
    return Cost(own, _work(together), without, len(together) - len(function), memoised, unmemoised)


def _work(order: list[Expr]) -> Work:
    """Return the counts of the nodes of a graph."""
    flops: Size = 0
    memory: Size = 0
    for node in order:
        flops = flops + node.op.flops(node)
        memory = memory + node.size * np.dtype(node.dtype).itemsize
    return Work(len(order), flops, memory)


def _steps(order: list[Expr], targets: list[Expr]) -> tuple[int, int]:
    """Return the chain-rule steps with and without memoisation: edges, and the sum over targets of all edges above."""
    active = reaching(order, targets)
    edges = 0
    above: dict[Expr, int] = {}
    for node in reversed(order):
        if node not in active:
            continue
        for argument in node.args:
            if argument in active:
                edges += 1
                above[argument] = above.get(argument, 0) + 1 + above.get(node, 0)
    return edges, sum(above.get(node, 0) for node in targets)


def _unmemoised_work(order: list[Expr], targets: list[Expr]) -> Work:
    """Return what the adjoints of the targets cost when each is computed from scratch, path by path."""
    active = reaching(order, targets)
    given = set(order)
    above: dict[Expr, Work] = {}
    nothing = Work(0, 0, 0)
    for node in reversed(order):
        if node not in active or not node.is_differentiable:
            continue
        for number, argument in enumerate(node.args):
            if argument in active:
                step = _step_work(node, number, given)
                above[argument] = above.get(argument, nothing) + step + above.get(node, nothing)
    return sum((above.get(node, nothing) for node in targets), nothing)


def _step_work(node: Expr, number: int, given: set[Expr]) -> Work:
    """Return what one step of the chain rule computes: from a node's adjoint to one argument's share of it."""
    adjoint = symbol("adjoint", node.shape, node.dtype)
    part = node.op.pullback(node, adjoint, [position == number for position in range(len(node.args))])[number]
    if part is None:
        return Work(0, 0, 0)
    return _work([each for each in _new_nodes(part, given) if each is not adjoint])


def _new_nodes(root: Expr, given: set[Expr]) -> list[Expr]:
    """Return the nodes a root depends on that are not given, the given ones not looked into."""
    found: dict[Expr, None] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        if node not in given and node not in found:
            found[node] = None
            pending.extend(node.args)
    return list(found)
