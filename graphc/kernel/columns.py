"""Columns: loops over items run block by block, on columns that their elements are copied to and from.

An item's few numbers lie side by side, or anywhere where indices are values; vectors hold the same number of
many items. What an item computes must be worth the copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.graph.origin import Origin
from graphc.graph.table import OPERATIONS
from graphc.kernel.blocks import ROWS, WORTHWHILE
from graphc.kernel.ends import moved_names
from graphc.kernel.ir import Buffer, Call, Fold, Kernel, Let, Load, Loop, Name, Statement, Store, Value, as_value
from graphc.kernel.walk import children, map_values, statement_values, values_in
from graphc.ops.scalar_row import ScalarOperation

GAIN = 5
"""An item's work is worth copies of its elements where it is so many times the number of these."""
DISTANCE = ROWS + 8
"""From a column to the next: not a power of two, or all would compete for the same lines of a cache."""


def in_columns(kernel: Kernel) -> Kernel:
    """Return the kernel with the outermost loops that compute much of items on columns of these."""
    names = [f"b{number}" for number in range(len(kernel.body))]
    for number, statement in enumerate(kernel.body):
        if isinstance(statement, Loop) and _is_plain(statement):
            kernel = _Columns(kernel, statement, names[number]).kernel(number)
    return kernel


def _is_plain(loop: Loop) -> bool:
    """Tell whether a loop is long, its iterations straight-line code in any order."""
    short = isinstance(loop.extent, int) and loop.extent < WORTHWHILE
    named = isinstance(loop.extent, int) or all(isinstance(f, str) for factors, _ in loop.extent.terms for f in factors)
    plain = loop.step == 1 and not loop.ordered and not short and named
    return plain and all(isinstance(statement, (Let, Fold, Store)) for statement in loop.body)


class _Columns:
    """A loop, and what it reads and writes at places that are not side by side for neighbouring items.

    Attributes:
        origins: the loads to be made from columns, with the origins of the statements that they are in.
        stores: the stores to be made to columns.
    """

    def __init__(self, kernel: Kernel, loop: Loop, block: str) -> None:
        self.given = kernel
        self.loop = loop
        self.block = block
        self.bound = {statement.name for statement in loop.body if isinstance(statement, Let)}
        written = {kernel.memory(statement.buffer) for statement in loop.body if isinstance(statement, Store)}
        self.origins: dict[Load, Origin | None] = {}
        for statement in loop.body:
            assert isinstance(statement, (Let, Fold, Store))
            for load in (load for root in statement_values(statement) for load in _eager_loads(root)):
                if kernel.memory(load.buffer) not in written and self._is_scattered(load.index):
                    self.origins.setdefault(load, statement.origin)
        self.stores = [s for s in loop.body if isinstance(s, Store) and self._is_scattered(s.index)]

    def _is_scattered(self, index: tuple[Value, ...]) -> bool:
        """Tell whether neighbouring items have what is at an index in places that are not side by side."""
        names = [_names_in(value) for value in index]
        moving = {self.loop.index, *self.bound}
        return any(moving & each for each in names[:-1]) or any(self.bound & each for each in names[-1:])

    def kernel(self, number: int) -> Kernel:
        """Return the kernel with its statement of a number, this loop, on columns if they gain."""
        copies = len(self.origins) + len(self.stores)
        if not copies or not self._may_wait() or _arithmetic(self.loop.body) < GAIN * copies:
            return self.given
        buffers = dict(self.given.buffers)
        dtypes = [load.dtype for load in self.origins] + [buffers[store.buffer].dtype for store in self.stores]
        columns = self._columns(buffers, dtypes)
        loads, stores = columns[: len(self.origins)], columns[len(self.origins) :]
        loops = (self._read(loads), self._compute(loads, stores), self._write(stores))
        blocks = Loop(self.block, self.loop.extent, tuple(loop for loop in loops if loop.body), step=ROWS)
        body = self.given.body
        return replace(self.given, body=(*body[:number], blocks, *body[number + 1 :]), buffers=buffers)

    def _may_wait(self) -> bool:
        """Tell whether nothing in the loop sees that reads come earlier, and writes later."""
        memory = self.given.memory
        others = [statement for statement in self.loop.body if statement not in self.stores]
        roots = [root for statement in self.loop.body for root in statement_values(statement)]
        touched = {memory(value.buffer) for root in roots for value in values_in(root) if isinstance(value, Load)}
        touched |= {memory(statement.buffer) for statement in others if isinstance(statement, Store)}
        changing = {statement.name for statement in others if isinstance(statement, Fold)}
        places = [value for store in self.stores for value in store.index]
        return (
            touched.isdisjoint(memory(store.buffer) for store in self.stores)
            and changing.isdisjoint(self._needed()[0])
            and self.bound.isdisjoint(name for value in places for name in _names_in(value))
        )

    def _needed(self) -> tuple[set[str], list[Statement]]:
        """Return the names that places of loads are computed from, and the statements that do it."""
        needed = set[str]().union(*(_names_in(load) for load in self.origins))
        found: list[Statement] = []
        for statement in reversed(self.loop.body):
            if isinstance(statement, Let) and statement.name in needed:
                needed |= _names_in(statement.value)
                found.insert(0, statement)
        return needed, found

    def _columns(self, buffers: dict[str, Buffer], dtypes: list[str]) -> list[Load]:
        """Return a place for each element of an item, in workspaces entered among the buffers.

        They have one axis: LLVM knows how far columns are from each other.
        """
        row = Name(self.loop.index) - Name(self.block)
        counts: dict[str, int] = {}
        places: list[tuple[str, int]] = []
        for dtype in dtypes:
            places.append((dtype, counts.get(dtype, 0)))
            counts[dtype] = places[-1][1] + 1
        names: dict[str, str] = {}
        for dtype, count in counts.items():
            name = names[dtype] = next(each for n in range(len(buffers) + 1) if (each := f"columns{n}") not in buffers)
            buffers[name] = Buffer(name, dtype, (count * DISTANCE,), "workspace")
        return [Load(names[dtype], (as_value(row + number * DISTANCE),), dtype) for dtype, number in places]

    def _within(self, body: list[Statement]) -> Loop:
        return replace(self.loop, body=tuple(body), within=self.block)

    def _read(self, columns: list[Load]) -> Loop:
        """Return the loop that copies elements to columns, with what their places are computed from."""
        needed, before = self._needed()
        found = zip(columns, self.origins.items(), strict=True)
        copies = [Store(column.buffer, column.index, load, origin) for column, (load, origin) in found]
        names = {name: f"{name}_{self.block}" for name in needed & self.bound}
        return self._within(list(moved_names((*before, *copies), names)))

    def _compute(self, loads: list[Load], stores: list[Load]) -> Loop:
        """Return the loop on columns."""
        column = dict(zip(self.origins, loads, strict=True))
        result = iter(stores)

        def fix(value: Value) -> Value:
            return column.get(value, value) if isinstance(value, Load) else value

        body: list[Statement] = []
        for statement in self.loop.body:
            new = map_values(statement, fix)
            if isinstance(new, Store) and statement in self.stores:
                place = next(result)
                new = replace(new, buffer=place.buffer, index=place.index)
            body.append(new)
        return self._within(body)

    def _write(self, columns: list[Load]) -> Loop:
        """Return the loop that copies columns to where results belong."""
        return self._within([replace(s, value=column) for s, column in zip(self.stores, columns, strict=True)])


def _names_in(value: Value) -> set[str]:
    return {inner.name for inner in values_in(value) if isinstance(inner, Name)}


def _arithmetic(body: tuple[Statement, ...]) -> int:
    """Return the work of an iteration besides what reads and writes memory."""
    roots = [root for statement in body for root in statement_values(statement)]
    calls = [value for root in roots for value in values_in(root) if isinstance(value, Call) and value.dtype != "int64"]
    rows = [OPERATIONS[call.op] for call in calls]
    return sum(row.cost for row in rows if isinstance(row, ScalarOperation))


def _eager_loads(root: Value) -> Iterator[Load]:
    """Yield the loads in a value that happen whatever conditions say."""
    pending = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, Load):
            yield value
        else:
            lazy = getattr(value, "op", "") == "where"
            pending.extend(children(value)[:1] if lazy else children(value))
