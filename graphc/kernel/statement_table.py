"""A kernel's scalar statements as a table: the form of each as a number, its operands as positions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphc.kernel.ir import Assign, Call, Const, Extent, Fold, Kernel, Let, Load, Name, Statement, Value
from graphc.kernel.repeats import Numbers
from graphc.kernel.walk import walk_statements

Leaf = Name | Const | Extent | Load


class StatementTable:
    """What each statement of a kernel's body looks like.

    Attributes:
        forms: a number for each statement; equal for those that differ in names, numbers and indices alone.
        leaves: the names, numbers and elements each statement reads, from left to right.
        positions: for each name bound once where in the body it is.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.body = kernel.body
        changed = {s.name for s in walk_statements(kernel.body) if isinstance(s, (Assign, Fold))}
        self.leaves: list[tuple[Leaf, ...]] = []
        self.positions: dict[str, int] = {}
        known: dict[object, int] = {}
        forms = []
        for position, statement in enumerate(kernel.body):
            form: object = None
            leaves: tuple[Leaf, ...] = ()
            if isinstance(statement, Let) and statement.name not in changed:
                form, leaves = _form(statement.value, changed)
                self.positions[statement.name] = position
            self.leaves.append(leaves)
            forms.append(known.setdefault(form if form is not None else (position,), len(known)))
        self.forms: Numbers = np.array(forms, np.int64)
        self.outer: dict[str, int] = {}

    def sources(self, leaves: list[Leaf]) -> Numbers:
        """Return for names the positions they are bound at; names from elsewhere as negative numbers."""
        found = []
        for leaf in leaves:
            assert isinstance(leaf, Name)
            position = self.positions.get(leaf.name)
            found.append(-1 - self.outer.setdefault(leaf.name, len(self.outer)) if position is None else position)
        return np.array(found, np.int64)

    def let(self, position: int) -> Let:
        """Return the statement at a position, one that binds a name."""
        statement: Statement = self.body[position]
        assert isinstance(statement, Let)
        return statement


def _form(root: Value, changed: set[str]) -> tuple[object, tuple[Leaf, ...]]:
    """Return what a value looks like without names, numbers and indices, and what it reads; no form if it cannot."""
    if isinstance(root, Call):
        values: Iterator[Value] = iter(root.arguments) if _is_flat(root) else _preorder(root)
        head: tuple[object, ...] = (root.op, root.dtype, root.attributes)
    else:
        values, head = iter((root,)), ()
    parts: list[object] = [head]
    leaves: list[Leaf] = []
    for value in values:
        if isinstance(value, Name):
            if value.name in changed:
                return None, ()
            parts.append(value.dtype)
        elif isinstance(value, Const):
            parts.append((value.dtype,))
        elif isinstance(value, Load):
            if not all(isinstance(index, Const) for index in value.index):
                return None, ()
            parts.append((value.buffer, len(value.index)))
        elif isinstance(value, Call):
            parts.append((value.op, value.dtype, value.attributes, len(value.arguments)))
            continue
        else:
            return None, ()
        leaves.append(value)
    return tuple(parts), tuple(leaves)


def _is_flat(call: Call) -> bool:
    return not any(isinstance(argument, Call) for argument in call.arguments)


def _preorder(root: Call) -> Iterator[Value]:
    """Yield what is inside a call, calls before their arguments; not the indices of elements."""
    stack: list[Value] = list(reversed(root.arguments))
    while stack:
        value = stack.pop()
        yield value
        if isinstance(value, Call):
            stack.extend(reversed(value.arguments))


def with_leaves(root: Value, leaves: Iterator[Value]) -> Value:
    """Return a value with its leaves replaced, from left to right."""
    if isinstance(root, Call):
        return Call(root.op, tuple([with_leaves(a, leaves) for a in root.arguments]), root.dtype, root.attributes)
    return next(leaves)
