"""Words: a small language for native code that works on Python's objects by their addresses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from graphc.backends.numpy_functions import Place, numpy_function

WORD = ir.IntType(64)
BYTE, INT, REAL, NARROW = ir.IntType(8), ir.IntType(32), ir.DoubleType(), ir.FloatType()
HEADER = object.__basicsize__
"""Bytes of what every Python object begins with."""
DTYPE_MASK = ~(0xFF << 24 if sys.byteorder == "little" else 0xFF << 32)
"""What counts of a dtype's word: its kind, character, byte order and number, not its flags."""
READABLE, WRITABLE = 0x101, 0x501
"""Flags of an array that is contiguous in C's order and aligned, and that may be written to besides."""


class Field(IntEnum):
    """Where fields begin: the type of an object, the bits of a number, what arrays and dtypes have by NumPy's ABI."""

    TYPE = HEADER - 8
    VALUE = HEADER
    DATA = HEADER
    RANK = HEADER + 8
    SHAPE = HEADER + 16
    DTYPE = HEADER + 40
    FLAGS = HEADER + 48
    DTYPE_WORD = HEADER + 8


class Words:
    """A function of words that is being written; addresses and objects are words."""

    def __init__(self, name: str, arguments: int) -> None:
        self.module = ir.Module(name)
        self.function = ir.Function(self.module, ir.FunctionType(WORD, [WORD] * arguments), name)
        self.b = ir.IRBuilder(self.function.append_basic_block())

    def load(self, address: Any, offset: int = 0, kind: Any = WORD) -> Any:
        """Return what lies at an address, of a vector that of its words."""
        return self.b.load(self.pointer(address, offset, kind), align=8 if isinstance(kind, ir.VectorType) else None)

    def store(self, value: Any, address: Any, offset: int = 0) -> None:
        """Write a value to an address."""
        self.b.store(value, self.pointer(address, offset, value.type))

    def pointer(self, address: Any, offset: int, kind: Any) -> Any:
        """Return an address as a pointer."""
        return self.b.inttoptr(self.b.add(address, WORD(int(offset))), kind.as_pointer())

    def at(self, base: Any, index: Any) -> Any:
        """Return the address of a word of a row of words."""
        return self.b.add(base, self.b.shl(index, WORD(3)))

    def is_equal(self, left: Any, right: Any) -> Any:
        """Return whether two integers are equal."""
        return self.b.icmp_signed("==", left, right if isinstance(right, ir.Value) else left.type(int(right)))

    def call(self, target: Any, result: Any, *arguments: Any) -> Any:
        """Return the result of a C function: one by name, or one at an address."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        if isinstance(target, str):
            return self.b.call(cgutils.get_or_insert_function(self.module, kind, target), arguments)
        return self.b.call(self.b.inttoptr(target, kind.as_pointer()), arguments)

    def repeated(self, value: Any, times: int) -> Any:
        """Return a vector of one value."""
        nothing, zeros = ir.VectorType(value.type, times)(ir.Undefined), ir.VectorType(INT, times)([0] * times)
        return self.b.shuffle_vector(self.b.insert_element(nothing, value, INT(0)), nothing, zeros)

    @contextmanager
    def loop(self, count: Any) -> Iterator[Any]:
        """Write the body of a loop; its number is what the block gets."""
        with cgutils.for_range(self.b, count) as loop:
            yield loop.index

    def is_finite(self, number: Any) -> Any:
        """Return whether a number is neither infinite nor NaN."""
        return self.b.fcmp_ordered("==", self.b.fsub(number, number), number.type(0))

    def new_reference(self, target: Any) -> Any:
        """Return an object with one more reference to it."""
        self.call("Py_IncRef", ir.VoidType(), target)
        return target

    def new_array(self, dtype: Any, rank: Any, sizes: Any) -> Any:
        """Return a new array, or 0."""
        dtype, zero = self.new_reference(dtype), WORD(0)
        function, kind = WORD(numpy_function(Place.NEW_ARRAY)), WORD(id(np.ndarray))
        return self.call(function, WORD, kind, dtype, rank, sizes, zero, zero, INT(0), zero)

    def new_result(self, dtype: Any, rank: Any, sizes: Any, handler: Any) -> Any:
        """Return a new array, or 0; its memory is from a handler if one is given, a word of 0 for none."""
        large = self.b.not_(self.is_equal(handler, 0))
        before = cgutils.alloca_once(self.b, WORD)
        with self.b.if_then(large, likely=False):
            self.b.store(self.swap_handler(handler), before)
        made = self.new_array(dtype, rank, sizes)
        with self.b.if_then(large, likely=False):
            for each in (self.swap_handler(self.b.load(before)), self.b.load(before)):
                self.call("Py_DecRef", ir.VoidType(), each)
        return made

    def swap_handler(self, handler: Any) -> Any:
        """Set the object that NumPy takes memory from; return the one before, a new reference."""
        return self.call(WORD(numpy_function(Place.SET_HANDLER)), WORD, handler)

    def new_scalar(self, dtype: Any, place: Any) -> Any:
        """Return NumPy's object of the number at an address, or 0."""
        return self.call(WORD(numpy_function(Place.NEW_SCALAR)), WORD, place, dtype, WORD(0))
