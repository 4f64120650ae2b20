"""A kernel in words: its loop nests and what each fuses, its library calls, its memory."""

from __future__ import annotations

from collections import Counter

from graphc.graph.dimensions import product
from graphc.graph.types import format_shape
from graphc.kernel.calls import is_product
from graphc.kernel.ir import ONE, Accumulate, Call, Fold, Kernel, Library, Load, Loop, Statement, Store
from graphc.kernel.walk import statement_values, values_in, walk_statements
from graphc.kernel.work import WORTHWHILE


def nests(kernel: Kernel) -> list[Loop]:
    """Return the kernel's loop nests: its outermost loops that hold no library call."""
    blocks = [s for s in kernel.body if isinstance(s, Loop) and s.step > 1]
    outermost = [*kernel.body, *(inner for block in blocks for inner in block.body)]
    return [s for s in outermost if isinstance(s, Loop) and not _libraries((s,))]


def library_calls(kernel: Kernel) -> list[Library]:
    """Return the kernel's library calls, those in loops over a batch too."""
    return _libraries(kernel.body)


def describe_kernel(kernel: Kernel) -> str:
    """Return one line for each loop nest and library call, in the order they run."""
    lines = []
    scalars = [s for s in kernel.body if not isinstance(s, (Loop, Library))]
    if scalars:
        lines.append(f"straight-line: {_operations(tuple(scalars))}")
    lines.extend(_describe_body(kernel.body, kernel))
    return "\n".join(lines) or "nothing to compute"


def _describe_body(body: tuple[Statement, ...], kernel: Kernel) -> list[str]:
    """Return the lines for the loops and library calls of a block."""
    lines = []
    for statement in body:
        if isinstance(statement, Loop) and statement.step > 1:
            lines.append(f"in blocks of {statement.step} rows over {statement.extent}{_describe_chunks(statement)}:")
            lines.extend("  " + line for line in _describe_body(statement.body, kernel))
            continue
        calls = _libraries((statement,))
        for call in calls:
            lines.append(_describe_library(call) + _describe_chunks(statement))
        if isinstance(statement, Loop) and not calls:
            lines.append(_describe_nest(statement, kernel) + _describe_chunks(statement))
    return lines


def _describe_chunks(statement: Statement) -> str:
    """Return from where on a loop runs in chunks, if it may."""
    if not isinstance(statement, Loop) or statement.chunks is None:
        return ""
    work = statement.chunks.work
    start = f"{-(-WORTHWHILE // work)} iterations" if isinstance(work, int) else f"{WORTHWHILE} / ({work}) iterations"
    return f"; in chunks on threads from {start} on"


def describe_memory(kernel: Kernel) -> str:
    """Return one line for each array the kernel touches."""
    lines = []
    for buffer in kernel.buffers.values():
        of = f" of {buffer.base}" if buffer.role == "view" else ""
        elements = product(buffer.shape)
        lines.append(
            f"{buffer.role}{of} {buffer.name}: {buffer.dtype} {format_shape(buffer.shape)}, {elements} elements"
        )
    return "\n".join(lines) or "no arrays"


def temporaries(kernel: Kernel) -> int:
    """Return the number of workspace arrays."""
    return sum(buffer.role == "workspace" for buffer in kernel.buffers.values())


def _describe_library(call: Library) -> str:
    operands = ", ".join(operand.buffer for operand in call.operands)
    results = ", ".join(operand.buffer for operand in call.results)
    if not is_product(call):
        return f"library {call.call}: {operands + ' ' * bool(operands)}-> {results}"
    *transposed, adds = call.flags
    flags = "".join("T" if flag else "N" for flag in transposed)
    scaled = " x scale" if call.scale != ONE else ""
    return f"library {call.call}[{flags}]: {operands}{scaled} {'+->' if adds else '->'} {results}"


def _describe_nest(loop: Loop, kernel: Kernel) -> str:
    """Return the sizes of a nest, what it computes, reads and writes."""
    extents = list(dict.fromkeys(str(s.extent) for s in walk_statements((loop,)) if isinstance(s, Loop)))
    reads = dict.fromkeys(
        kernel.memory(value.buffer)
        for statement in walk_statements((loop,))
        for root in statement_values(statement)
        for value in values_in(root)
        if isinstance(value, Load)
    )
    stores = (s.buffer for s in walk_statements((loop,)) if isinstance(s, (Store, Accumulate)))
    writes = dict.fromkeys(kernel.memory(buffer) for buffer in stores)
    folds = sum(isinstance(s, (Fold, Accumulate)) for s in walk_statements((loop,)))
    reductions = f", {folds} reduction(s)" * bool(folds)
    return (
        f"loops over {' x '.join(extents)}: fuses {_operations((loop,))}{reductions}; "
        f"reads {', '.join(reads) or 'nothing'}; writes {', '.join(writes) or 'scalars'}"
    )


def _operations(body: tuple[Statement, ...]) -> str:
    """Return the rows used in some statements with their counts; index arithmetic is left out."""
    counts: Counter[str] = Counter()
    for statement in walk_statements(body):
        value = getattr(statement, "value", None)
        if isinstance(statement, (Fold, Accumulate)):
            counts[statement.op] += 1
        if value is None:
            continue
        pending = [value]
        while pending:
            current = pending.pop()
            if isinstance(current, Call):
                counts[current.op] += 1
                pending.extend(current.arguments)
    return ", ".join(f"{name} x{count}" if count > 1 else name for name, count in counts.items()) or "copies"


def _libraries(body: tuple[Statement, ...]) -> list[Library]:
    return [statement for statement in walk_statements(body) if isinstance(statement, Library)]
