"""The table of a computation as lectures draw it: each node with value, local derivatives and adjoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.autodiff.reverse import adjoints
from graphc.backends.reference import evaluate
from graphc.graph.leaf import constant, is_constant, is_symbol
from graphc.graph.node import Expr
from graphc.graph.table import apply
from graphc.graph.walk import topological_order

LONGEST_ARRAY = 6
WIDEST_FORMULA = 40


@dataclass(frozen=True)
class Flow:
    """Value and gradients of an expression, and the table of its nodes as text."""

    value: Any
    gradients: Mapping[Expr, Any]
    text: str


def value_text(value: Any) -> str:
    """Return a number in at most 8 digits, a short array by its elements."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.8g}" if array.dtype.kind == "f" else str(array.item())
    if array.size <= LONGEST_ARRAY:
        return np.array2string(array, separator=", ", precision=6).replace("\n", "")
    return f"array{array.shape}, sum {array.sum():.8g}"


def flow_table(root: Expr, values: Mapping[Expr, Any]) -> Flow:
    """Return value, gradients and the table of nodes of an expression at a point.

    Args:
        root: an expression of any shape; the adjoints are those of the sum of its elements.
        values: an array for each symbol.
    """
    order = topological_order([root])
    table = _adjoints(root, order)
    locals_of = {node: _local_derivatives(node) for node in order}
    wanted = [*order, *table.values(), *(each for found in locals_of.values() for each in found if each is not None)]
    computed = dict(zip(wanted, evaluate(wanted, values), strict=True))
    inner = [node for node in order if not is_constant(node)]
    names = _names(inner)
    lines = [["node", "formula", "value", "local derivatives", "adjoint"]]
    for node in inner:
        derivatives = ", ".join(
            f"d/d{names.get(argument, argument)} = {value_text(computed[found])}"
            for argument, found in zip(node.args, locals_of[node], strict=False)
            if found is not None
        )
        adjoint = value_text(computed[table[node]]) if node in table else ""
        lines.append([names[node], _formula(node, names), value_text(computed[node]), derivatives, adjoint])
    gradients = {node: computed[table[node]] for node in inner if is_symbol(node) and node in table}
    return Flow(computed[root], gradients, _columns(lines))


def _adjoints(root: Expr, order: Sequence[Expr]) -> dict[Expr, Expr]:
    """Return the adjoint of every node of the order that has one."""
    if not root.is_differentiable:
        return {}
    seed = apply("broadcast_to", constant(1, root.dtype), root.shape)
    return adjoints({root: seed}, [node for node in order if node.is_differentiable])


def _local_derivatives(node: Expr) -> list[Expr | None]:
    """Return the derivative of an elementwise node in each argument that varies, None for the others."""
    wanted = [argument.is_differentiable and not is_constant(argument) for argument in node.args]
    same_shape = all(argument.shape == node.shape for argument in node.args)
    if not (any(wanted) and same_shape and node.is_differentiable and not node.attributes):
        return [None] * len(node.args)
    one = apply("broadcast_to", constant(1, node.dtype), node.shape)
    return list(node.op.pullback(node, one, wanted))


def _names(nodes: Sequence[Expr]) -> dict[Expr, str]:
    """Return the symbols' names, and v1, v2... for what is computed from them."""
    taken = {repr(node) for node in nodes if is_symbol(node)}
    fresh = (f"v{number}" for number in range(1, 2 * len(nodes) + 2) if f"v{number}" not in taken)
    return {node: repr(node) if is_symbol(node) else next(fresh) for node in nodes}


def _formula(node: Expr, names: Mapping[Expr, str]) -> str:
    """Return the operation of a node on the names of its arguments."""
    if not node.args:
        return "input" if is_symbol(node) else repr(node)
    arguments = [names.get(argument) or repr(argument) for argument in node.args]
    if node.op.infix and len(arguments) == 2:
        return f"{arguments[0]} {node.op.infix} {arguments[1]}"
    return f"{node.op.name}({', '.join(arguments)})"[:WIDEST_FORMULA]


def _columns(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells in aligned columns, the first line underlined."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    texts = ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([texts[0], "-" * (sum(widths) + 2 * len(widths) - 2), *texts[1:]])
