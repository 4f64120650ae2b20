"""Derivatives of stable forms: expressions are simplified, then differentiated.

The gradient of ``log(1 + exp(x))`` as written overflows where that of ``softplus(x)`` does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from graphc.autodiff import transforms
from graphc.autodiff.jacobian import jacobians
from graphc.compiler.targets import require_expressions
from graphc.graph import tree
from graphc.graph.leaf import is_symbol, symbol
from graphc.graph.node import Expr
from graphc.graph.walk import substitute
from graphc.rewrite.engine import simplify

_numbers = itertools.count()


def fresh_symbol(shape: Any, dtype: str) -> Expr:
    """Return a symbol that no other expression can hold."""
    return symbol(f"argument_{next(_numbers)}", shape, dtype)


def value_and_grad(expression: Expr, wrt: Any = None, *, unused: str = "zero") -> tuple[Expr, Any]:
    """Return a scalar expression and the gradient of its stable form; see `graphc.grad`."""
    transforms.require_scalar(expression)
    targets = transforms.default_targets(expression) if wrt is None else wrt
    (simple,), nodes, structure, back = _prepared([expression], targets)
    gradients = transforms.value_and_grad(simple, nodes, unused=unused)[1]
    return expression, tree.unflatten(structure, substitute(gradients, back))


def jvp(expression: Any, wrt: Any, tangent: Any) -> Any:
    """Return the product of the Jacobian of stable forms with a tangent; see `graphc.jvp`."""
    outputs, result = tree.flatten(expression)
    simple, nodes, structure, back = _prepared(outputs, wrt)
    given = tree.require_structure(tangent, structure, "jvp: tangent")
    return tree.unflatten(result, substitute(transforms.jvp(simple, nodes, given), back))


def vjp(expression: Any, wrt: Any, adjoint: Any) -> Any:
    """Return the product of an adjoint with the Jacobian of stable forms; see `graphc.vjp`."""
    outputs, result = tree.flatten(expression)
    simple, nodes, structure, back = _prepared(outputs, wrt)
    given = tree.require_structure(adjoint, result, "vjp: adjoint")
    return tree.unflatten(structure, substitute(transforms.vjp(simple, nodes, given), back))


def jacobian(expression: Any, wrt: Any = None, mode: str = "auto", chunk: int | None = None) -> Any:
    """Return the derivatives of stable forms; see `graphc.jacobian`."""
    outputs, result = tree.flatten(expression)
    require_expressions(outputs, "jacobian")
    targets = transforms.default_targets(*outputs) if wrt is None else wrt
    simple, nodes, structure, back = _prepared(outputs, targets)
    rows = jacobians(simple, nodes, mode, chunk)
    return tree.unflatten(result, [tree.unflatten(structure, substitute(row, back)) for row in rows])


def hessian(expression: Expr, wrt: Any = None, chunk: int | None = None) -> Any:
    """Return the second derivatives of a scalar expression; see `graphc.hessian`."""
    transforms.require_scalar(expression, "hessian")
    targets = transforms.default_targets(expression) if wrt is None else wrt
    return jacobian(value_and_grad(expression, targets)[1], targets, "forward", chunk)


def hvp(expression: Expr, wrt: Any, vector: Any) -> Any:
    """Return the product of the Hessian of a scalar expression with a vector; see `graphc.hvp`."""
    tree.require_structure(vector, tree.structure(wrt), "hvp: vectors")
    return jvp(value_and_grad(expression, wrt)[1], wrt, vector)


def _prepared(outputs: Sequence[Any], wrt: Any) -> tuple[list[Expr], list[Expr], Any, dict[Expr, Expr]]:
    """Return simplified outputs, what to differentiate them for, its structure, and what to put back.

    Nodes of ``wrt`` that are no symbols get symbols in their place, which rewriting cannot dissolve.
    """
    nodes, structure = tree.flatten(wrt)
    require_expressions((*outputs, *nodes), "derivatives")
    stand_ins = {node: fresh_symbol(node.shape, node.dtype) for node in nodes if not is_symbol(node)}
    given = substitute(outputs, stand_ins) if stand_ins else list(outputs)
    back = {symbol: node for node, symbol in stand_ins.items()}
    return simplify(given), [stand_ins.get(node, node) for node in nodes], structure, back
