"""Work: an estimate of what statements cost, in the time of an addition in a vectorised loop."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.graph.dimensions import Shape, Size, product
from graphc.graph.table import OPERATIONS
from graphc.kernel.calls import LAPACK, is_product
from graphc.kernel.ir import Accumulate, Call, Kernel, Library, Load, Loop, Operand, Statement, Store, Value
from graphc.kernel.walk import statement_values, values_in
from graphc.ops.scalar_row import ScalarOperation

MEMORY = 2
"""The work of reading or writing an element."""
CHUNK = 50_000
"""The least work of a chunk."""
WORTHWHILE = 4 * CHUNK
"""Loops with less work than this run on one thread: measured by `benchmarks/threads.py`."""
SORTED = 16
"""The work of sorting an element, or of searching it, whatever the length of the line."""

PART_BITS = 20
"""A part of a product has at least two to the power of this multiplications: some 30 microseconds."""
SINGLE = 9216
"""Products of fewer multiplications are computed by one thread in OpenBLAS whatever it is told."""


def work_of(kernel: Kernel, body: Iterable[Statement]) -> Size:
    """Return the work of statements and of what is inside them, of blocks for one row."""
    total: Size = 0
    for statement in body:
        if isinstance(statement, Loop):
            times = 1 if statement.within else statement.extent
            total = total + work_of(kernel, statement.body) * times
            continue
        total = total + sum(_of_value(value) for root in statement_values(statement) for value in values_in(root))
        if isinstance(statement, Library):
            total = total + (_of_product if is_product(statement) else _of_factors)(kernel, statement)
        elif isinstance(statement, (Store, Accumulate)):
            total = total + MEMORY
    return total


def _of_value(value: Value) -> int:
    """Return the work of a value without what is inside it; indices cost nothing."""
    if isinstance(value, Load):
        return MEMORY
    if isinstance(value, Call) and value.dtype != "int64":
        row = OPERATIONS[value.op]
        assert isinstance(row, ScalarOperation)
        return row.cost
    return 0


def _of_product(kernel: Kernel, call: Library) -> Size:
    """Return the work of a matrix product: a multiplication and addition take as long as an addition in a loop."""
    left = _shape(kernel, call.operands[0])
    inner = left[0] if call.flags[0] else left[-1]
    return product(_shape(kernel, call.results[0])) * inner


def _of_factors(kernel: Kernel, call: Library) -> Size:
    """Return the work of one of LAPACK's routines: the cube of a size, to its order; of others that of sorting."""
    shapes = [_shape(kernel, operand) for operand in (*call.results, *call.operands)]
    if not call.call.startswith(LAPACK):
        return sum((product(shape) for shape in shapes), start=0) * SORTED
    rows, columns = next(shape for shape in shapes if len(shape) == 2)
    return rows * columns * columns


def _shape(kernel: Kernel, operand: Operand) -> Shape:
    """Return the shape of what a library is handed; of a block one row."""
    shape = kernel.buffers[operand.buffer].shape
    return (1, *shape[1:]) if operand.rows else shape[len(operand.index) :]
