"""Matrix products in native code: BLAS as SciPy ships it, called by address, transposes as flags.

The addresses are registered as symbols, so that code using them can be kept in the disk cache.
Source: Dongarra et al., A set of level 3 basic linear algebra subprograms (1990).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

PREFIX = {types.float32: "s", types.float64: "d"}
for _letter in PREFIX.values():
    for _routine in ("gemm", "gemv", "syrk"):
        _address = get_cython_function_address("scipy.linalg.cython_blas", _letter + _routine)
        llvmlite.binding.add_symbol(f"graphc_{_letter}{_routine}", _address)

SYMMETRIC, ENOUGH = 48, 8192
"""From this many rows of the result and elements of the matrix on half of ``a @ a.T`` is computed and mirrored."""
TILE = 16

_INT = ir.IntType(32)
_CHAR = ir.IntType(8)


class Caller:
    """Emits a call of a Fortran routine: every argument by address."""

    def __init__(self, context: Any, builder: Any, array_type: Any) -> None:
        self.context, self.builder = context, builder
        self.dtype = array_type.dtype
        self.element = context.get_data_type(array_type.dtype)
        self.size = context.get_abi_sizeof(self.element)
        self.letter = PREFIX[array_type.dtype]

    def array(self, array_type: Any, value: Any) -> tuple[Any, list[Any]]:
        """Return data pointer and sizes of an array."""
        array = self.context.make_array(array_type)(self.context, self.builder, value)
        return array.data, cgutils.unpack_tuple(self.builder, array.shape)

    def integer(self, value: Any) -> Any:
        """Return the address of a size, as Fortran's integer."""
        return cgutils.alloca_once_value(self.builder, self.builder.trunc(value, _INT))

    def stride(self, value: Any) -> Any:
        """Return the address of a leading dimension, which is never below one."""
        one = ir.Constant(value.type, 1)
        return self.integer(self.builder.select(self.builder.icmp_signed("<", value, one), one, value))

    def number(self, kind: Any, value: Any) -> Any:
        """Return the address of a number, in the element's type."""
        return cgutils.alloca_once_value(self.builder, self.context.cast(self.builder, value, kind, self.dtype))

    def zero_or_one(self, flag: Any) -> Any:
        """Return the address of the factor of the old result: one where it is added to."""
        numbers = [ir.Constant(self.element, number) for number in (1.0, 0.0)]
        return cgutils.alloca_once_value(self.builder, self.builder.select(flag, *numbers))

    def flag(self, transposed: Any) -> Any:
        """Return the address of Fortran's T or N."""
        return cgutils.alloca_once_value(self.builder, self.builder.select(transposed, *map(_letter_of, "TN")))

    def letter_of(self, letter: str) -> Any:
        """Return the address of one of Fortran's letters."""
        return cgutils.alloca_once_value(self.builder, _letter_of(letter))

    def one(self) -> Any:
        """Return the address of the increment of a contiguous vector."""
        return cgutils.alloca_once_value(self.builder, ir.Constant(_INT, 1))

    def fill_with_zeros(self, data: Any, sizes: list[Any]) -> None:
        """Emit the writing of zeros to a contiguous array."""
        count = functools.reduce(self.builder.mul, sizes)
        cgutils.memset(self.builder, data, self.builder.mul(count, self.context.get_constant(types.intp, self.size)), 0)

    @contextmanager
    def unless_nothing_is_summed(self, count: Any, adds: Any, data: Any, sizes: list[Any]) -> Iterator[None]:
        """Emit what is done for products of something; products of nothing are zeros, which not all routines write."""
        something = self.builder.icmp_signed("!=", count, ir.Constant(count.type, 0))
        with self.builder.if_else(something, likely=True) as (product, nothing):
            with product:
                yield
            with nothing, self.builder.if_then(self.builder.not_(adds)):
                self.fill_with_zeros(data, sizes)

    def call(self, routine: str, *arguments: Any) -> None:
        """Emit the call."""
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        name = f"graphc_{self.letter}{routine}"
        self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)


def _letter_of(letter: str) -> Any:
    """Return a letter as a constant of the code."""
    return ir.Constant(_CHAR, ord(letter))


@intrinsic
def gemm(
    typing_context: Any, a: Any, b: Any, c: Any, a_transposed: Any, b_transposed: Any, add: Any, scale: Any = 1.0
) -> Any:
    """Type and emit ``c = scale * op(a) @ op(b)`` of contiguous matrices, or add it to c.

    Row-major arrays are Fortran's transposes, so what is computed is c' = op(b)' op(a)'. This is no compiled
    function, as each of those takes Numba 80 ms for every combination of types.
    """
    factor = type_of(scale)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, c)
        a_data, a_shape = caller.array(a, arguments[0])
        b_data, b_shape = caller.array(b, arguments[1])
        c_data, c_shape = caller.array(c, arguments[2])
        transposed_a, transposed_b, adds = (builder.trunc(flag, ir.IntType(1)) for flag in arguments[3:6])
        inner = builder.select(transposed_a, a_shape[0], a_shape[1])
        with caller.unless_nothing_is_summed(inner, adds, c_data, c_shape):
            caller.call(
                "gemm", caller.flag(transposed_b), caller.flag(transposed_a),
                caller.integer(c_shape[1]), caller.integer(c_shape[0]), caller.integer(inner),
                caller.number(factor, arguments[6]), b_data, caller.stride(b_shape[1]),
                a_data, caller.stride(a_shape[1]), caller.zero_or_one(adds), c_data, caller.stride(c_shape[1]),
            )  # fmt: skip
        return context.get_dummy_value()

    return types.void(a, b, c, types.boolean, types.boolean, types.boolean, factor), emit


@intrinsic
def gemv(typing_context: Any, a: Any, x: Any, y: Any, transposed: Any, add: Any, scale: Any) -> Any:
    """Type and emit ``y = scale * op(a) @ x`` of a contiguous matrix and vectors, or add it to y.

    The vectors may be matrices with one row or column.
    """
    factor = type_of(scale)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, y)
        a_data, a_shape = caller.array(a, arguments[0])
        x_data, x_shape = caller.array(x, arguments[1])
        y_data, y_shape = caller.array(y, arguments[2])
        transposes, adds = (builder.trunc(flag, ir.IntType(1)) for flag in arguments[3:5])
        plain = builder.not_(transposes)
        inner = functools.reduce(builder.mul, x_shape)
        with caller.unless_nothing_is_summed(inner, adds, y_data, y_shape):
            caller.call(
                "gemv", caller.flag(plain), caller.integer(a_shape[1]), caller.integer(a_shape[0]),
                caller.number(factor, arguments[5]), a_data, caller.stride(a_shape[1]), x_data, caller.one(),
                caller.zero_or_one(adds), y_data, caller.one(),
            )  # fmt: skip
        return context.get_dummy_value()

    return types.void(a, x, y, types.boolean, types.boolean, factor), emit


def type_of(scale: Any) -> Any:
    """Return the type of an argument that is a Python number where it is left out."""
    return scale if isinstance(scale, types.Type) else types.float64


@intrinsic
def _syrk(typing_context: Any, a: Any, c: Any, transposed: Any, scale: Any) -> Any:
    """Type and emit ``c = scale * op(a) @ op(a).T`` on and below the diagonal."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, c)
        a_data, a_shape = caller.array(a, arguments[0])
        c_data, c_shape = caller.array(c, arguments[1])
        plain = builder.not_(builder.trunc(arguments[2], ir.IntType(1)))
        inner = builder.select(plain, a_shape[1], a_shape[0])
        zero = ir.Constant(caller.element, 0.0)
        caller.call(
            "syrk", caller.letter_of("U"), caller.flag(plain), caller.integer(c_shape[0]), caller.integer(inner),
            caller.number(scale, arguments[3]), a_data, caller.stride(a_shape[1]),
            cgutils.alloca_once_value(builder, zero), c_data, caller.stride(c_shape[1]),
        )  # fmt: skip
        return context.get_dummy_value()

    return types.void(a, c, types.boolean, scale), emit


@njit(nogil=True)
def _mirror(c: Any) -> None:
    """Copy what is below the diagonal above it, tile by tile: columns of a tile stay in cache."""
    for first in range(0, len(c), TILE):
        for column in range(0, first + TILE, TILE):
            for i in range(first, min(first + TILE, len(c))):
                for j in range(column, min(column + TILE, i)):
                    c[j, i] = c[i, j]


@njit(forceinline=True, nogil=True)
def syrk(a: Any, b: Any, c: Any, a_transposed: Any, b_transposed: Any, add: Any, scale: Any) -> None:
    """Write a multiple of the product of a matrix and its own transpose, or add it; ``b`` is ``a``."""
    if add or len(c) < SYMMETRIC or a.size < ENOUGH:
        gemm(a, b, c, a_transposed, b_transposed, add, scale)
    else:
        _syrk(a, c, a_transposed, scale)
        _mirror(c)
