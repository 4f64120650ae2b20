"""Work in parts: how native code hands the pool a function that computes one part of it, by number."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from graphc.backends import pool
from graphc.backends.words import BYTE, WORD

POINTER = BYTE.as_pointer()


def begin_part(outer: Any, word: str, packed: Any) -> tuple[Any, list[Any], Any]:
    """Begin the function of a part; return its builder, what all parts share, and the number of the part.

    Args:
        outer: the builder of the code that calls it.
        word: what its name ends with.
        packed: the type of a pointer to what is shared.
    """
    name = outer.module.get_unique_name(f"{outer.function.name}.{word}")
    function = ir.Function(outer.module, ir.FunctionType(ir.VoidType(), [POINTER, WORD]), name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    shared, number = function.args
    return builder, cgutils.unpack_tuple(builder, builder.load(builder.bitcast(shared, packed))), number


def call_in_parts(builder: Any, function: Any, packed: Any, count: Any, threads: Any) -> None:
    """Emit the call of a function for each of so many parts, on at most so many threads."""
    kind = ir.FunctionType(ir.VoidType(), [function.type, POINTER, WORD, WORD])
    run = cgutils.get_or_insert_function(builder.module, kind, pool.RUN)
    builder.call(run, [function, builder.bitcast(packed, POINTER), count, threads])
