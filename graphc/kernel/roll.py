"""Rolling: a group of scalar statements that is repeated many times becomes a loop.

An unrolled recurrence, its reverse pass, or many independent copies of a formula are long stretches of equal
groups of statements. Values used in a later repetition are carried in variables; those that another rolled
group or later statements need are kept in an array, one element for each repetition; numbers that vary
become a constant array. The same operations run in the same order, so the values are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from graphc.graph.types import DType
from graphc.kernel.ir import (
    Assign,
    Buffer,
    Const,
    Fold,
    Kernel,
    Let,
    Load,
    Loop,
    Name,
    Statement,
    Store,
    Value,
    zero_of,
)
from graphc.kernel.regularity import Earlier, Element, Group, Numbered, Operand, Own, Same, regular_group
from graphc.kernel.repeats import find_repeats
from graphc.kernel.statement_table import StatementTable, with_leaves
from graphc.kernel.unroll import open_short
from graphc.kernel.walk import map_value, map_values, statement_values, values_in, walk_statements

FEWEST = 64
"""Groups repeated less often stay as they are."""
MULTIPLES = (1, 2, 3, 4)
"""How many periods a group may hold, where operands follow a rule only every so many."""


def roll(kernel: Kernel) -> Kernel:
    """Return the kernel with groups of statements that are repeated many times as loops."""
    kernel = open_short(kernel)
    if len(kernel.body) < FEWEST:
        return kernel
    table = StatementTable(kernel)
    owner: list[Group | None] = [None] * len(kernel.body)
    groups: list[Group] = []
    for start, period, count in find_repeats(table.forms, FEWEST):
        for multiple in MULTIPLES:
            if count // multiple < FEWEST:
                break
            group = regular_group(table, owner, start, period * multiple, count // multiple, FEWEST)
            if group is not None:
                groups.append(group)
                owner[group.start : group.end] = [group] * (group.end - group.start)
                break
    return _Roller(kernel, table, owner, groups).kernel() if groups else kernel


class _Roller:
    """A kernel being written with loops in the place of groups."""

    def __init__(self, kernel: Kernel, table: StatementTable, owner: list[Group | None], groups: list[Group]) -> None:
        self.old = kernel
        self.table = table
        self.owner = owner
        self.groups = groups
        self.taken = _names_taken(kernel)
        self.counter = len(kernel.body)
        self.buffers = dict(kernel.buffers)
        self.constants = dict(kernel.constants)
        self.arrays: dict[tuple[Group, int], str] = {}
        self.carried = {group: dict(group.delays) for group in groups}
        self.variables: dict[tuple[Group, int, int], str] = {}

    def kernel(self) -> Kernel:
        """Return the kernel with every group as a loop."""
        self._find_uses()
        body: list[Statement] = []
        position = 0
        while position < len(self.old.body):
            group = self.owner[position]
            if group is None:
                body.append(self._elsewhere(self.old.body[position]))
                position += 1
            else:
                body.extend(self._loop(group))
                position = group.end
        results = tuple(r if isinstance(r, str) else map_value(r, self._outside) for r in self.old.results)
        return replace(self.old, body=tuple(body), buffers=self.buffers, constants=self.constants, results=results)

    def _fresh(self, prefix: str) -> str:
        self.counter += 1
        while f"{prefix}{self.counter}" in self.taken:
            self.counter += 1
        return f"{prefix}{self.counter}"

    def _find_uses(self) -> None:
        """Find which values of the groups are needed outside of them, and give those an array or a variable."""
        for group in self.groups:
            for operand in (operand for operands in group.operands for operand in operands):
                if isinstance(operand, Earlier):
                    self._keep(operand.group, operand.slot)
                elif isinstance(operand, Same):
                    self._note_use(operand.leaf)
        rest = [s for s, group in zip(self.old.body, self.owner, strict=True) if group is None]
        for statement in walk_statements(rest):
            for root in statement_values(statement):
                for value in values_in(root):
                    self._note_use(value)
        for result in self.old.results:
            if not isinstance(result, str):
                for value in values_in(result):
                    self._note_use(value)
        for group, slots in self.carried.items():
            for slot, delay in slots.items():
                for number in range(1, delay + 1):
                    self.variables[group, slot, number] = self._fresh("acc")

    def _note_use(self, value: Value) -> None:
        """Note that a value is used outside of the group that computes it, if one does."""
        found = self._made_by(value)
        if found is not None:
            group, slot, back = found
            if back <= max(1, group.delays.get(slot, 0)):
                self.carried[group][slot] = max(back, self.carried[group].get(slot, 0))
            else:
                self._keep(group, slot)

    def _made_by(self, value: Value) -> tuple[Group, int, int] | None:
        """Return the group that computes a name, the statement, and which repetition, counted from the end."""
        position = self.table.positions.get(value.name) if isinstance(value, Name) else None
        group = None if position is None else self.owner[position]
        if group is None or position is None:
            return None
        repetition, slot = divmod(position - group.start, group.period)
        return group, slot, group.count - repetition

    def _keep(self, group: Group, slot: int) -> None:
        """Give the values of a statement of a group an array."""
        if (group, slot) not in self.arrays:
            dtype = self._dtype(group, slot)
            name = self.arrays[group, slot] = self._fresh("w")
            self.buffers[name] = Buffer(name, dtype, (group.count,), "workspace")

    def _dtype(self, group: Group, slot: int) -> DType:
        return self.table.let(group.start + slot).value.dtype

    def _elsewhere(self, statement: Statement) -> Statement:
        """Return a statement outside of the groups with what it reads of them."""
        if isinstance(statement, Loop):
            return replace(statement, body=tuple(self._elsewhere(inner) for inner in statement.body))
        if any(self._made_by(value) for root in statement_values(statement) for value in values_in(root)):
            return map_values(statement, self._outside)
        return statement

    def _outside(self, value: Value) -> Value:
        """Return a value after the loops: a name that a group computes is in a variable or an array."""
        found = self._made_by(value)
        if found is None:
            return value
        group, slot, back = found
        variable = self.variables.get((group, slot, back))
        if variable is not None:
            return Name(variable, value.dtype)
        return Load(self.arrays[group, slot], (Const(group.count - back, "int64"),), value.dtype)

    def _loop(self, group: Group) -> Iterable[Statement]:
        """Yield the statements of a group as a loop, after those that begin its variables."""
        slots = sorted(self.carried[group].items())
        for slot, delay in slots:
            for number in range(1, delay + 1):
                yield Let(self.variables[group, slot, number], self._before(group, slot, number))
        index = Name(self._fresh("k"))
        body: list[Statement] = []
        for slot, operands in enumerate(group.operands):
            first = self.table.let(group.start + slot)
            leaves = iter([self._value(group, operand, index) for operand in operands])
            body.append(replace(first, value=with_leaves(first.value, leaves)))
            if (group, slot) in self.arrays:
                value = Name(first.name, first.value.dtype)
                body.append(Store(self.arrays[group, slot], (index,), value, first.origin))
        for slot, delay in slots:
            for number in range(delay, 0, -1):
                newer = self._carried(group, slot, number - 1)
                body.append(Assign(self.variables[group, slot, number], newer))
        yield Loop(index.name, group.count, tuple(body))

    def _before(self, group: Group, slot: int, number: int) -> Value:
        """Return the value of a statement so many repetitions before the loop; 0 where none needs it."""
        if number <= group.delays.get(slot, 0):
            statement = self.table.let(group.start - number * group.period + slot)
            return self._outside(Name(statement.name, statement.value.dtype))
        return zero_of(self._dtype(group, slot))

    def _carried(self, group: Group, slot: int, delay: int) -> Name:
        """Return the variable of a statement's value so many repetitions ago."""
        if delay:
            return Name(self.variables[group, slot, delay], self._dtype(group, slot))
        return Name(self.table.let(group.start + slot).name, self._dtype(group, slot))

    def _value(self, group: Group, operand: Operand, index: Name) -> Value:
        """Return an operand inside the loop."""
        match operand:
            case Own(slot=slot, delay=delay):
                return self._carried(group, slot, delay)
            case Same(leaf=leaf):
                return self._outside(leaf)
            case Earlier(group=other, slot=slot, offset=offset, step=step):
                return Load(self.arrays[other, slot], (_line(offset, step, index),), self._dtype(other, slot))
            case Element(buffer=buffer, index=lines, dtype=dtype):
                return Load(buffer, tuple(_line(offset, step, index) for offset, step in lines), dtype)
            case Numbered(values=values, dtype=dtype):
                name = self._fresh("c")
                self.buffers[name] = Buffer(name, dtype, (group.count,), "constant")
                self.constants[name] = np.array(values, dtype)
                return Load(name, (index,), dtype)


def _line(offset: int, step: int, index: Name) -> Value:
    """Return ``offset + step * index``."""
    if step == 0:
        return Const(offset, "int64")
    if step < 0:
        return Const(offset, "int64") - (index if step == -1 else index * -step)
    return index * step + offset


def _names_taken(kernel: Kernel) -> set[str]:
    """Return the names of everything in a kernel that has one."""
    names = {*kernel.buffers, *(entry.name for entry in kernel.inputs)}
    for statement in walk_statements(kernel.body):
        if isinstance(statement, (Let, Assign, Fold)):
            names.add(statement.name)
        elif isinstance(statement, Loop):
            names.add(statement.index)
    return names
