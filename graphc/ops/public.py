"""How a Python function becomes one of graphc's operations: a name, its aliases, errors with the user's line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from graphc.errors import GraphcError
from graphc.graph.origin import here
from graphc.graph.table import FUNCTIONS

P = ParamSpec("P")
R = TypeVar("R")


def public(*aliases: str, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter a function in the table that operators, NumPy's protocols and `graphc` itself look up.

    Errors that leave it without an origin get the user's line and the operation's name.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        label = name or function.__name__

        @functools.wraps(function)
        def wrapper(*arguments: P.args, **options: P.kwargs) -> R:
            try:
                return function(*arguments, **options)
            except GraphcError as error:
                if error.origin is not None:
                    raise
                message = error.message if error.message.startswith(f"{label}: ") else f"{label}: {error.message}"
                raise type(error)(message, remedy=error.remedy, origin=here()) from None

        wrapper.__name__ = wrapper.__qualname__ = label
        for key in (label, *aliases):
            FUNCTIONS[key] = wrapper
        return wrapper

    return decorate
