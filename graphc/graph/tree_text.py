"""Expressions as a tree of lines: operation, dtype, shape, and where the user wrote it."""

from __future__ import annotations

from collections import deque

from graphc.graph.leaf import CONSTANT, SIZE, SYMBOL
from graphc.graph.node import Expr
from graphc.graph.origin import describe_origin
from graphc.graph.table import PRINTERS
from graphc.graph.text import notation
from graphc.graph.types import format_shape
from graphc.graph.walk import topological_order

WIDEST_LABEL = 60
LEAVES = (SYMBOL, CONSTANT, SIZE)


def tree_text(root: Expr, limit: int = 100) -> str:
    """Return the tree; see `Expr.tree`."""
    shown, shared = _nearest(root, limit)
    numbers: dict[Expr, int] = {}
    lines: list[tuple[str, str]] = []
    stack: list[tuple[Expr, str, str]] = [(root, "", "")]
    while stack:
        node, branch, below = stack.pop()
        if node not in shown:
            lines.append((f"{branch}…", ""))
            continue
        if node in numbers:
            lines.append((f"{branch}#{numbers[node]}", ""))
            continue
        if node in shared:
            numbers[node] = len(numbers) + 1
        mark = f"#{numbers[node]} " if node in numbers else ""
        lines.append((f"{branch}{mark}{_label(node)}", _facts(node)))
        last = len(node.args) - 1
        for number, argument in reversed(list(enumerate(node.args))):
            ends = number == last
            stack.append((argument, below + ("└─ " if ends else "├─ "), below + ("   " if ends else "│  ")))
    return _aligned(lines) + _remainder(root, shown, limit)


def _nearest(root: Expr, limit: int) -> tuple[set[Expr], set[Expr]]:
    """Return the nodes nearest to the root, at most ``limit``, and those of them met more than once."""
    shown = {root}
    shared: set[Expr] = set()
    waiting = deque([root])
    while waiting:
        for argument in waiting.popleft().args:
            if argument in shown:
                shared.update(() if argument.op in LEAVES else (argument,))
            elif len(shown) < limit:
                shown.add(argument)
                waiting.append(argument)
    return shown, shared


def _label(node: Expr) -> str:
    """Return a leaf's text, or the operation with its attributes."""
    if node.op in LEAVES:
        parts, _ = notation(node)
        return "".join(part for part in parts if isinstance(part, str))
    if node.op.name == "contract":
        return f"contract {node.attribute('left')},{node.attribute('right')}->{node.attribute('out')}"
    return " ".join([node.op.name, *(f"{name}={value}" for name, value in node.attributes)])


def _facts(node: Expr) -> str:
    """Return dtype, shape and origin; a number belongs to all who write it, not to the line that was first."""
    facts = f"{node.dtype} {format_shape(node.shape)}"
    return facts if node.op is CONSTANT else f"{facts}  {describe_origin(node.origin)}"


def _aligned(lines: list[tuple[str, str]]) -> str:
    """Return labels and facts in two columns."""
    width = min(max(len(label) for label, _ in lines), WIDEST_LABEL)
    return "\n".join(f"{label:<{width}}  {facts}".rstrip() for label, facts in lines)


def _remainder(root: Expr, shown: set[Expr], limit: int) -> str:
    """Return the line that says how much is left out, if anything is."""
    if len(shown) < limit:
        return ""
    missing = len(topological_order([root])) - len(shown)
    return f"\n… and {missing} more nodes; tree(limit=...) shows more" if missing else ""


PRINTERS["tree"] = tree_text
