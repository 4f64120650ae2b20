"""Walks over the graph, all iterative: a graph may be deeper than Python's stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.graph.leaf import constant, is_symbol, is_trainable, symbol_name
from graphc.graph.node import Expr, Operation, make_node
from graphc.graph.origin import here, inherit_origin, locate
from graphc.graph.table import OPERATIONS
from graphc.graph.types import format_shape


def topological_order(roots: Iterable[Expr]) -> list[Expr]:
    """Return every node the roots reach, arguments before users, in a deterministic order."""
    order: list[Expr] = []
    done: set[Expr] = set()
    stack = list(reversed(list(roots)))
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        height = len(stack)
        for argument in node.args[::-1]:
            if argument not in done:
                stack.append(argument)
        if len(stack) == height:
            stack.pop()
            done.add(node)
            order.append(node)
    return order


def free_symbols(roots: Iterable[Expr] | Expr) -> list[Expr]:
    """Return the symbols the roots (or one expression) depend on, in order of first appearance.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.free_symbols(y * gx.sin(x) + y)
        [y, x]
    """
    roots = [roots] if isinstance(roots, Expr) else roots
    return [node for node in topological_order(roots) if is_symbol(node)]


def parameters(roots: Iterable[Expr] | Expr) -> list[Expr]:
    """Return the trainable symbols the roots (or one expression) depend on, in order of first appearance.

    Example:
        >>> import graphc as gx
        >>> gx.parameters(gx.symbol("x") * gx.parameter("w"))
        [w]
    """
    roots = [roots] if isinstance(roots, Expr) else roots
    return [node for node in topological_order(roots) if is_trainable(node)]


def reaching(order: Iterable[Expr], targets: Iterable[Expr]) -> set[Expr]:
    """Return the nodes of a topological order that depend on a target, targets included."""
    found = set(targets)
    for node in order:
        if any(argument in found for argument in node.args):
            found.add(node)
    return found


def first_reached(roots: Iterable[Expr], stops: Callable[[Expr], bool]) -> list[Expr]:
    """Return the first nodes on the ways down from the roots that a walk stops at, in order of first appearance."""
    found: list[Expr] = []
    seen: set[Expr] = set()
    stack = list(reversed(list(roots)))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if stops(node):
            found.append(node)
        else:
            stack.extend(reversed(node.args))
    return found


def rebuild(roots: Iterable[Expr], replace: Callable[[Expr, tuple[Expr, ...]], Expr]) -> dict[Expr, Expr]:
    """Return what each node becomes when ``replace(node, new arguments)`` is applied bottom-up."""
    became: dict[Expr, Expr] = {}
    for node in topological_order(roots):
        became[node] = replace(node, tuple(became[argument] for argument in node.args))
    return became


def with_arguments(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return the node's operation on other arguments of the same dtypes and shapes."""
    if args == node.args:
        return node
    with inherit_origin(node.origin):
        return make_node(node.op, args, node.attributes, node.dtype, node.shape)


@overload
def substitute(roots: Expr, replacements: Mapping[Expr, Any]) -> Expr: ...  # type: ignore[overload-overlap]


@overload
def substitute(roots: Iterable[Expr], replacements: Mapping[Expr, Any]) -> list[Expr]: ...


def substitute(roots: Iterable[Expr] | Expr, replacements: Mapping[Expr, Any]) -> list[Expr] | Expr:
    """Return the roots with nodes replaced by others of the same dtype and shape.

    Args:
        roots: expressions, for a list of them; or one expression, for one.
        replacements: node -> what replaces it: an expression, or a number or array as a constant.

    Raises:
        ShapeError, DTypeError: a replacement has another shape or dtype than its node.
        ArgumentError: what should be replaced is no expression.

    Example:
        >>> import graphc as gx
        >>> x, y = gx.symbols("x y")
        >>> gx.substitute(x * y, {x: y + 1})
        (y + 1)*y
    """
    given = [roots] if isinstance(roots, Expr) else list(roots)
    fitting = {node: _fitting(node, value) for node, value in replacements.items()}
    became = rebuild(given, lambda node, args: fitting[node] if node in fitting else with_arguments(node, args))
    return became[roots] if isinstance(roots, Expr) else [became[root] for root in given]


def _fitting(node: Expr, value: Any) -> Expr:
    """Return what replaces a node, as an expression.

    Raises:
        ShapeError, DTypeError, ArgumentError: it cannot.
    """
    if not isinstance(node, Expr):
        raise ArgumentError(f"substitute: an expression to replace expected, got {node!r}", origin=here())
    new = value if isinstance(value, Expr) else constant(value, node.dtype)
    if new.shape != node.shape:
        message = f"substitute: {_brief(node)} of shape {format_shape(node.shape)} cannot become {_brief(new)}"
        raise ShapeError(
            f"{message} of shape {format_shape(new.shape)}", remedy="broadcast or reshape it", origin=here()
        )
    if new.dtype != node.dtype:
        message = f"substitute: {_brief(node)} of dtype {node.dtype} cannot become {_brief(new)} of dtype {new.dtype}"
        raise DTypeError(message, remedy=f'use .astype("{node.dtype}")', origin=here())
    return new


def _brief(node: Expr) -> str:
    """Return a node as an error names it."""
    return symbol_name(node) if is_symbol(node) else f"the {node.op.name}"


def flatten_graph(roots: Iterable[Expr]) -> list[tuple[Any, ...]]:
    """Return the graph as one flat list of records, arguments as positions in it."""
    position: dict[Expr, int] = {}
    located: dict[tuple[int, int], tuple[str, int]] = {}
    records: list[tuple[Any, ...]] = []
    for node in topological_order(roots):
        position[node] = len(records)
        arguments = tuple(position[argument] for argument in node.args)
        where, instruction = node.origin
        line = located.get((id(where), instruction))
        if line is None:
            line = located[id(where), instruction] = locate(node.origin)
        records.append((node.op.name, arguments, node.attributes, node.dtype, node.shape, line))
    return records


def unflatten_graph(records: Iterable[tuple[Any, ...]]) -> list[Expr]:
    """Return the nodes of a flat list of records, interned again."""
    nodes: list[Expr] = []
    for name, positions, attributes, dtype, shape, origin in records:
        operation: Operation = OPERATIONS[name]
        with inherit_origin(origin):
            nodes.append(make_node(operation, tuple(nodes[p] for p in positions), attributes, dtype, shape))
    return nodes


def _load_expression(records: list[tuple[Any, ...]]) -> Expr:
    """Return the last node of a flat list: what `pickle` calls."""
    return unflatten_graph(records)[-1]


def _reduce_expression(node: Expr) -> tuple[Callable[..., Expr], tuple[Any, ...]]:
    return _load_expression, (flatten_graph([node]),)


Expr.__reduce__ = _reduce_expression  # type: ignore[method-assign,assignment]
