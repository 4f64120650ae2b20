"""Matrix products in native code: BLAS as SciPy ships it, called by address, transposes as flags.

The addresses are registered as symbols, so that code using them can be kept in the disk cache.
Source: Dongarra et al., A set of level 3 basic linear algebra subprograms (1990).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from graphc.backends.words import BYTE, INT

PREFIX = {types.float32: "s", types.float64: "d"}
SYMMETRIC, ENOUGH = 48, 8192
"""From this many rows of the result and elements of the matrix on half of ``a @ a.T`` is computed and mirrored."""
TILE = 16

_BIT = ir.IntType(1)
Emit: TypeAlias = Callable[..., None]
"""Emits what a function does: given a `Caller`, and its arguments."""


def register(library: str, *routines: str) -> None:
    """Make routines of SciPy's BLAS or LAPACK known to compiled code, for each dtype."""
    for letter in PREFIX.values():
        for routine in routines:
            address = get_cython_function_address(f"scipy.linalg.cython_{library}", letter + routine)
            llvmlite.binding.add_symbol(f"graphc_{letter}{routine}", address)


register("blas", "gemm", "gemv", "syrk")


class Caller:
    """Emits a call of a Fortran routine: every argument by address."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.context, self.builder = context, builder
        self.dtype = dtype
        self.element = context.get_data_type(dtype)
        self.size = context.get_abi_sizeof(self.element)
        self.letter = PREFIX[dtype]

    def array(self, array_type: Any, value: Any) -> tuple[Any, list[Any]]:
        """Return data pointer and sizes of an array."""
        model = self.context.data_model_manager[array_type]
        data, shape = (
            self.builder.extract_value(value, model.get_field_position(field)) for field in ("data", "shape")
        )
        return data, cgutils.unpack_tuple(self.builder, shape)

    def factors(self, kinds: Any, arguments: Any, number_kind: Any) -> list[Any]:
        """Return what `gemm` takes as values: three data pointers, the sizes of each, three flags, and the scale."""
        arrays = [self.array(kind, value) for kind, value in zip(kinds, arguments, strict=False)]
        sizes = [size for _, shape in arrays for size in shape]
        flags = [self.bit(flag) for flag in arguments[3:6]]
        return [*(data for data, _ in arrays), *sizes, *flags, self.number(number_kind, arguments[6])]

    def integer(self, value: Any) -> Any:
        """Return the address of a size, as Fortran's integer."""
        return self.address(self.builder.trunc(value, INT))

    def stride(self, value: Any) -> Any:
        """Return the address of a leading dimension, which is never below one."""
        one = ir.Constant(value.type, 1)
        return self.integer(self.builder.select(self.builder.icmp_signed("<", value, one), one, value))

    def bit(self, flag: Any) -> Any:
        """Return a truth value as LLVM's own."""
        return self.builder.trunc(flag, _BIT)

    def number(self, kind: Any, value: Any) -> Any:
        """Return a number in the element's type."""
        return self.context.cast(self.builder, value, kind, self.dtype)

    def address(self, value: Any) -> Any:
        """Return an address that holds a value."""
        return cgutils.alloca_once_value(self.builder, value)

    def zero_or_one(self, flag: Any) -> Any:
        """Return the address of the factor of the old result: one where it is added to."""
        numbers = [ir.Constant(self.element, number) for number in (1.0, 0.0)]
        return self.address(self.builder.select(flag, *numbers))

    def flag(self, transposed: Any) -> Any:
        """Return the address of Fortran's T or N."""
        return self.address(self.builder.select(transposed, *map(_letter_of, "TN")))

    def letter_of(self, letter: str) -> Any:
        """Return the address of one of Fortran's letters."""
        return self.address(_letter_of(letter))

    def one(self) -> Any:
        """Return the address of the increment of a contiguous vector."""
        return self.address(ir.Constant(INT, 1))

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

    def call_apart(self, emit: Emit, values: list[Any]) -> None:
        """Emit the call of a function of values, which is emitted once for the module.

        The many addresses that Fortran takes are then not those of the caller: LLVM takes quadratic time for them.
        """
        module = self.builder.module
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        function = cgutils.get_or_insert_function(module, kind, f"graphc_call_{self.letter}{emit.__name__}")
        if function.is_declaration:
            function.linkage = "linkonce_odr"
            function.attributes.add("noinline")
            builder = ir.IRBuilder(function.append_basic_block())
            emit(Caller(self.context, builder, self.dtype), *function.args)
            builder.ret_void()
        self.builder.call(function, values)

    def call(self, routine: str, *arguments: Any) -> None:
        """Emit the call."""
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        name = f"graphc_{self.letter}{routine}"
        self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)


def _letter_of(letter: str) -> Any:
    """Return a letter as a constant of the code."""
    return ir.Constant(BYTE, ord(letter))


def _gemm(
    caller: Caller, a: Any, b: Any, c: Any, a_rows: Any, a_columns: Any, b_rows: Any, b_columns: Any, rows: Any,
    columns: Any, a_transposed: Any, b_transposed: Any, adds: Any, scale: Any,
) -> None:  # fmt: skip
    """Emit ``c = scale * op(a) @ op(b)``; row-major arrays are Fortran's transposes: c' = op(b)' op(a)'."""
    inner = caller.builder.select(a_transposed, a_rows, a_columns)
    with caller.unless_nothing_is_summed(inner, adds, c, [rows, columns]):
        caller.call(
            "gemm", caller.flag(b_transposed), caller.flag(a_transposed), caller.integer(columns),
            caller.integer(rows), caller.integer(inner), caller.address(scale), b, caller.stride(b_columns), a,
            caller.stride(a_columns), caller.zero_or_one(adds), c, caller.stride(columns),
        )  # fmt: skip


@intrinsic
def gemm(
    typing_context: Any, a: Any, b: Any, c: Any, a_transposed: Any, b_transposed: Any, add: Any, scale: Any = 1.0
) -> Any:
    """Type and emit ``c = scale * op(a) @ op(b)`` of contiguous matrices, or add it to c.

    This is no compiled function, as each of those takes Numba 80 ms for every combination of types.
    """
    factor = type_of(scale)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, c.dtype)
        caller.call_apart(_gemm, caller.factors((a, b, c), arguments, factor))
        return context.get_dummy_value()

    return types.void(a, b, c, types.boolean, types.boolean, types.boolean, factor), emit


def _gemv(
    caller: Caller, a: Any, x: Any, y: Any, rows: Any, columns: Any, inner: Any, length: Any, transposed: Any,
    adds: Any, scale: Any,
) -> None:  # fmt: skip
    """Emit ``y = scale * op(a) @ x``."""
    with caller.unless_nothing_is_summed(inner, adds, y, [length]):
        caller.call(
            "gemv", caller.flag(caller.builder.not_(transposed)), caller.integer(columns), caller.integer(rows),
            caller.address(scale), a, caller.stride(columns), x, caller.one(), caller.zero_or_one(adds), y,
            caller.one(),
        )  # fmt: skip


@intrinsic
def gemv(typing_context: Any, a: Any, x: Any, y: Any, transposed: Any, add: Any, scale: Any) -> Any:
    """Type and emit ``y = scale * op(a) @ x`` of a contiguous matrix and vectors, or add it to y.

    The vectors may be matrices with one row or column.
    """
    factor = type_of(scale)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, y.dtype)
        (a_data, (rows, columns)), (x_data, x_shape), (y_data, y_shape) = (
            caller.array(kind, value) for kind, value in zip((a, x, y), arguments, strict=False)
        )
        lengths = [functools.reduce(builder.mul, shape) for shape in (x_shape, y_shape)]
        flags = [caller.bit(flag) for flag in arguments[3:5]]
        values = [a_data, x_data, y_data, rows, columns, *lengths, *flags, caller.number(factor, arguments[5])]
        caller.call_apart(_gemv, values)
        return context.get_dummy_value()

    return types.void(a, x, y, types.boolean, types.boolean, factor), emit


def type_of(scale: Any) -> Any:
    """Return the type of an argument that is a Python number where it is left out."""
    return scale if isinstance(scale, types.Type) else types.float64


@intrinsic
def _syrk(typing_context: Any, a: Any, c: Any, transposed: Any, scale: Any) -> Any:
    """Type and emit ``c = scale * op(a) @ op(a).T`` on and below the diagonal."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        caller = Caller(context, builder, c.dtype)
        a_data, a_shape = caller.array(a, arguments[0])
        c_data, c_shape = caller.array(c, arguments[1])
        plain = builder.not_(builder.trunc(arguments[2], ir.IntType(1)))
        inner = builder.select(plain, a_shape[1], a_shape[0])
        zero = ir.Constant(caller.element, 0.0)
        caller.call(
            "syrk", caller.letter_of("U"), caller.flag(plain), caller.integer(c_shape[0]), caller.integer(inner),
            caller.address(caller.number(scale, arguments[3])), a_data, caller.stride(a_shape[1]),
            caller.address(zero), c_data, caller.stride(c_shape[1]),
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
