"""Collapsing: two loops that only run through whole arrays in the order of memory become one.

Over an array of shape (n, 3) the inner loop is too short for vectors; over its 3*n elements one loop is not.
Iterations keep their order, so that no dependence between them matters.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.graph.dimensions import Size
from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Buffer,
    Index,
    Kernel,
    Library,
    Load,
    Loop,
    Name,
    Statement,
    Store,
    Value,
)
from graphc.kernel.walk import children, map_values, statement_values


def collapse(kernel: Kernel) -> Kernel:
    """Return the kernel with loops collapsed wherever arrays can be read as if they had an axis less."""
    collapser = _Collapser(dict(kernel.buffers))
    body = collapser.block(kernel.body)
    return replace(kernel, body=body, buffers=collapser.buffers)


class _Collapser:
    """A kernel whose loops are being collapsed: its buffers, and views of them as they are needed."""

    def __init__(self, buffers: dict[str, Buffer]) -> None:
        self.buffers = buffers
        self.views: dict[tuple[str, int], str] = {}

    def block(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """Return a block with its loops collapsed."""
        return tuple(self._loop(statement) if isinstance(statement, Loop) else statement for statement in body)

    def _loop(self, outer: Loop) -> Loop:
        """Return a loop, as one with that inside it where this is all there is in it."""
        outer = replace(outer, body=self.block(outer.body))
        inner = outer.body[0]
        if len(outer.body) > 1 or not isinstance(inner, Loop):
            return outer
        plain = all(loop.step == 1 and not loop.within and not loop.ordered for loop in (outer, inner))
        if not plain or not all(self._in_order(statement, outer, inner) for statement in inner.body):
            return outer
        body = tuple(self._flat(statement, outer, inner) for statement in inner.body)
        return Loop(outer.index, outer.extent * inner.extent, body)

    def _in_order(self, statement: Statement, outer: Loop, inner: Loop) -> bool:
        """Tell whether a statement has the loops' indices only side by side, as a place along two whole axes."""
        if isinstance(statement, (Loop, Library, Assign)):
            return False
        pending = list(statement_values(statement))
        if isinstance(statement, (Store, Accumulate)):
            pending = [statement.value, *self._others(statement.buffer, statement.index, outer, inner)]
        while pending:
            value = pending.pop()
            if value == _number_in_order(outer, inner):
                continue
            if isinstance(value, Name) and value.name in (outer.index, inner.index):
                return False
            if isinstance(value, Load):
                pending.extend(self._others(value.buffer, value.index, outer, inner))
            else:
                pending.extend(children(value))
        return True

    def _others(self, buffer: str, index: Index, outer: Loop, inner: Loop) -> Index:
        """Return an index without the place of the loops along two axes."""
        axis = self._axis(buffer, index, outer, inner)
        return index if axis is None else (*index[:axis], *index[axis + 2 :])

    def _axis(self, buffer: str, index: Index, outer: Loop, inner: Loop) -> int | None:
        """Return the first of the two axes that the loops run along, None if there are none.

        Memory that grows has none: a view of it would look at what it was before.
        """
        if self.buffers[buffer].role == "local":
            return None
        pair, sizes = (Name(outer.index), Name(inner.index)), (outer.extent, inner.extent)
        for axis in range(len(index) - 1):
            if index[axis : axis + 2] == pair and self.buffers[buffer].shape[axis : axis + 2] == sizes:
                return axis
        return None

    def _flat(self, statement: Statement, outer: Loop, inner: Loop) -> Statement:
        """Return a statement of both loops as one of the collapsed loop."""

        def place(buffer: str, index: Index) -> tuple[str, Index]:
            axis = self._axis(buffer, index, outer, inner)
            if axis is None:
                return buffer, index
            return self._view(buffer, axis), (*index[: axis + 1], *index[axis + 2 :])

        number = _number_in_order(outer, inner)

        def fix(value: Value) -> Value:
            if value == number:
                return Name(outer.index)
            if not isinstance(value, Load):
                return value
            buffer, index = place(value.buffer, value.index)
            return replace(value, buffer=buffer, index=index)

        statement = map_values(statement, fix)
        if isinstance(statement, (Store, Accumulate)):
            buffer, index = place(statement.buffer, statement.index)
            return replace(statement, buffer=buffer, index=index)
        return statement

    def _view(self, buffer: str, axis: int) -> str:
        """Return the name of a buffer with two axes as one."""
        if (buffer, axis) not in self.views:
            old = self.buffers[buffer]
            size: Size = old.shape[axis] * old.shape[axis + 1]
            name = next(f"view{n}" for n in range(len(self.buffers), 2**31) if f"view{n}" not in self.buffers)
            shape = (*old.shape[:axis], size, *old.shape[axis + 2 :])
            self.buffers[name] = Buffer(name, old.dtype, shape, "view", old.base or buffer)
            self.views[buffer, axis] = name
        return self.views[buffer, axis]


def _number_in_order(outer: Loop, inner: Loop) -> Value:
    """Return the number of an iteration of two loops, as `positions` of an array say it."""
    return Name(outer.index) * inner.extent + Name(inner.index)
