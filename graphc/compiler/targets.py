"""What a transformation is of, a Python function or expressions, and which arguments it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.errors import ArgumentError, DTypeError
from graphc.graph import tree
from graphc.graph.node import Expr
from graphc.graph.origin import here

Argnums = int | Sequence[int]


def require_expressions(nodes: Sequence[Any], what: str) -> None:
    """Refuse anything but expressions.

    Raises:
        ArgumentError: one is something else.
    """
    for node in nodes:
        if not isinstance(node, Expr):
            raise ArgumentError(
                f"{what}: expressions expected, got {type(node).__name__} {node!r}",
                remedy="pass the expression itself, neither its name nor a value",
                origin=here(),
            )


def refuse_wrt(wrt: Any, what: str) -> None:
    """Refuse ``wrt`` for a function.

    Raises:
        ArgumentError: it is given.
    """
    if wrt is not None:
        raise ArgumentError(f"{what}: wrt goes with an expression, argnums with a function", origin=here())


def require_sequence(primals: Any, what: str) -> None:
    """Refuse arguments of a function that are not in a sequence.

    Raises:
        ArgumentError: they are not.
    """
    if not isinstance(primals, (tuple, list)):
        raise ArgumentError(
            f"{what}: the tuple of the function's arguments expected, got {type(primals).__name__}",
            remedy="write (x,) for the one argument x",
            origin=here(),
        )


def chosen(arguments: Sequence[Any], argnums: Argnums, what: str) -> Any:
    """Return the argument of one position, or the tuple of those of several.

    Raises:
        ArgumentError: there is no such argument.
        DTypeError: one holds integers or booleans, which have no derivative.
    """
    positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if any(not -len(arguments) <= position < len(arguments) for position in positions):
        raise ArgumentError(
            f"{what}: argnums {argnums} for a function called with {len(arguments)} argument(s)", origin=here()
        )
    found = tuple(arguments[position] for position in positions)
    for leaf in tree.leaves(found):
        if isinstance(leaf, Expr) and not leaf.is_differentiable:
            raise DTypeError(
                f"{what}: an argument to differentiate has dtype {leaf.dtype}, which has no derivative",
                remedy="pass a float, for example 2.0 instead of 2",
                origin=here(),
            )
    return found[0] if isinstance(argnums, int) else found
