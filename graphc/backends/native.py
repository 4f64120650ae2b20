"""Native code for long straight-line blocks: LLVM IR written as text, without Numba's front end.

`straight_block` makes what a generated module calls. A block is cut into functions of `CHUNK` steps, so
that LLVM's time stays linear; what one computes for another passes through a row of 8-byte places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import llvmlite.ir as llvm_ir
import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.core.targetconfig import ConfigStack
from numba.extending import intrinsic
from numba.np import numpy_support

from graphc.backends import runtime
from graphc.backends.block_text import BlockText
from graphc.backends.source import render_row
from graphc.backends.straight import Row
from graphc.backends.words import WORD

ON_STACK = 8192
"""A block with more places than this takes its memory from the heap."""


def straight_block(
    inputs: tuple[str, ...],
    arrays: tuple[str, ...],
    constants: tuple[tuple[str, str], ...],
    rows: tuple[Row, ...],
    results: tuple[int, ...],
    code: str,
) -> Any:
    """Return a function for compiled code: the tuple of a block's inputs and arrays to the tuple of its results.

    Args:
        inputs, arrays: dtypes of the numbers and of the elements of the arrays it is given.
        constants: dtype and text of each constant.
        rows: the scalar rows its code refers to by number.
        results: numbers of the values it returns.
        code: its steps, see `graphc.backends.straight`.
    """
    block = BlockText(inputs, arrays, constants, rows, results, code)

    @intrinsic
    def run(typing_context: Any, given: Any) -> Any:
        returned = types.Tuple([scalar_type(dtype) for dtype in block.result_types()])
        return returned(given), lambda *parts: _emit(block, *parts)

    return run


def scalar_type(dtype: str) -> Any:
    """Return Numba's type of a dtype."""
    return numpy_support.from_dtype(np.dtype(dtype))


def _emit(block: BlockText, context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
    """Emit the call of a block, and its functions into the library that is being compiled."""
    flags = " ".join(sorted(ConfigStack().top().fastmath.flags))
    digest = hashlib.sha256(block.code.encode()).hexdigest()[:16]
    name = f"{builder.function.name}.block.{digest}"
    text = block.module(name, flags, _callable_rows(block, context, builder, name, flags))
    module = llvm.parse_assembly(text)
    module.verify()
    context.active_code_library.add_llvm_module(module)
    places = _memory(context, builder, block.places)
    _fill(block, context, builder, signature.args[0], arguments[0], places)
    pointer = WORD.as_pointer()
    function = cgutils.get_or_insert_function(builder.module, llvm_ir.FunctionType(llvm_ir.VoidType(), [pointer]), name)
    builder.call(function, [places])
    values = [
        builder.load(_place(builder, places, number, context.get_value_type(kind)))
        for number, kind in zip(block.result_places, signature.return_type, strict=True)
    ]
    if block.places > ON_STACK:
        builder.call(_c_function(builder, "free", llvm_ir.VoidType(), [pointer]), [places])
    return context.make_tuple(builder, signature.return_type, values)


def _memory(context: Any, builder: Any, count: int) -> Any:
    """Return a pointer to a row of 8-byte places."""
    if count <= ON_STACK:
        return builder.bitcast(cgutils.alloca_once(builder, llvm_ir.ArrayType(WORD, count)), WORD.as_pointer())
    return builder.call(_c_function(builder, "malloc", WORD.as_pointer(), [WORD]), [WORD(8 * count)])


def _c_function(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    return cgutils.get_or_insert_function(builder.module, llvm_ir.FunctionType(result, arguments), name)


def _place(builder: Any, places: Any, number: int, kind: Any) -> Any:
    """Return the pointer to a place that holds a value of an LLVM type."""
    return builder.bitcast(builder.gep(places, [WORD(number)]), kind.as_pointer())


def _fill(block: BlockText, context: Any, builder: Any, kinds: Any, given: Any, places: Any) -> None:
    """Write the block's inputs and the addresses of its arrays to the first places."""
    values = cgutils.unpack_tuple(builder, given)
    for number, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        if number >= len(block.inputs):
            value = context.make_array(kind)(context, builder, value).data
        builder.store(value, _place(builder, places, number, value.type))


def _callable_rows(block: BlockText, context: Any, builder: Any, prefix: str, flags: str) -> dict[int, str]:
    """Return the names of functions for the rows that are no instructions; each is compiled once."""
    found: dict[int, str] = {}
    for number, row in enumerate(block.rows):
        if block.template(row, flags) is None:
            found[number] = _wrap(row, context, builder, f"{prefix}.row{number}", flags)
    return found


def _wrap(row: Row, context: Any, builder: Any, name: str, flags: str) -> str:
    """Emit a function of plain numbers around a row compiled by Numba; return its name."""
    dispatcher = compiled_row(row, tuple(flags.split()))
    overload = next(iter(dispatcher.overloads.values()))
    context.active_code_library.add_linking_library(overload.library)
    kinds = [context.get_value_type(kind) for kind in overload.signature.args]
    result = context.get_value_type(overload.signature.return_type)
    function = llvm_ir.Function(builder.module, llvm_ir.FunctionType(result, kinds), name)
    inner = llvm_ir.IRBuilder(function.append_basic_block())
    _, value = context.call_internal_no_propagate(inner, overload.fndesc, overload.signature, function.args)
    inner.ret(value)
    return name


@cache
def compiled_row(row: Row, flags: tuple[str, ...]) -> Any:
    """Return the compiled function of a row on given dtypes, from the text that a kernel's source has for it."""
    name, dtypes, result, attributes = row
    scope: dict[str, Any] = dict(vars(runtime))
    exec(compile(render_row(name, dtypes, result, attributes), f"<{name}>", "exec"), scope)
    function: Callable[..., Any] = scope["row"]
    dispatcher = njit(nogil=True, error_model="numpy", fastmath=set(flags))(function)
    dispatcher.compile(tuple(scalar_type(dtype) for dtype in dtypes))
    return dispatcher
