"""Unrolling: loops of a few iterations inside another become straight-line code, their small arrays names.

A rotation of each of a million points is then nine products in a row, in registers, and the loop over the
points uses vectors. An array that an iteration fills and reads at known places needs no memory at all.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from graphc.graph.table import OPERATIONS
from graphc.kernel.affine import bound_of, settled
from graphc.kernel.ends import Body, moved_names
from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Call,
    Const,
    Kernel,
    Let,
    Library,
    Load,
    Loop,
    Name,
    Statement,
    Store,
    Value,
)
from graphc.kernel.loops import effects
from graphc.kernel.partition import CHEAP
from graphc.kernel.walk import map_value, map_values, statement_values, values_in
from graphc.ops.scalar_row import ScalarOperation

LARGEST = 16
"""Loops of more iterations stay loops."""
FEW = 4
"""Loops of more are better left to LLVM, which has vectors for them, unless arrays or conditions go."""
LONGEST = 256
"""Unrolled, a loop has at most so many statements."""
LONG = 300
"""A kernel of more statements is straight-line code; so are its outer loops of at most `WIDEST` iterations then."""
WIDEST = 8


def open_short(kernel: Kernel) -> Kernel:
    """Return a long kernel without short outer loops: an unrolled recurrence of vectors is scalar statements alone."""
    if len(kernel.body) <= LONG:
        return kernel
    unroller = _Unroller(kernel)
    parts = [
        _copies(statement) if isinstance(statement, Loop) and unroller.opens(statement) else (statement,)
        for statement in kernel.body
    ]
    body = tuple(chain.from_iterable(parts))
    return kernel if body == kernel.body else kernel.with_body(_in_names(body, unroller.workspaces))


def unroll(kernel: Kernel) -> Kernel:
    """Return the kernel with short inner loops unrolled, and what lives in an iteration in names."""
    return kernel.with_body(_Unroller(kernel).block(kernel.body, frozenset()))


class _Unroller:
    """What of a kernel unrolling needs to know: what views look at, and the workspaces without views."""

    def __init__(self, kernel: Kernel) -> None:
        self.bases = kernel.bases
        workspaces = (name for name, buffer in kernel.buffers.items() if buffer.role == "workspace")
        self.workspaces = frozenset(workspaces) - set(self.bases.values())

    def opens(self, loop: Loop) -> bool:
        """Tell whether an outer loop is short enough to be statements."""
        few = isinstance(loop.extent, int) and loop.extent <= WIDEST
        return few and _is_short(loop) and _gains(loop, self.workspaces)

    def block(self, body: Body, outside: frozenset[str], inside: bool = False) -> Body:
        """Return a block with its short loops unrolled, given the buffers accessed outside of it."""
        touched = [effects((statement,), self.bases).buffers for statement in body]
        result: list[Statement] = []
        for number, statement in enumerate(body):
            if not isinstance(statement, Loop):
                result.append(statement)
                continue
            others = outside.union(*touched[:number], *touched[number + 1 :])
            loop = replace(statement, body=self.block(statement.body, others, inside=True))
            if inside and _is_short(loop) and _gains(loop, self.workspaces - others):
                result.extend(_copies(loop))
            else:
                result.append(replace(loop, body=_in_names(loop.body, self.workspaces - others)))
        return tuple(result)


def _is_short(loop: Loop) -> bool:
    """Tell whether a loop has few iterations of straight-line code."""
    few = isinstance(loop.extent, int) and loop.extent <= LARGEST and loop.extent * len(loop.body) <= LONGEST
    plain = loop.step == 1 and not loop.within and not loop.ordered
    return few and plain and not any(isinstance(s, (Loop, Library, Assign)) for s in loop.body)


def _gains(loop: Loop, private: frozenset[str]) -> bool:
    """Tell whether unrolling a loop is worth while: it has few iterations, or small arrays or conditions go.

    With elementary functions it is not: LLVM makes vectors of iterations, but not of their copies.
    """
    roots = [root for statement in loop.body for root in statement_values(statement)]
    values = [value for root in roots for value in values_in(root)]
    calls = [value.op for value in values if isinstance(value, Call)]
    if any(isinstance(row := OPERATIONS[op], ScalarOperation) and row.cost > CHEAP for op in calls):
        return False
    few = isinstance(loop.extent, int) and loop.extent <= FEW
    decided = any(bound_of(value, loop.index) is not None for value in values)
    return few or decided or not private.isdisjoint(effects(loop.body, {}).buffers)


def _copies(loop: Loop) -> Body:
    """Return the iterations of a loop one after the other."""
    assert isinstance(loop.extent, int)
    bound = [statement.name for statement in loop.body if isinstance(statement, Let)]
    result: list[Statement] = []
    for number in range(loop.extent):
        names = {name: f"{name}_{number}" for name in bound}
        here = Const(number, "int64")

        def fix(value: Value, here: Const = here) -> Value:
            return settled(here if value == Name(loop.index) else value)

        result.extend(map_values(statement, fix) for statement in moved_names(loop.body, names))
    return tuple(result)


def _in_names(body: Body, private: frozenset[str]) -> Body:
    """Return a block with names for the elements of private arrays that it fills and reads at known places only."""
    chosen = private - _unsuited(body)
    current: dict[tuple[str, tuple[Value, ...]], Name] = {}
    versions: dict[str, int] = {}

    def fix(value: Value) -> Value:
        return current[value.buffer, value.index] if isinstance(value, Load) and value.buffer in chosen else value

    def nested(statement: Statement) -> Statement:
        if isinstance(statement, Loop):
            return replace(statement, body=tuple(nested(inner) for inner in statement.body))
        return map_values(statement, fix)

    result: list[Statement] = []
    for statement in body:
        if isinstance(statement, (Store, Accumulate)) and statement.buffer in chosen:
            place = (statement.buffer, statement.index)
            value = map_value(statement.value, fix)
            if isinstance(statement, Accumulate):
                value = Call(statement.op, (current[place], value), statement.dtype)
            digits = "_".join(str(i.value) for i in statement.index if isinstance(i, Const))
            name = f"{statement.buffer}_{digits}"
            versions[name] = versions.get(name, -1) + 1
            current[place] = Name(f"{name}_{versions[name]}" if versions[name] else name, value.dtype)
            result.append(Let(current[place].name, value, statement.origin))
        else:
            result.append(nested(statement))
    return tuple(result)


def _unsuited(body: Body) -> set[str]:
    """Return the buffers with an access at an unknown place, inside a loop a write, or a read before any write."""
    found: set[str] = set()
    written: set[tuple[str, tuple[Value, ...]]] = set()
    for statement in body:
        known = effects((statement,), {})
        for table in (known.reads, known.writes):
            for buffer, indices in table.items():
                if any(index is None or not all(isinstance(i, Const) for i in index) for index in indices):
                    found.add(buffer)
        if isinstance(statement, (Loop, Library)):
            found |= known.writes.keys()
        for buffer, indices in known.reads.items():
            found |= {buffer for index in indices if index is not None and (buffer, index) not in written}
        if isinstance(statement, Store):
            written.add((statement.buffer, statement.index))
    return found
