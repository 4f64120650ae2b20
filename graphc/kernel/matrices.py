"""Lowering of matrix rows: a loop over the batches that copies a matrix to where LAPACK works on it, and the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.graph.block import items_of
from graphc.graph.dimensions import Shape, Size, smaller
from graphc.graph.node import Expr
from graphc.graph.types import DType
from graphc.kernel.calls import LAPACK
from graphc.kernel.draft import Draft
from graphc.kernel.ir import Library, Loop, Name, Operand, Statement, Store, Value
from graphc.kernel.read import Part, Reader
from graphc.ops.matrix_row import MatrixOperation

Memory = Sequence["tuple[DType, Shape]"]
BLOCK = 64
"""LAPACK's panels are at most so wide: work space for that many columns lets it use matrix products."""


@dataclass(frozen=True, slots=True)
class Routine:
    """How a row is computed of one matrix, in memory it may overwrite.

    Attributes:
        source: which argument is copied; target: to which of the results, work space counted after them.
        memory: (dtype, rows, columns) -> the work space for one matrix.
    """

    source: int
    target: int
    memory: Callable[[DType, Size, Size], Memory] = lambda dtype, rows, columns: ()


def _qr_memory(dtype: DType, rows: Size, columns: Size) -> Memory:
    rank = smaller(rows, columns)
    return [(dtype, (rows, columns)), (dtype, (rank,)), (dtype, (BLOCK * (rows + columns),))]


def _eigh_memory(dtype: DType, rows: Size, _columns: Size) -> Memory:
    return [(dtype, (1 + BLOCK * rows + 2 * rows * rows,)), ("int32", (3 + 5 * rows,))]


def _svd_memory(dtype: DType, rows: Size, columns: Size) -> Memory:
    """Return the matrix, and what the documentation of gesdd asks for, with panels."""
    rank = smaller(rows, columns)
    work = 4 * rank * rank + 7 * rank + BLOCK * (rows + columns)
    return [(dtype, (rows, columns)), (dtype, (work,)), ("int32", (8 * rank,))]


ROUTINES: dict[str, Routine] = {
    "cholesky": Routine(0, 0),
    "lu": Routine(0, 0),
    "lu_solve": Routine(2, 0),
    "lu_inverse": Routine(0, 0, lambda dtype, rows, columns: [(dtype, (BLOCK * rows,))]),
    "solve_triangular": Routine(1, 0),
    "qr": Routine(0, 2, _qr_memory),
    "eigh": Routine(0, 1, _eigh_memory),
    "svd": Routine(0, 3, _svd_memory),
}
"""By the name of the row; those not here are expanded before."""


def lower_matrices(node: Expr, draft: Draft) -> list[Statement]:
    """Return the statements that compute the results of a matrix row, in a loop for each batch axis."""
    assert isinstance(node.op, MatrixOperation)
    routine = ROUTINES[node.op.name]
    source = node.args[routine.source]
    batch, core = source.shape[:-2], source.shape[-2:]
    index: tuple[Value, ...] = tuple(Name(f"k{axis}") for axis in range(len(batch)))
    reader = Reader(draft.locations)
    given = [_inside(draft.place_of(node.args[position]), index) for position in node.op.kept]
    results = _results(node, draft, index)
    results += [draft.workspace(dtype, shape) for dtype, shape in routine.memory(source.dtype, *core)]
    place = results[routine.target]
    inner = tuple(Name(f"i{axis}") for axis in range(2))
    copy: Statement = Store(place.buffer, (*place.lead, *inner), reader.read(source, (*index, *inner)), node.origin)
    for axis in (1, 0):
        copy = Loop(inner[axis].name, core[axis], (copy,))
    call = Library(
        LAPACK + node.op.name, _operands(results), _operands(given), tuple(v for _, v in node.attributes), node.origin
    )
    body: tuple[Statement, ...] = (copy, call)
    for axis in reversed(range(len(batch))):
        body = (Loop(f"k{axis}", batch[axis], body),)
    return list(body)


def _results(node: Expr, draft: Draft, index: tuple[Value, ...]) -> list[Part]:
    """Return where each result of a matrix goes: one that nobody reads to memory for a single matrix."""
    assert isinstance(node.op, MatrixOperation)
    types = node.op.types(node.args, dict(node.attributes))
    if len(types) == 1:
        draft.allocate(node)
        return [_inside(draft.place_of(node), index)]
    read = items_of(node, draft.plan.order)
    found = []
    for position, (dtype, shape) in enumerate(types):
        if position in read:
            draft.allocate(read[position])
            found.append(_inside(draft.place_of(read[position]), index))
        else:
            found.append(draft.workspace(dtype, shape[len(index) :]))
    return found


def _inside(place: Part, index: tuple[Value, ...]) -> Part:
    """Return the part of an array at the index of a batch."""
    return Part(place.buffer, (*place.lead, *index))


def _operands(places: Sequence[Part]) -> tuple[Operand, ...]:
    return tuple(Operand(place.buffer, place.lead) for place in places)
