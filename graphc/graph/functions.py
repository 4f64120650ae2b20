"""Python functions among arguments: what counts as one, and the error where one is missing."""

from __future__ import annotations

from typing import Any

from graphc.errors import ArgumentError
from graphc.graph.node import Expr
from graphc.graph.origin import here


def is_function(value: Any) -> bool:
    """Tell whether a value is a Python function, not an expression."""
    return callable(value) and not isinstance(value, Expr)


def require_function(value: Any, what: str, remedy: str | None = None) -> None:
    """Refuse anything but a Python function.

    Raises:
        ArgumentError: it is something else.
    """
    if not is_function(value):
        raise ArgumentError(f"{what}: a function expected, got {value!r}", remedy=remedy, origin=here())
