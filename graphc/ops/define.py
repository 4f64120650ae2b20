"""Rows that users add to the table of scalar operations, with every column given."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import ArgumentError
from graphc.graph.node import Expr
from graphc.graph.origin import here
from graphc.graph.table import FUNCTIONS, OPERATIONS
from graphc.ops.scalar_row import ScalarOperation, enter_public, make_operation


def check_new_name(name: str, aliases: Sequence[str] = ()) -> None:
    """Check that names can be given to a new operation.

    Raises:
        ArgumentError: one is no identifier, or is taken.
    """
    for label in (name, *aliases):
        if not isinstance(label, str) or not label.isidentifier() or keyword.iskeyword(label):
            raise ArgumentError(f"an operation's name must be a Python identifier, got {label!r}", origin=here())
        if label in OPERATIONS or label in FUNCTIONS:
            raise ArgumentError(f"there is an operation {label!r} already", remedy="choose another name", origin=here())


def define(
    name: str, definition: str, code: str, reference: str, aliases: Sequence[str] = (), **columns: Any
) -> tuple[ScalarOperation, Callable[[], Callable[..., Expr]]]:
    """Return a new scalar row that is in no table yet, and what enters it and returns its function.

    Args:
        name: a Python identifier no operation has.
        definition: SymPy text in x, y, z.
        code: Python legal in ``njit`` in {x}, {y}, {z}.
        reference: NumPy text in np, special, {x}, {y}, {z}.
        aliases: further names.
        columns: the other columns of `ScalarOperation`.

    Raises:
        ArgumentError: a name is no identifier, or is taken.
    """
    check_new_name(name, aliases)
    operation = make_operation(name, definition, code, reference, **columns)
    return operation, lambda: enter_public(operation, aliases)
