"""Derivatives of expressions as expressions: `grad`, `value_and_grad`, `jvp`, `vjp`, to any order."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from graphc.autodiff.forward import tangents as forward_tangents
from graphc.autodiff.loops import or_zero
from graphc.autodiff.reverse import adjoints
from graphc.errors import ArgumentError, DTypeError, NotDifferentiable, ShapeError
from graphc.graph import tree
from graphc.graph.block import BOUND
from graphc.graph.leaf import as_expr, constant, is_symbol, symbol_name
from graphc.graph.node import Expr
from graphc.graph.origin import current_origin, describe_origin, here, locate
from graphc.graph.table import apply
from graphc.graph.types import format_shape
from graphc.graph.walk import free_symbols, parameters

UNUSED = ("zero", "error", "warn")


def grad(expression: Expr, wrt: Any = None, *, unused: str = "zero") -> Any:
    """Return the gradient of a scalar expression, as expressions.

    Args:
        expression: of shape () and a float dtype; reduce a tensor with ``sum`` or ``mean`` first.
        wrt: a node or a pytree of nodes; by default the parameters it depends on, and if it has none
            every float symbol, as a dict by name.
        unused: what to do with nodes it does not depend on: "zero" gradient, "warn" too, or "error".

    Returns:
        Expressions of the shapes and dtypes of ``wrt``, in its structure.

    Raises:
        ShapeError: the expression is no scalar.
        DTypeError: the expression or a node of ``wrt`` has no float dtype.
        NotDifferentiable: it does not depend on a node, and ``unused`` is "error".

    Source: reverse mode, Griewank & Walther, Evaluating Derivatives (2008), section 3.2.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.grad(x * y, wrt=x)
        y
    """
    return value_and_grad(expression, wrt, unused=unused)[1]


def value_and_grad(expression: Expr, wrt: Any = None, *, unused: str = "zero") -> tuple[Expr, Any]:
    """Return the expression and its gradient; see `grad`."""
    require_scalar(expression)
    targets = default_targets(expression) if wrt is None else wrt
    nodes, structure = tree.flatten(targets)
    seed = constant(1, expression.dtype)
    return expression, tree.unflatten(structure, _gradients({expression: seed}, nodes, unused))


def vjp(expression: Any, wrt: Any, adjoint: Any, *, unused: str = "zero") -> Any:
    """Return the product of an adjoint with the Jacobian (reverse mode), in the structure of ``wrt``.

    Args:
        expression: an expression or pytree of expressions of any shapes.
        wrt: a node or pytree of nodes.
        adjoint: expressions, arrays or numbers of the structure and shapes of ``expression``.

    Raises:
        ArgumentError: the structures differ.
        ShapeError: an adjoint has another shape than its expression.
    """
    outputs, structure = tree.flatten(expression)
    given = tree.require_structure(adjoint, structure, "vjp: adjoint")
    seeds: dict[Expr, Expr] = {}
    for output, value in zip(outputs, given, strict=True):
        seed = seed_like(value, output, "the adjoint of {}")
        seeds[output] = apply("add", seeds[output], seed) if output in seeds else seed
    nodes, result = tree.flatten(wrt)
    return tree.unflatten(result, _gradients(seeds, nodes, unused))


def jvp(expression: Any, wrt: Any, tangent: Any) -> Any:
    """Return the product of the Jacobian with a tangent (forward mode), in the structure of ``expression``.

    Args:
        expression: an expression or pytree of expressions of any shapes.
        wrt: a node or pytree of nodes.
        tangent: expressions, arrays or numbers of the structure and shapes of ``wrt``.

    Raises:
        ArgumentError: the structures differ.
        ShapeError: a tangent has another shape than its node.
    """
    nodes, structure = tree.flatten(wrt)
    given = tree.require_structure(tangent, structure, "jvp: tangent")
    require_differentiable(nodes)
    seeds = {node: seed_like(value, node, "the tangent of {}") for node, value in zip(nodes, given, strict=True)}
    outputs, result = tree.flatten(expression)
    found = forward_tangents(outputs, seeds)
    return tree.unflatten(result, [or_zero(t, o) for o, t in zip(outputs, found, strict=True)])


def default_targets(*expressions: Expr) -> dict[str, Expr]:
    """Return what derivatives are taken for unless told: of each its parameters, else every float symbol, by name."""
    found: dict[str, Expr] = {}
    for each in expressions:
        nodes = parameters(each) or [node for node in free_symbols(each) if node.is_differentiable]
        found.update({symbol_name(node): node for node in nodes})
    return found


def require_scalar(expression: Expr, what: str = "grad") -> None:
    """Refuse what has no gradient: anything but a float scalar.

    Raises:
        ArgumentError: it is no expression.
        ShapeError: it has dimensions.
        DTypeError: its dtype is no float.
    """
    if not isinstance(expression, Expr):
        raise ArgumentError(f"{what}: an expression expected, got {type(expression).__name__}", origin=here())
    if expression.shape:
        raise ShapeError(
            f"{what}: a scalar expected, got shape {format_shape(expression.shape)}",
            remedy="reduce it with .sum() or .mean(), or use gx.vjp with an adjoint of that shape",
            origin=here(),
        )
    if not expression.is_differentiable:
        raise DTypeError(
            f"{what}: the expression has dtype {expression.dtype}, which has no derivative",
            remedy="cast it with .astype(float)",
            origin=here(),
        )


def _gradients(seeds: dict[Expr, Expr], wrt: Sequence[Expr], unused: str) -> list[Expr]:
    """Return the adjoint of each node of ``wrt``, zeros where there is none."""
    if unused not in UNUSED:
        raise ArgumentError(f"unused: one of {', '.join(UNUSED)} expected, got {unused!r}", origin=here())
    require_differentiable(wrt)
    table = adjoints(seeds, wrt)
    for node in wrt:
        if node not in table and unused != "zero":
            message = f"grad: the expression does not depend on {_name(node)} through a differentiable path"
            if unused == "error":
                raise NotDifferentiable(message, remedy='pass unused="zero" for a zero gradient', origin=here())
            warnings.warn_explicit(message, UserWarning, *locate(current_origin()))
    return [or_zero(table.get(node), node) for node in wrt]


def require_differentiable(wrt: Sequence[Any], what: str = "wrt") -> None:
    """Refuse anything but float expressions.

    Raises:
        ArgumentError: one is no expression.
        DTypeError: one has no float dtype.
    """
    for node in wrt:
        if not isinstance(node, Expr):
            raise ArgumentError(
                f"{what}: expressions expected, got {type(node).__name__} {node!r}",
                remedy="pass the expression itself, neither its name nor a value",
                origin=here(),
            )
        if not node.is_differentiable:
            raise DTypeError(
                f"{what}: {_name(node)} has dtype {node.dtype}, which has no derivative",
                remedy="declare it with a float dtype, cast it with .astype(float), or leave it out",
                origin=here(),
            )


def seed_like(value: Any, node: Expr, what: str) -> Expr:
    """Return an adjoint or tangent as an expression of the node's dtype, its shape checked.

    Raises:
        ShapeError: it has another; ``what`` is what the message calls it, {} standing for the node's name.
    """
    seed = as_expr(value)
    if seed.shape != node.shape:
        raise ShapeError(
            f"{what.format(_name(node))} has shape {format_shape(seed.shape)}, expected {format_shape(node.shape)}",
            remedy="give it the shape of what it belongs to; sum adjoints over axes that were broadcast",
            origin=here(),
        )
    return apply("astype", seed, node.dtype)


def _name(node: Expr) -> str:
    """Return a symbol's name, or what and where another node is."""
    if node.op is BOUND:
        return "an argument"
    return symbol_name(node) if is_symbol(node) else f"the {node.op.name} of {describe_origin(node.origin)}"
