"""Threads: which outermost loops may run in chunks, each chunk on any thread.

A loop may if an iteration leaves nothing to others but what it folds into numbers and totals: each chunk
folds into its own, and these are folded in order. Whether it does is decided at each call, by its work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from graphc.graph.dimensions import Dimension, Size, evaluate, is_open, product
from graphc.kernel.accesses import Accesses
from graphc.kernel.affine import as_sum
from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Chunks,
    Fold,
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
from graphc.kernel.walk import statement_values, values_in, walk_statements
from graphc.kernel.work import PART_BITS, SINGLE, WORTHWHILE, work_of

BLAS = ("gemm", "gemv", "syrk")
COUNTED = (Let, Assign, Fold, Store, Accumulate, Loop, Library)
"""What loops in chunks hold: nothing that stops them or makes arrays longer."""
FOLDS = ("add", "multiply", "logical_or", "logical_and", "maximum", "minimum")
"""What can be folded in parts."""
FEW = 4096
"""Chunks that add at places read from memory have sums of their own if these are so many elements at most."""


def run_in_chunks(kernel: Kernel) -> Kernel:
    """Return the kernel with every outermost loop marked that may run in chunks and may be worth while."""
    if not any(isinstance(statement, Loop) for statement in kernel.body):
        return kernel
    found = [(statement, Accesses(statement), names_needed(statement)) for statement in kernel.body]
    touched = Counter(buffer for _, accesses, _ in found for buffer in accesses.buffers)
    needed = Counter(name for _, _, names in found for name in names)
    needed.update(_names_read([Let("", result) for result in kernel.results if not isinstance(result, str)]))
    return kernel.with_body(
        tuple(
            _marked(kernel, statement, accesses, touched, needed) if isinstance(statement, Loop) else statement
            for statement, accesses, _ in found
        )
    )


def for_sizes(kernel: Kernel, sizes: Mapping[str, int]) -> Kernel:
    """Return the kernel itself if a loop or product has work for threads at these sizes, else one without threads.

    That one is compiled in a fraction of the time, and does the same.
    """
    loops = [s.chunks.work * s.extent for s in kernel.body if isinstance(s, Loop) and s.chunks is not None]
    works = [work for statement in kernel.body for work in _calls(kernel, statement)]
    if any(_reaches(work, WORTHWHILE, sizes) for work in loops) or any(_reaches(w, SINGLE, sizes) for w in works):
        return kernel
    body = tuple(replace(s, chunks=None) if isinstance(s, Loop) else s for s in kernel.body)
    return replace(kernel, body=body, threads=False)


def _reaches(work: Size, enough: int, sizes: Mapping[str, int]) -> bool:
    """Tell whether work is enough, or of a size that only running tells."""
    return is_open(work) or evaluate(work, sizes) >= enough


def is_threaded(kernel: Kernel) -> bool:
    """Tell whether loops or products may use threads: then the native function takes their number, last."""
    return bool(products(kernel)) or any(isinstance(s, Loop) and s.chunks is not None for s in kernel.body)


def products(kernel: Kernel) -> list[Statement]:
    """Return the statements of the body with library calls, if one may have enough work for several threads."""
    found = [(statement, list(_calls(kernel, statement))) for statement in kernel.body if kernel.threads]
    if not any(isinstance(work, Dimension) or work >= SINGLE for _, works in found for work in works):
        return []
    return [statement for statement, works in found if works]


def is_cut(kernel: Kernel, call: Library) -> bool:
    """Tell whether a product may have enough work for parts on several threads."""
    work = work_of(kernel, (call,))
    return kernel.threads and call.call == "gemm" and (isinstance(work, Dimension) or work >= 2 << PART_BITS)


def _calls(kernel: Kernel, statement: Statement) -> Iterator[Size]:
    """Yield the work of the calls of BLAS in a statement: what knows no blocks of rows."""
    for inner in walk_statements((statement,)):
        if isinstance(inner, Library) and inner.call in BLAS:
            yield work_of(kernel, (inner,))


def _marked(kernel: Kernel, loop: Loop, accesses: Accesses, touched: Counter[str], needed: Counter[str]) -> Loop:
    """Return an outermost loop, marked if it may run in chunks and may be worth while.

    Args:
        touched: how many statements of the kernel's body touch each buffer.
        needed: by how many of them, or as a result, each name bound elsewhere is needed.
    """
    work = work_of(kernel, loop.body)
    total = work * loop.extent
    if loop.ordered or not accesses.reads or (isinstance(total, int) and total < WORTHWHILE):
        return loop
    folds = _outer_folds(loop)
    if folds is None or accesses.writes_under_two_names(kernel) or any(needed[name] for name in _bound(loop)):
        return loop
    totals: list[tuple[str, str]] = []
    private: list[str] = []
    for buffer in accesses.writes:
        fold = accesses.fold(buffer)
        alone = touched[buffer] == 1 and kernel.buffers[buffer].role == "workspace"
        if _is_owned(buffer, accesses, loop):
            continue
        if fold in FOLDS and (_is_few(kernel, buffer) or not _is_looked_up(buffer, accesses, loop)):
            totals.append((buffer, str(fold)))
        elif alone and _is_private(buffer, loop):
            private.append(buffer)
        else:
            return loop
    return replace(loop, chunks=Chunks(work, tuple(folds), tuple(totals), tuple(private)))


def _outer_folds(loop: Loop) -> list[Fold] | None:
    """Return a fold for each number that the loop folds into; None where a number goes from iteration to iteration."""
    bound, found = _bound(loop), dict[str, Fold]()
    for statement in walk_statements(loop.body):
        if not isinstance(statement, COUNTED):
            return None
        if isinstance(statement, Assign) and statement.name not in bound:
            return None
        if isinstance(statement, Fold) and statement.name not in bound:
            first = found.setdefault(statement.name, statement)
            if statement.op not in FOLDS or statement.op != first.op:
                return None
    return None if found.keys() & _names_read(walk_statements(loop.body)) else list(found.values())


def _names_read(statements: Iterable[Statement]) -> set[str]:
    """Return the names that values of statements read."""
    roots = (root for statement in statements for root in statement_values(statement))
    return {value.name for root in roots for value in values_in(root) if isinstance(value, Name)}


def _bound(loop: Loop) -> set[str]:
    """Return the names bound inside a loop."""
    return {statement.name for statement in walk_statements(loop.body) if isinstance(statement, Let)}


def names_needed(statement: Statement) -> set[str]:
    """Return the names a statement of a kernel's body reads that are not its own."""
    own = _bound(statement) if isinstance(statement, Loop) else set()
    return _names_read(walk_statements((statement,))) - own


def _is_owned(buffer: str, accesses: Accesses, loop: Loop) -> bool:
    """Tell whether each iteration touches a part of the buffer that no other does."""
    indices = accesses.of(buffer)
    rank = min(0 if index is None else len(index) for index in indices)
    return any(_tells_iterations_apart([index[axis] for index in indices if index], loop) for axis in range(rank))


def _tells_iterations_apart(values: list[Value], loop: Loop) -> bool:
    """Tell whether what an axis is indexed by is the same everywhere and differs from iteration to iteration."""
    if loop.step > 1:
        rows = {s.index for s in walk_statements(loop.body) if isinstance(s, Loop) and s.within == loop.index}
        return all(isinstance(value, Name) and value.name in rows | {loop.index} for value in values)
    found = as_sum(values[0], loop.index)
    return found is not None and found[0] != 0 and all(value == values[0] for value in values)


def _is_looked_up(buffer: str, accesses: Accesses, loop: Loop) -> bool:
    """Tell whether places in a buffer are read from memory or computed, not told by the indices of loops."""
    bound = _bound(loop)
    values = (value for index in accesses.writes[buffer] for place in index or () for value in values_in(place))
    return any(isinstance(value, Load) or (isinstance(value, Name) and value.name in bound) for value in values)


def _is_few(kernel: Kernel, buffer: str) -> bool:
    """Tell whether a buffer has so few elements that each chunk can have its own."""
    elements = product(kernel.buffers[buffer].shape)
    return isinstance(elements, int) and elements <= FEW


def _is_private(buffer: str, loop: Loop) -> bool:
    """Tell whether each iteration writes a buffer before it reads it."""
    accesses = next(each for each in map(Accesses, loop.body) if buffer in each.buffers)
    return buffer not in accesses.reads and buffer not in accesses.folds
