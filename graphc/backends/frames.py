"""Frames: how native code calls a kernel whose arguments it does not know, by a row of 8-byte words.

An array is its address and its sizes, a number its bits, in the order of the kernel's arguments. Then come two
words for each number that the kernel returns: where it is to be written, and a place for it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from graphc.backends.words import INT, WORD

SUFFIX = ".frame"
"""A kernel's function of a frame is named by that of its native function and this."""


def add_frame_function(context: Any, library: Any, description: Any) -> None:
    """Add the function that calls a kernel from a frame, and that which Numba has Python call: it only refuses."""
    module = context.create_module("frame")
    kind = context.call_conv.get_function_type(description.restype, description.argtypes)
    kernel = ir.Function(module, kind, description.llvm_func_name)
    function = ir.Function(module, ir.FunctionType(INT, [WORD.as_pointer()]), description.llvm_func_name + SUFFIX)
    builder = ir.IRBuilder(function.append_basic_block())
    frame = _Frame(context, builder, function.args[0])
    values = [frame.argument(kind) for kind in description.argtypes]
    status, returned = context.call_conv.call_function(
        builder, kernel, description.restype, description.argtypes, values, attrs=("noinline",)
    )
    for number, kind in enumerate(getattr(description.restype, "types", ())):
        target = builder.inttoptr(frame.word(), context.get_data_type(kind).as_pointer())
        frame.word()  # the place for it
        context.pack_value(builder, kind, builder.extract_value(returned, number), target)
    builder.ret(status.code)
    _add_refusal(module, context, description.llvm_cpython_wrapper_name)
    library.add_ir_module(module)


class _Frame:
    """The frame that a function is given, read into what Numba's functions take."""

    def __init__(self, context: Any, builder: ir.IRBuilder, words: Any) -> None:
        self.context = context
        self.builder = builder
        self.words = words
        self.position = 0

    def word(self) -> Any:
        """Return the next word."""
        return self.builder.load(self._next())

    def argument(self, kind: Any) -> Any:
        """Return the next argument, of a Numba type."""
        if isinstance(kind, types.Array):
            return self._array(kind)
        pointer = self.builder.bitcast(self._next(), self.context.get_data_type(kind).as_pointer())
        return self.context.unpack_value(self.builder, kind, pointer)

    def _array(self, kind: Any) -> Any:
        """Return the next argument as a contiguous array."""
        array = self.context.make_array(kind)(self.context, self.builder)
        item = WORD(self.context.get_abi_sizeof(self.context.get_data_type(kind.dtype)))
        address, shape = self.word(), [self.word() for _ in range(kind.ndim)]
        strides, step = [], item
        for size in reversed(shape):
            strides.append(step)
            step = self.builder.mul(step, size, flags=["nsw"])
        array.data = self.builder.inttoptr(address, array.data.type)
        array.itemsize = item
        array.nitems = self.builder.sdiv(step, item, flags=["exact"])
        array.shape = cgutils.pack_array(self.builder, shape, WORD)
        array.strides = cgutils.pack_array(self.builder, strides[::-1], WORD)
        return array._getvalue()

    def _next(self) -> Any:
        """Return a pointer to the next word."""
        self.position += 1
        return self.builder.gep(self.words, [WORD(self.position - 1)])


def _add_refusal(module: ir.Module, context: Any, name: str) -> None:
    """Add a function for Python that raises `TypeError`."""
    pointer = ir.IntType(8).as_pointer()
    function = ir.Function(module, ir.FunctionType(pointer, [pointer] * 3), name)
    builder = ir.IRBuilder(function.append_basic_block())
    python = context.get_python_api(builder)
    python.err_set_string("PyExc_TypeError", "a kernel is called from compiled code; from Python, call its function")
    builder.ret(pointer(None))
