"""Loop fusion: neighbouring nests over the same outer sizes become one, where nothing is read too early."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from graphc.kernel.accesses import part_of
from graphc.kernel.affine import as_sum
from graphc.kernel.ir import (
    Accumulate,
    Allocate,
    Assign,
    Count,
    Fail,
    Fold,
    Grow,
    Kernel,
    Let,
    Library,
    Load,
    Loop,
    Name,
    Statement,
    Stop,
    Store,
    Value,
)
from graphc.kernel.walk import statement_values, values_in, walk_statements

REACH = 64
"""How many statements back a loop is looked for to merge with: keeps the pass linear."""


@dataclass(slots=True)
class Effects:
    """What statements read and write: names, and buffers with the indices used."""

    names_read: set[str] = field(default_factory=set)
    names_written: set[str] = field(default_factory=set)
    names_folded: set[str] = field(default_factory=set)
    reads: dict[str, set[tuple[Value, ...] | None]] = field(default_factory=dict)
    writes: dict[str, set[tuple[Value, ...] | None]] = field(default_factory=dict)
    accumulated: set[str] = field(default_factory=set)
    fixed: bool = False
    """Whether nothing may change places with it: memory or sizes begin here, or a loop may end."""

    @property
    def buffers(self) -> set[str]:
        """The buffers read or written."""
        return self.reads.keys() | self.writes.keys()


def fuse_loops(kernel: Kernel) -> Kernel:
    """Return the kernel with nests merged wherever every value read is already there."""
    return kernel.with_body(fuse_block(kernel.body, kernel.bases))


def effects(statements: tuple[Statement, ...], bases: dict[str, str]) -> Effects:
    """Return what statements and everything inside them read and write; views count as their bases."""
    found = Effects()
    for statement in walk_statements(statements):
        for value in statement_values(statement):
            for inner in values_in(value):
                if isinstance(inner, Name):
                    found.names_read.add(inner.name)
                elif isinstance(inner, Load):
                    _note(found.reads, inner.buffer, inner.index, bases)
        match statement:
            case Let(name=name):
                found.names_written.add(name)
            case Assign(name=name) | Fold(name=name):
                found.names_written.add(name)
                found.names_folded.add(name)
            case Store(buffer=buffer, index=index):
                _note(found.writes, buffer, index, bases)
            case Accumulate(buffer=buffer, index=index):
                _note(found.writes, buffer, index, bases)
                _note(found.reads, buffer, index, bases)
                found.accumulated.add(buffer)
            case Stop() | Fail() | Grow() | Count() | Allocate():
                found.fixed = True
            case Library(results=results, operands=operands):
                for operand in operands:
                    _note(found.reads, operand.buffer, part_of(operand), bases)
                for operand in results:
                    _note(found.writes, operand.buffer, part_of(operand), bases)
            case _:
                continue
    return found


def _note(
    table: dict[str, set[tuple[Value, ...] | None]],
    buffer: str,
    index: tuple[Value, ...] | None,
    bases: dict[str, str],
) -> None:
    """Record an access; one through a view is an access to its base at an unknown index."""
    while buffer in bases:
        buffer, index = bases[buffer], None
    table.setdefault(buffer, set()).add(index)


def fuse_block(statements: tuple[Statement, ...], bases: dict[str, str]) -> tuple[Statement, ...]:
    """Return one block's statements with each loop merged into the last one that can take it."""
    result: list[Statement] = []
    known: list[Effects] = []
    for statement in statements:
        mine = effects((statement,), bases)
        target = _merge_target(statement, mine, result, known) if isinstance(statement, Loop) else None
        if target is None:
            moves = not isinstance(statement, Library) and (not isinstance(statement, Loop) or not mine.reads)
            position = _earliest(mine, result, known) if moves else len(result)
            result.insert(position, statement)
            known.insert(position, mine)
            continue
        first = result[target]
        assert isinstance(first, Loop)
        assert isinstance(statement, Loop)
        result[target] = Loop(first.index, first.extent, (*first.body, *statement.body))
        known[target] = effects((result[target],), bases)
    return tuple(replace(s, body=fuse_block(s.body, bases)) if isinstance(s, Loop) else s for s in result)


def _earliest(mine: Effects, before: list[Statement], known: list[Effects]) -> int:
    """Return how far up, past loops, a statement can go that would keep loops behind and before it apart."""
    position = len(before)
    while position and isinstance(before[position - 1], Loop) and can_swap(known[position - 1], mine):
        position -= 1
    return position


def _merge_target(loop: Loop, mine: Effects, before: list[Statement], known: list[Effects]) -> int | None:
    """Return the position of the last earlier loop that a loop can join, first among those that it reads from."""
    found: int | None = None
    for position in range(len(before) - 1, max(-1, len(before) - 1 - REACH), -1):
        other = before[position]
        same = isinstance(other, Loop) and (other.index, other.extent) == (loop.index, loop.extent)
        if same and can_merge(loop.index, known[position], mine):
            if known[position].writes.keys() & mine.reads.keys():
                return position
            found = position if found is None else found
        if not can_swap(known[position], mine):
            break
    return found


def can_swap(first: Effects, second: Effects) -> bool:
    """Tell whether two statements can change places."""
    if first.fixed or second.fixed:
        return False
    names = first.names_written & (second.names_read | second.names_written) or second.names_written & first.names_read
    buffers = (first.writes.keys() & (second.reads.keys() | second.writes.keys())) or (
        second.writes.keys() & first.reads.keys()
    )
    return not names and not buffers


def can_merge(index: str, first: Effects, second: Effects) -> bool:
    """Tell whether each iteration of the second loop needs only the same iteration of the first."""
    if first.names_folded & second.names_read - {index} or second.names_folded & first.names_read - {index}:
        return False
    if first.writes.keys() & second.writes.keys() or second.writes.keys() & first.reads.keys():
        return False
    for buffer in first.writes.keys() & second.reads.keys():
        if aligned(index, first.writes[buffer], second.reads[buffer]) is None:
            return False
    return True


def aligned(index: str, *accesses: set[tuple[Value, ...] | None]) -> int | None:
    """Return the first axis along which all accesses are at one place that moves with an index, None for none."""
    places: set[tuple[int, Value]] | None = None
    for access in (a for group in accesses for a in group):
        if access is None:
            return None
        here = {(axis, value) for axis, value in enumerate(access) if (as_sum(value, index) or (0, 0))[0]}
        places = here if places is None else places & here
    return min(axis for axis, _ in places) if places else None
