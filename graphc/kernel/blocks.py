"""Strip-mining: statements that share their rows run block by block, so that each row is read from memory once.

``z = A @ w``, element-wise work on ``z``, then ``A.T @ r`` read ``A`` twice; in blocks of 64 rows the second
product finds its rows in cache, and what lives within a block needs memory for 64 rows only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from graphc.graph.dimensions import Size
from graphc.kernel.accesses import Accesses
from graphc.kernel.calls import is_product
from graphc.kernel.ir import (
    Accumulate,
    Buffer,
    Kernel,
    Let,
    Library,
    Load,
    Loop,
    Name,
    Statement,
    Store,
    Value,
    zero_of,
)  # fmt: skip
from graphc.kernel.loops import Effects, effects
from graphc.kernel.nest import fill
from graphc.kernel.walk import map_values

ROWS = 64
"""The rows of a block: with a few hundred columns they fit the first or second level cache."""
WORTHWHILE = 256
"""Sizes known to be below this are not cut into blocks."""
INDEX = "b0"


@dataclass(slots=True)
class Run:
    """Neighbouring statements over the same rows, what comes before and after them, what they touch."""

    extent: Size
    before: list[Statement] = field(default_factory=list)
    members: list[Statement] = field(default_factory=list)
    after: list[Statement] = field(default_factory=list)
    rows: set[str] = field(default_factory=set)
    """Buffers written row by row."""
    totals: set[str] = field(default_factory=set)
    """Buffers and names that are complete only after the last row."""
    whole: set[str] = field(default_factory=set)
    """Buffers read as a whole, or at rows other than the one being worked on."""
    matrices: Counter[str] = field(default_factory=Counter)
    """How often each array of two or more dimensions is read row by row."""


def block_rows(kernel: Kernel) -> Kernel:
    """Return the kernel with runs of matrix-vector products and the loops between them cut into blocks."""
    if any(isinstance(s, Loop) and s.step > 1 for s in kernel.body):
        return kernel
    body: list[Statement] = []
    position = 0
    while position < len(kernel.body):
        run, following = _longest_run(kernel, position, kernel.bases)
        if run is None:
            body.append(kernel.body[position])
            position += 1
            continue
        kernel, statements = _in_blocks(kernel, run)
        return kernel.with_body((*body, *statements, *kernel.body[following:]))
    return kernel


def _longest_run(kernel: Kernel, start: int, bases: dict[str, str]) -> tuple[Run | None, int]:
    """Return the longest run that begins at a statement if it is worth while, and where it ends."""
    extent = _extent(kernel, kernel.body[start])
    if extent is None or (isinstance(extent, int) and extent < WORTHWHILE):
        return None, start
    run, position = Run(extent), start
    while position < len(kernel.body) and _joins(kernel, run, kernel.body[position], bases):
        position += 1
    reads_again = max(run.matrices.values(), default=0) > 1
    vectors = any(isinstance(member, Library) and member.call == "gemv" for member in run.members)
    return (run, position) if reads_again and vectors else (None, start)


def _extent(kernel: Kernel, statement: Statement) -> Size | None:
    """Return the number of rows of a matrix-vector product or loop, None for other statements."""
    if isinstance(statement, Loop):
        return statement.extent
    if isinstance(statement, Library) and is_product(statement) and not statement.operands[0].index:
        return kernel.buffers[statement.operands[0].buffer].shape[0]
    return None


def _joins(kernel: Kernel, run: Run, statement: Statement, bases: dict[str, str]) -> bool:
    """Add a statement to the run, if it can run block by block with those before it."""
    found = effects((statement,), bases)
    if isinstance(statement, Library):
        return not found.names_read & run.totals and _library_joins(kernel, run, statement, bases)
    if not isinstance(statement, (Let, Loop)) or (isinstance(statement, Loop) and statement.ordered):
        return False
    if isinstance(statement, Loop) and statement.extent == run.extent and found.reads:
        return _loop_joins(kernel, run, statement, found)
    written = run.rows | run.totals
    touched = found.reads.keys() & written or found.writes.keys() & (written | run.whole)
    if not touched and not found.names_read & run.totals:
        run.before.append(statement)
        return True
    if isinstance(statement, Let) and not found.reads:
        run.after.append(statement)
        run.totals |= found.names_written
        return True
    return False


def _library_joins(kernel: Kernel, run: Run, call: Library, bases: dict[str, str]) -> bool:
    """Add a product to the run: of each row with a whole operand, or summed over the rows."""
    if not is_product(call):
        return False
    first, second = (operand.buffer for operand in call.operands)
    result = call.results[0].buffer
    if call.operands[0].index or any(name in bases for name in (first, second, result)):
        return False
    size = {name: kernel.buffers[name].shape[0] for name in (first, second, result)}
    summed = call.flags[0]
    by_row = not summed and size[first] == size[result] == run.extent
    by_sum = summed and size[first] == size[second] == run.extent and not (call.call == "gemm" and call.flags[1])
    read_whole = {second} if by_row else set()
    if not (by_row or by_sum) or (read_whole | {first, second}) & run.totals or read_whole & run.rows:
        return False
    begun = by_row and call.flags[-1] and result in run.rows
    if result in run.whole | run.totals or (result in run.rows and not begun):
        return False
    run.whole |= read_whole
    (run.rows if by_row else run.totals).add(result)
    run.matrices.update(name for name in {first, second} - read_whole if _is_matrix(kernel.buffers[name]))
    run.members.append(call)
    return True


def _is_matrix(buffer: Buffer) -> bool:
    """Tell whether an array has rows of more than one element."""
    return any(size != 1 for size in buffer.shape[1:])


def _loop_joins(kernel: Kernel, run: Run, loop: Loop, found: Effects) -> bool:
    """Add a loop to the run if each iteration touches its own row of what the run writes."""
    by_row: set[str] = set()
    others: set[str] = set()
    for buffer in found.reads.keys() | found.writes.keys():
        indices = found.reads.get(buffer, set()) | found.writes.get(buffer, set())
        aligned = all(index is not None and index and index[0] == Name(loop.index) for index in indices)
        (by_row if aligned and kernel.buffers[buffer].shape[0] == run.extent else others).add(buffer)
    written_whole = others & found.writes.keys()
    if written_whole - found.accumulated or by_row & found.accumulated or found.names_read & run.totals:
        return False
    if (by_row | others) & run.totals or others & run.rows or by_row & run.whole & found.writes.keys():
        return False
    run.rows |= by_row & found.writes.keys()
    run.whole |= others - written_whole
    run.totals |= written_whole | found.names_folded
    run.matrices.update(name for name in by_row if _is_matrix(kernel.buffers[name]))
    run.members.append(loop)
    return True


def _in_blocks(kernel: Kernel, run: Run) -> tuple[Kernel, list[Statement]]:
    """Return the kernel with block-sized workspaces, and the statements of a run in blocks."""
    inside, everywhere = Accesses(*run.members), Accesses(*kernel.body)
    local = {
        name
        for name in run.rows
        if kernel.buffers[name].role == "workspace" and len(inside.of(name)) == len(everywhere.of(name))
    }
    buffers = dict(kernel.buffers)
    for name in local:
        buffers[name] = replace(buffers[name], shape=(ROWS, *buffers[name].shape[1:]))
    zeros: list[Statement] = []
    for member in run.members:
        if isinstance(member, Library) and member.results[0].buffer in run.totals and not member.flags[-1]:
            total = kernel.buffers[member.results[0].buffer]
            zeros += fill(total.name, total.shape, zero_of(total.dtype), member.origin)
    body = tuple(_in_block(member, run, local) for member in run.members)
    loop = Loop(INDEX, run.extent, body, step=ROWS)
    return replace(kernel, buffers=buffers), [*run.before, *zeros, loop, *run.after]


def _in_block(member: Statement, run: Run, local: set[str]) -> Statement:
    """Return a statement of the run for the rows of one block."""
    if isinstance(member, Library):
        total = member.results[0].buffer in run.totals
        by_row = [True, total], [not total]
        operands, results = (
            tuple(
                replace(operand, rows=INDEX, local=operand.buffer in local) if rows else operand
                for operand, rows in zip(items, chosen, strict=True)
            )
            for items, chosen in zip((member.operands, member.results), by_row, strict=True)
        )
        flags = (*member.flags[:-1], total or member.flags[-1])
        call = "gemm" if member.call == "syrk" else member.call  # rows of a matrix are another matrix than all of it
        if call == "gemv" and flags[-1] == total:
            call = "add_rows" if total else "dot_rows"
        return replace(member, call=call, operands=operands, results=results, flags=flags)
    assert isinstance(member, Loop)
    row = Name(member.index) - Name(INDEX)
    body = tuple(_with_local_rows(statement, local, row) for statement in member.body)
    return replace(member, body=body, within=INDEX)


def _with_local_rows(statement: Statement, local: set[str], row: Value) -> Statement:
    """Return a statement with block-sized buffers indexed from the block's first row."""

    def fix(value: Value) -> Value:
        if isinstance(value, Load) and value.buffer in local:
            return replace(value, index=(row, *value.index[1:]))
        return value

    statement = map_values(statement, fix)
    if isinstance(statement, Loop):
        return replace(statement, body=tuple(_with_local_rows(inner, local, row) for inner in statement.body))
    if isinstance(statement, (Store, Accumulate)) and statement.buffer in local:
        return replace(statement, index=(row, *statement.index[1:]))
    return statement
