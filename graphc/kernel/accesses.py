"""Accesses: which parts of which buffers statements read, write and accumulate into."""

from __future__ import annotations

from graphc.kernel.calls import adds
from graphc.kernel.ir import Accumulate, Index, Kernel, Library, Load, Name, Operand, Statement, Store
from graphc.kernel.walk import statement_values, values_in, walk_statements


class Accesses:
    """The accesses of statements and of everything inside them.

    Attributes:
        reads, writes: for each buffer the indices; None where all of it, or an unknown part, is meant.
        folds: for each buffer that is accumulated into, by which operations.
    """

    def __init__(self, *statements: Statement) -> None:
        self.reads: dict[str, list[Index | None]] = {}
        self.writes: dict[str, list[Index | None]] = {}
        self.folds: dict[str, list[str]] = {}
        for statement in walk_statements(statements):
            for root in statement_values(statement):
                for value in values_in(root):
                    if isinstance(value, Load):
                        self.reads.setdefault(value.buffer, []).append(value.index)
            self._note(statement)

    def _note(self, statement: Statement) -> None:
        """Note what a statement writes, and what a library reads."""
        match statement:
            case Store(buffer=buffer, index=index):
                self.writes.setdefault(buffer, []).append(index)
            case Accumulate(buffer=buffer, index=index, op=op):
                self.writes.setdefault(buffer, []).append(index)
                self.folds.setdefault(buffer, []).append(op)
            case Library(results=results, operands=operands):
                for operand in operands:
                    self.reads.setdefault(operand.buffer, []).append(part_of(operand))
                for operand in results:
                    self.writes.setdefault(operand.buffer, []).append(part_of(operand))
                    if adds(statement):
                        self.folds.setdefault(operand.buffer, []).append("add")

    @property
    def buffers(self) -> set[str]:
        """The buffers touched."""
        return self.reads.keys() | self.writes.keys()

    def of(self, buffer: str) -> list[Index | None]:
        """Return the index of every access to a buffer."""
        return [*self.reads.get(buffer, ()), *self.writes.get(buffer, ())]

    def fold(self, buffer: str) -> str | None:
        """Return the operation a buffer is accumulated by, None if anything else is done with it too."""
        folds = self.folds.get(buffer, [])
        alone = len(folds) == len(self.writes[buffer]) and buffer not in self.reads
        return folds[0] if alone and len(set(folds)) == 1 else None

    def writes_under_two_names(self, kernel: Kernel) -> bool:
        """Tell whether memory that is written is touched by another name too: that of a view or of its base."""
        names: dict[str, set[str]] = {}
        for name in self.buffers:
            names.setdefault(kernel.memory(name), set()).add(name)
        return any(len(group) > 1 and group & self.writes.keys() for group in names.values())


def touched(kernel: Kernel, *statements: Statement) -> set[str]:
    """Return the buffers that statements touch, and those that views among them look at."""
    names = Accesses(*statements).buffers
    return names | {kernel.memory(name) for name in names}


def part_of(operand: Operand) -> Index | None:
    """Return the index of the part of a buffer that a library is handed; for the rows of a block that of its first."""
    if operand.rows and not operand.local:
        return (Name(operand.rows),)
    return operand.index or None
