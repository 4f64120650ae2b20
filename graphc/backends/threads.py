"""Threads in compiled code: in how many chunks a loop runs, and how its function is called for each."""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from graphc.backends.loop_calls import emit_call
from graphc.backends.parts import begin_part, call_in_parts
from graphc.backends.words import WORD
from graphc.kernel.work import CHUNK, WORTHWHILE

_ROWS = (types.int64, types.int64, types.int64)
"""What a loop's function takes first: the number of its chunk, its first row, that behind its last."""
MOST = 256
"""How many chunks a loop has at most."""
MOST_WITH_TOTALS = 64
TOTALS = 1 << 21
"""How many elements the totals of all chunks have at most together."""
CLEARING = 128
"""The least work of a chunk for each element of its totals: clearing it and adding it up takes the time of 8."""


@njit(forceinline=True, nogil=True, error_model="numpy")
def chunk_count(extent: int, work: int, totals: int) -> int:
    """Return in how many chunks a loop runs: never more for more threads, so results are the same on any number.

    Args:
        extent: how many iterations there are.
        work: that of an iteration.
        totals: how many elements of each chunk are cleared first and added up later.
    """
    whole = extent * work
    if whole < WORTHWHILE:
        return 1
    most = min(MOST, extent) if totals == 0 else min(MOST_WITH_TOTALS, extent, TOTALS // totals)
    return max(1, min(whole // max(CHUNK, CLEARING * totals), most))


@intrinsic
def in_one(typing_context: Any, loop: Any, extent: Any, arguments: Any) -> Any:
    """Type and emit the call of a loop's function for all of its rows."""
    called = loop.get_call_type(typing_context, (*_ROWS, *arguments), {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, end, given = values
        rows = [WORD(0), WORD(0), end]
        return emit_call(context, builder, loop, called, [*rows, *cgutils.unpack_tuple(builder, given)])

    return called.return_type(loop, types.int64, arguments), emit


@intrinsic
def in_chunks(
    typing_context: Any, loop: Any, extent: Any, chunks: Any, rows: Any, threads: Any, parts: Any, arguments: Any
) -> Any:
    """Type and emit the call of a loop's function for each chunk of so many rows, on at most so many threads.

    What the function returns for a chunk goes to its place in the arrays ``parts``.
    """
    called = loop.get_call_type(typing_context, (*_ROWS, *arguments), {})

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, end, count, rows, threads, parts_given, given = values
        shared = [end, rows, *cgutils.unpack_tuple(builder, parts_given), *cgutils.unpack_tuple(builder, given)]
        packed = cgutils.alloca_once_value(builder, cgutils.pack_struct(builder, shared))
        function = _chunk_function(context, builder, packed.type, loop, called, parts)
        call_in_parts(builder, function, packed, count, threads)
        return context.get_dummy_value()

    return types.void(loop, types.int64, types.int64, types.int64, types.int64, parts, arguments), emit


def with_threads(kernel: Any, arguments: int, threads: int) -> Any:
    """Return a kernel, for compiled code to call, that may use so many threads: without its last argument."""
    names = ", ".join(f"a{number}" for number in range(arguments))
    scope: dict[str, Any] = {"kernel": kernel, "threads": threads}
    exec(f"def function({names}):\n    return kernel({names}, threads)", scope)
    return njit(nogil=True)(scope["function"])


def _chunk_function(context: Any, outer: Any, packed: Any, loop: Any, called: Any, parts: Any) -> Any:
    """Emit the function that computes a chunk."""
    builder, (extent, rows, *given), chunk = begin_part(outer, "chunk", packed)
    first = builder.mul(chunk, rows)
    following = builder.add(first, rows)
    end = builder.select(builder.icmp_signed("<", following, extent), following, extent)
    results = emit_call(context, builder, loop, called, [chunk, first, end, *given[len(parts) :]])
    for number, kind in enumerate(parts):
        place = builder.gep(context.make_array(kind)(context, builder, given[number]).data, [chunk])
        arrayobj.store_item(context, builder, kind, builder.extract_value(results, number), place)
    builder.ret_void()
    return builder.function
