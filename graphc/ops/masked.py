"""Which gradients hold zeros that were put there on purpose: those of the branch ``where`` did not take.

Such a zero must stay zero whatever it is multiplied with, else ``where`` turns the infinite derivative of
the branch not taken into 0 * inf = NaN (jax#1052, autograd#802, pytorch#2421).
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from graphc.graph.leaf import constant_value, is_constant
from graphc.graph.node import Expr
from graphc.ops.movement_row import MovementOperation

SUMS = ("add", "subtract")
PASSING = ("multiply", "divide", "guarded_multiply", "guarded_divide", "negative", "astype", "sum")
"""Operations whose result is zero where their first argument, the gradient, is."""

_known: WeakKeyDictionary[Expr, bool] = WeakKeyDictionary()


def is_masked(gradient: Expr) -> bool:
    """Tell whether a gradient comes through ``where`` with a zero branch; each node is looked at once."""
    stack = [gradient]
    while stack:
        node = stack[-1]
        sources = _sources(node)
        unknown = [source for source in sources if source not in _known]
        if unknown:
            stack.extend(unknown)
            continue
        stack.pop()
        _known[node] = (
            node.op.name == "masked_multiply" or _has_zero_branch(node) or any(_known[source] for source in sources)
        )
    return _known[gradient]


def _sources(node: Expr) -> tuple[Expr, ...]:
    """Return the arguments a mask passes through to the node."""
    name = node.op.name
    if name in SUMS or isinstance(node.op, MovementOperation):
        return node.args
    if name == "where":
        return node.args[1:]
    return node.args[:1] if name in PASSING else ()


def _has_zero_branch(node: Expr) -> bool:
    """Tell whether a node is ``where`` with a branch that is the constant zero."""
    return node.op.name == "where" and any(_is_zero(branch) for branch in node.args[1:])


def _is_zero(node: Expr) -> bool:
    """Tell whether a node is the constant zero, broadcast or not."""
    while node.op.name == "broadcast_to":
        (node,) = node.args
    return is_constant(node) and node.shape == () and constant_value(node).item() == 0
