"""BLAS on our own threads: while a kernel runs, BLAS itself has one; products with enough work are cut into parts.

Two pools that do not know of each other would take each other's cores: OpenBLAS's threads look for work for
milliseconds after each product. Results are the same whenever the number of threads is the same.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from scipy.linalg import cython_blas

from graphc.backends import pool
from graphc.backends.blas import Caller, type_of
from graphc.backends.parts import begin_part, call_in_parts
from graphc.backends.text_library import text_library
from graphc.backends.words import WORD
from graphc.kernel.work import PART_BITS

ENTER, LEAVE = "graphc_blas_enter", "graphc_blas_leave"
NAMES = ("scipy_openblas_{}_num_threads", "openblas_{}_num_threads")
"""How the functions that read and set BLAS's number of threads are called."""
NARROWEST = 4
"""A part has at least two to the power of this rows or columns."""

TEXT = """
@lock = internal global i64 0
@kernels = internal global i64 0
@before = internal global i32 1

define internal void @take() {
entry:
  br label %try
try:
  %taking = cmpxchg ptr @lock, i64 0, i64 1 seq_cst seq_cst
  %taken = extractvalue { i64, i1 } %taking, 1
  br i1 %taken, label %end, label %try
end:
  ret void
}

; the first kernel to come remembers how many threads BLAS had, the last one to go restores it
define void @graphc_blas_enter() {
  call void @take()
  %kernels = load i64, ptr @kernels
  %more = add i64 %kernels, 1
  store i64 %more, ptr @kernels
  %first = icmp eq i64 %kernels, 0
  br i1 %first, label %limit, label %end
limit:
  %before = call i32 GET()
  store i32 %before, ptr @before
  call void SET(i32 1)
  br label %end
end:
  store atomic i64 0, ptr @lock seq_cst, align 8
  ret void
}
define void @graphc_blas_leave() {
  call void @take()
  %kernels = load i64, ptr @kernels
  %fewer = sub i64 %kernels, 1
  store i64 %fewer, ptr @kernels
  %last = icmp eq i64 %fewer, 0
  br i1 %last, label %restore, label %end
restore:
  %before = load i32, ptr @before
  call void SET(i32 %before)
  br label %end
end:
  store atomic i64 0, ptr @lock seq_cst, align 8
  ret void
}
"""


def thread_functions() -> tuple[int, int] | None:
    """Return the addresses of the functions that read and set the number of threads of SciPy's BLAS.

    None where it is no OpenBLAS, or where they are not found by way of the library that calls it (on Windows).
    """
    library = ctypes.CDLL(cython_blas.__file__)
    for name in NAMES:
        read, write = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
        if read is not None and write is not None:
            return pool.address_of(read), pool.address_of(write)
    return None


@cache
def load() -> Any:
    """Make the functions that limit BLAS known to compiled code; return the library that holds them."""
    text, functions = TEXT, thread_functions()
    if functions is None:
        text = "".join(f"define void @{name}() {{\nret void\n}}\n" for name in (ENTER, LEAVE))
    else:
        for word, address in zip(("GET", "SET"), functions, strict=True):
            text = text.replace(f"{word}(", f"inttoptr (i64 {address} to ptr)(")
    library = text_library("graphc_blas_threads", text)
    for name in (ENTER, LEAVE):
        llvm.add_symbol(name, library.get_pointer_to_function(name))
    return library


def _caller_of(name: str) -> Any:
    """Return what compiled code calls a function without arguments by."""

    @intrinsic
    def call(typing_context: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
            return context.get_dummy_value()

        return types.void(), emit

    return call


limit_blas, free_blas = _caller_of(ENTER), _caller_of(LEAVE)


def _gemm_in_parts(
    caller: Caller, a: Any, b: Any, c: Any, a_rows: Any, a_columns: Any, b_rows: Any, b_columns: Any, rows: Any,
    columns: Any, a_transposed: Any, b_transposed: Any, adds: Any, scale: Any, threads: Any,
) -> None:  # fmt: skip
    """Emit ``c = scale * op(a) @ op(b)``, each thread a part of the rows or columns of c, whichever are more."""
    builder = caller.builder
    inner = builder.select(a_transposed, a_rows, a_columns)
    by_rows = builder.icmp_signed(">=", rows, columns)
    longer = builder.select(by_rows, rows, columns)
    count = _least(builder, threads, builder.ashr(longer, WORD(NARROWEST)))
    whole = builder.mul(builder.mul(rows, columns), inner)
    count = _least(builder, count, builder.ashr(whole, WORD(PART_BITS)))
    count = builder.select(builder.icmp_signed("<", count, WORD(1)), WORD(1), count)
    part = builder.sdiv(builder.add(longer, builder.sub(count, WORD(1))), count)
    with caller.unless_nothing_is_summed(inner, adds, c, [rows, columns]):
        shared = [a, b, c, rows, columns, inner, a_columns, b_columns, columns]
        shared += [a_transposed, b_transposed, adds, scale, by_rows, part]
        packed = caller.address(cgutils.pack_struct(builder, shared))
        call_in_parts(builder, _part_function(caller, packed.type), packed, count, threads)


@intrinsic
def gemm_in_parts(
    typing_context: Any,
    a: Any,
    b: Any,
    c: Any,
    a_transposed: Any,
    b_transposed: Any,
    add: Any,
    scale: Any,
    threads: Any,
) -> Any:
    """Type and emit ``c = scale * op(a) @ op(b)``, or add it to c, in a part of c for each thread."""
    factor = type_of(scale)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, c.dtype)
        caller.call_apart(_gemm_in_parts, [*caller.factors((a, b, c), arguments, factor), arguments[7]])
        return context.get_dummy_value()

    flags = (types.boolean, types.boolean, types.boolean)
    return types.void(a, b, c, *flags, factor, types.int64), emit


def _least(builder: Any, first: Any, second: Any) -> Any:
    """Return the smaller of two numbers."""
    return builder.select(builder.icmp_signed("<", first, second), first, second)


def _part_function(outside: Caller, packed: Any) -> Any:
    """Emit the function that computes a part."""
    builder, shared, which = begin_part(outside.builder, "part", packed)
    a, b, c, rows, columns, inner, a_stride, b_stride, c_stride, turned_a, turned_b, adds, *rest = shared
    number, by_rows, part = rest
    first = builder.mul(which, part)
    length = _least(builder, builder.sub(builder.select(by_rows, rows, columns), first), part)
    zero = WORD(0)
    with builder.if_then(builder.icmp_signed(">", length, zero)):
        in_a = builder.select(turned_a, first, builder.mul(first, a_stride))
        in_b = builder.select(turned_b, builder.mul(first, b_stride), first)
        a = builder.gep(a, [builder.select(by_rows, in_a, zero)])
        b = builder.gep(b, [builder.select(by_rows, zero, in_b)])
        c = builder.gep(c, [builder.select(by_rows, builder.mul(first, c_stride), first)])
        caller = Caller(outside.context, builder, outside.dtype)
        caller.call(
            "gemm", caller.flag(turned_b), caller.flag(turned_a),
            caller.integer(builder.select(by_rows, columns, length)),
            caller.integer(builder.select(by_rows, length, rows)), caller.integer(inner),
            caller.address(number), b, caller.stride(b_stride), a, caller.stride(a_stride),
            caller.zero_or_one(adds), c, caller.stride(c_stride),
        )  # fmt: skip
    builder.ret_void()
    return builder.function
