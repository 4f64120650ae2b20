"""How an expression becomes one line of text, in any notation: operators, precedences, a budget of nodes.

A notation turns one node into parts: texts, and arguments with the precedence they need at least. The
nodes nearest to the root are laid out first, until the budget is spent; the rest prints as an ellipsis.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from graphc.graph.node import Expr

BUDGET = 200
LOWEST, COMPARISON, OR, XOR, AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(10)
"""Python's precedences, from what binds least to what never needs parentheses."""

PRECEDENCES = {
    "<": COMPARISON, "<=": COMPARISON, ">": COMPARISON, ">=": COMPARISON, "==": COMPARISON, "!=": COMPARISON,
    "|": OR, "^": XOR, "&": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT,
    "@": PRODUCT, "**": POWER,
}  # fmt: skip

Part: TypeAlias = "str | tuple[Expr, int]"
"""A text, or an argument with the least precedence it can have without parentheses."""
Layout: TypeAlias = "tuple[list[Part], int]"
"""The parts of a node and their precedence as a whole."""
Notation: TypeAlias = "Callable[[Expr], Layout]"


def binary(operator: str, left: Expr, right: Expr, sign: str) -> Layout:
    """Return the layout of ``left operator right``, which prints as ``sign``."""
    precedence = PRECEDENCES[operator]
    least_left = precedence + (operator == "**" or precedence == COMPARISON)
    least_right = UNARY if operator == "**" else precedence + 1
    return [(left, least_left), sign, (right, least_right)], precedence


def unary_minus(node: Expr) -> Layout:
    """Return the layout of ``-argument``."""
    return ["-", (node.args[0], UNARY)], UNARY


def call(head: str, arguments: Sequence[Expr], tail: str = ")") -> Layout:
    """Return the layout of ``head argument, argument tail``; the head has the opening parenthesis."""
    parts: list[Part] = [head]
    for number, argument in enumerate(arguments):
        parts.extend([", ", (argument, LOWEST)] if number else [(argument, LOWEST)])
    return [*parts, tail], ATOM


def visible_operands(node: Expr) -> tuple[Expr, ...]:
    """Return the arguments as the user wrote them: without the broadcasting the operators inserted.

    Broadcasting is hidden where the operands as shown still broadcast to the node's shape.
    """
    if len(node.args) < 2 or node.attributes:
        return node.args
    shown = tuple(_without_broadcast(argument) for argument in node.args)
    return shown if _broadcast_to(shown, node.shape) else node.args


def _without_broadcast(node: Expr) -> Expr:
    """Return what a broadcast_to node repeats along leading axes or axes of size 1, else the node."""
    if node.op.name != "broadcast_to":
        return node
    node = node.args[0]
    leading = node.op.name == "expand_dims" and node.attribute("axes") == tuple(range(len(node.attribute("axes"))))
    return node.args[0] if leading else node


def _broadcast_to(nodes: Sequence[Expr], shape: tuple[object, ...]) -> bool:
    """Tell whether the nodes broadcast to exactly that shape."""
    result: list[object] = [1] * len(shape)
    for node in nodes:
        lead = len(shape) - len(node.shape)
        for axis, size in enumerate(node.shape, lead):
            if size != 1 and result[axis] not in (1, size):
                return False
            result[axis] = size if size != 1 else result[axis]
    return tuple(result) == shape and max(len(node.shape) for node in nodes) == len(shape)


def render(root: Expr, notation: Notation, brackets: tuple[str, str], ellipsis: str, budget: int = BUDGET) -> str:
    """Return the text of an expression, with at most ``budget`` nodes of it laid out."""
    parts: list[object] = [""]
    waiting: deque[tuple[Expr, int, list[object], int]] = deque([(root, LOWEST, parts, 0)])
    while waiting:
        node, least, owner, position = waiting.popleft()
        if budget <= 0:
            owner[position] = ellipsis
            continue
        budget -= 1
        layout, precedence = notation(node)
        pieces: list[Part] = [brackets[0], *layout, brackets[1]] if precedence < least else layout
        inside: list[object] = list(pieces)
        owner[position] = inside
        waiting.extend((*part, inside, number) for number, part in enumerate(pieces) if not isinstance(part, str))
    return _join(parts)


def _join(parts: list[object]) -> str:
    """Return the texts of nested lists in order."""
    texts: list[str] = []
    stack = list(reversed(parts))
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, list):
            stack.extend(reversed(part))
    return "".join(texts)
