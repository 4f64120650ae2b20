"""Loops in chunks: a renderer that writes each as a function of its own, called for all of it or chunk by chunk."""

from __future__ import annotations

from dataclasses import replace

from graphc.backends import loop_calls
from graphc.backends.outlining import Stretch, changed_numbers, needed_elsewhere, outlined
from graphc.backends.python_text import WORD, assigned, tuple_text
from graphc.backends.source import FUNCTION, Renderer, Source
from graphc.graph.dimensions import Shape, product
from graphc.graph.types import DType
from graphc.kernel.ir import Accumulate, Buffer, Chunks, Index, Kernel, Library, Load, Loop, Name, Statement, Store
from graphc.kernel.nest import neutral, over_elements
from graphc.kernel.parallel import is_cut, is_threaded, products
from graphc.kernel.walk import walk_statements

THREADS = "threads"
"""The argument that says how many threads a kernel may use."""
HELPERS = ("chunk_count", "empty", "free_blas", "gemm_in_parts", "in_chunks", "in_one", "limit_blas")
LOOP = f"{FUNCTION}_loop"
"""How the functions of loops are named, with a number behind it."""
CHUNK = Name("chunk")
"""The number of a chunk."""
ROWS = [f"{name} &= {(1 << 48) - 1:#x}" for name in ("chunk_first", "chunk_end")]
"""Lines that show LLVM that no row is negative: else Numba's places from the end of arrays stay, and loads gather."""


class ChunkRenderer(Renderer):
    """A module whose function calls the functions of its loops.

    A loop's function takes the number of its chunk, its first row and that behind its last, then what it
    reads and writes; what each chunk has of its own has an axis more, for the chunk. It returns its numbers.
    """

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.loops = 0
        if is_threaded(kernel):
            self.arguments.append(THREADS)
            self.preamble.append(f"from graphc.backends.chunk_runtime import {', '.join(HELPERS)}\n")
        self.products = products(kernel)
        self.inside = False
        """Whether the function of a loop is being written."""
        self.needed = needed_elsewhere(kernel)
        self.stretches: list[Stretch] = []
        """The loops written so far that may be functions."""

    def _write_function(self) -> None:
        super()._write_function()
        functions, lines = outlined(self.out.lines, self.stretches, f"{LOOP}_same")
        kept = [(line, origin) for line, origin in zip(lines, self.out.origins, strict=True) if line is not None]
        self.out = Source([line for line, _ in kept], [origin for _, origin in kept])
        if functions:
            self.preamble += [f"from {loop_calls.__name__} import call_loop\n", *functions]

    def _block(self, body: tuple[Statement, ...], depth: int) -> None:
        for statement in body:
            limited = self.products if depth == 1 and not self.inside else []
            if limited and statement is limited[0]:
                self._line(depth, "limit_blas()")
            if isinstance(statement, Loop) and statement.chunks is not None and not self.inside:
                _ChunkedLoop(self, statement, statement.chunks).write(depth)
            elif isinstance(statement, Loop) and depth == 1 and not self.inside:
                self._loop(statement)
            else:
                super()._block((statement,), depth)
            if limited and statement is limited[-1]:
                self._line(depth, "free_blas()")

    def _loop(self, loop: Loop) -> None:
        """Write a loop of the kernel's body; note where, if it may be a function."""
        first = len(self.out.lines)
        super()._block((loop,), 1)
        changed = changed_numbers(self.kernel, loop, self.needed)
        if changed is not None:
            self.stretches.append(Stretch(first, len(self.out.lines), changed))

    def _simple(self, statement: Statement) -> str:
        text = super()._simple(statement)
        if isinstance(statement, Library) and not self.inside and self.products and is_cut(self.kernel, statement):
            return f"gemm_in_parts{text.removeprefix('gemm')[:-1]}, {THREADS})"
        return text

    def _loop_head(self, loop: Loop) -> list[str]:
        if not (self.inside and loop.chunks):
            return super()._loop_head(loop)
        if loop.step == 1:
            return [f"for {loop.index} in range(chunk_first, chunk_end):"]
        ends = f" {loop.index}_end = min({loop.index} + {loop.step}, chunk_end)"
        return [f"for {loop.index} in range(chunk_first, chunk_end, {loop.step}):", ends]

    def loop_lines(self, loop: Loop) -> list[str]:
        """Return the lines of a loop over the rows of a chunk, as they stand in its function."""
        written, self.out, self.inside = self.out, Source(), True
        ChunkRenderer._block(self, (loop,), 1)
        lines, self.out, self.inside = self.out.lines, written, False
        return [*(f"    {line}" for line in ROWS), *lines]

    def names_so_far(self) -> list[str]:
        """Return the names that the kernel's function has given values to by now."""
        return list(dict.fromkeys([*self.arguments, *assigned(self.out.lines)]))


class _ChunkedLoop:
    """One loop being written."""

    def __init__(self, renderer: ChunkRenderer, loop: Loop, chunks: Chunks) -> None:
        self.renderer, self.loop, self.chunks = renderer, loop, chunks
        self.extent = renderer.size(loop.extent)
        self.function = f"{LOOP}{renderer.loops}"
        self.numbers = [fold.name for fold in chunks.folds]
        self.totals = [renderer.kernel.buffers[name] for name, _ in chunks.totals]
        self.own = [*self.totals, *(renderer.kernel.buffers[name] for name in chunks.private)]
        self.given = self._write_function()
        renderer.loops += 1

    def _write_function(self) -> list[str]:
        """Write the loop's function before the kernel's; return the names of what it is given as it is."""
        lines = self.renderer.loop_lines(self.loop)
        bound = {s.name for s in walk_statements(self.loop.body) if hasattr(s, "name")}
        used = set(WORD.findall("\n".join(lines))) - bound - {buffer.name for buffer in self.own}
        given = [name for name in self.renderer.names_so_far() if name in used]
        slots = [f"chunk_{buffer.name}" for buffer in self.own]
        arguments = ["chunk", "chunk_first", "chunk_end", *given, *slots, *self.numbers]
        lines = [f"    {buffer.name} = chunk_{buffer.name}[chunk]" for buffer in self.own] + lines
        lines += [f"    return {tuple_text(self.numbers)}"] if self.numbers else []
        self.renderer.preamble += [f"def {self.function}({', '.join(arguments)}):", *lines, ""]
        return given

    def write(self, depth: int) -> None:
        """Write the calls of the function: one for all rows, or one for each chunk."""
        line, size = self.renderer._line, self.renderer.size
        each = sum((product(buffer.shape) for buffer in self.totals), 0)
        step = self.loop.step
        times = self.extent if step == 1 else f"-(-{self.extent} // {step})"
        line(depth, f"chunks = chunk_count({times}, {size(self.chunks.work * step)}, {size(each)})")
        line(depth, "if chunks == 1:")
        whole = [f"{buffer.name}.reshape({self.renderer.shape((1, *buffer.shape))})" for buffer in self.own]
        call = f"in_one({self.function}, {self.extent}, {tuple_text([*self.given, *whole, *self.numbers])})"
        line(depth + 1, f"{tuple_text(self.numbers)} = " * bool(self.numbers) + call)
        line(depth, "else:")
        self._write_chunks(depth + 1)

    def _write_chunks(self, depth: int) -> None:
        """Write the call of the function for each chunk between what comes before and after it."""
        step, folds = self.loop.step, self.chunks.folds
        rows = f"-(-{self.extent} // chunks)" if step == 1 else f"-(-{self.extent} // ({step} * chunks)) * {step}"
        for fold in folds:
            self._allocate(depth, fold.name, fold.dtype, ())
        for buffer in self.own:
            self._allocate(depth, buffer.name, buffer.dtype, buffer.shape)
        totals = list(zip(self.totals, (op for _, op in self.chunks.totals), strict=True))
        self._for_each_chunk(depth, [start for buffer, op in totals for start in _start(buffer, op)])
        numbers = [self.renderer.literal(neutral(fold.op, fold.dtype)) for fold in folds]
        parts = tuple_text([f"chunk_{name}" for name in self.numbers])
        arguments = tuple_text([*self.given, *(f"chunk_{buffer.name}" for buffer in self.own), *numbers])
        call = f"in_chunks({self.function}, {self.extent}, chunks, {rows}, {THREADS}, {parts}, {arguments})"
        self.renderer._line(depth, call)
        ends = [replace(fold, value=Load(f"chunk_{fold.name}", (CHUNK,), fold.dtype)) for fold in folds]
        self._for_each_chunk(depth, [*ends, *(end for buffer, op in totals for end in _end(buffer, op))])

    def _allocate(self, depth: int, name: str, dtype: DType, shape: Shape) -> None:
        """Write the allocation of an array with a place for each chunk."""
        sizes = "".join(f", {self.renderer.size(size)}" for size in shape)
        self.renderer._line(depth, f"chunk_{name} = empty((chunks{sizes or ','}), {self.renderer.typed_name(dtype)})")

    def _for_each_chunk(self, depth: int, statements: list[Statement]) -> None:
        """Write a loop over the chunks."""
        if statements:
            self.renderer._line(depth, f"for {CHUNK.name} in range(chunks):")
            self.renderer._block(tuple(statements), depth + 1)


def _start(total: Buffer, op: str) -> list[Statement]:
    """Return the loops that set a chunk's total to what its fold starts from."""
    value = neutral(op, total.dtype)
    return over_elements("k", total.shape, lambda index: Store(f"chunk_{total.name}", (CHUNK, *index), value))


def _end(total: Buffer, op: str) -> list[Statement]:
    """Return the loops that fold a chunk's total into that of all."""

    def folded(index: Index) -> Statement:
        part = Load(f"chunk_{total.name}", (CHUNK, *index), total.dtype)
        return Accumulate(total.name, index, op, part, total.dtype)

    return over_elements("k", total.shape, folded)
