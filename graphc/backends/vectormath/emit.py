"""Numbers that write LLVM code: arithmetic on them emits instructions, for float64 and float32 alike.

Every instruction carries the flag ``afn``, which means nothing for arithmetic but keeps Numba from
adding its own: the error-free steps of the formulas must not be contracted or reordered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
from llvmlite import ir

EXACT = ("afn",)
Coefficients = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating-point format.

    Attributes:
        name: its NumPy name.
        real, whole: LLVM's types of the number and of its bits.
        digits: stored bits of the mantissa.
        bias: of the exponent.
        tiny: the smallest normal number.
    """

    name: str
    real: Any
    whole: Any
    digits: int
    bias: int
    tiny: float

    @property
    def magic(self) -> float:
        """The number whose addition rounds to integers, found in the low bits of the sum."""
        return 1.5 * 2.0**self.digits

    def pick(self, double: float, single: float) -> float:
        """Return the value for this format."""
        return double if self.name == "float64" else single


FORMATS = {
    "float64": Format("float64", ir.DoubleType(), ir.IntType(64), 52, 1023, 2.0**-1022),
    "float32": Format("float32", ir.FloatType(), ir.IntType(32), 23, 127, 2.0**-126),
}
Operand = Union["Number", float]


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition in code being written."""

    builder: Any
    value: Any

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.or_(self.value, other.value))


@dataclass(frozen=True, slots=True)
class Bits:
    """The bits of a number, as an integer in code being written."""

    builder: Any
    value: Any
    format: Format

    def _with(self, name: str, other: Bits | int) -> Bits:
        right = other.value if isinstance(other, Bits) else ir.Constant(self.format.whole, other)
        return Bits(self.builder, getattr(self.builder, name)(self.value, right), self.format)

    def __add__(self, other: Bits | int) -> Bits:
        return self._with("add", other)

    def __sub__(self, other: Bits | int) -> Bits:
        return self._with("sub", other)

    def __and__(self, other: Bits | int) -> Bits:
        return self._with("and_", other)

    def __or__(self, other: Bits | int) -> Bits:
        return self._with("or_", other)

    def __xor__(self, other: Bits | int) -> Bits:
        return self._with("xor", other)

    def __lshift__(self, other: int) -> Bits:
        return self._with("shl", other)

    def __rshift__(self, other: int) -> Bits:
        """Shift zeros in from the left."""
        return self._with("lshr", other)

    def __neg__(self) -> Bits:
        return Bits(self.builder, self.builder.neg(self.value), self.format)

    def nonzero(self) -> Truth:
        """Return whether any bit is set."""
        zero = ir.Constant(self.format.whole, 0)
        return Truth(self.builder, self.builder.icmp_unsigned("!=", self.value, zero))

    def number(self) -> Number:
        """Return the number these are the bits of."""
        return Number(self.builder, self.builder.bitcast(self.value, self.format.real), self.format)


@dataclass(frozen=True, slots=True)
class Number:
    """A floating-point number in code being written."""

    builder: Any
    value: Any
    format: Format

    def constant(self, value: float) -> Number:
        """Return a constant, rounded to the format."""
        rounded = float(np.dtype(self.format.name).type(value))
        return Number(self.builder, ir.Constant(self.format.real, rounded), self.format)

    def _as_number(self, value: Operand) -> Number:
        return value if isinstance(value, Number) else self.constant(value)

    def _with(self, name: str, left: Operand, right: Operand) -> Number:
        emit = getattr(self.builder, name)
        value = emit(self._as_number(left).value, self._as_number(right).value, flags=EXACT)
        return Number(self.builder, value, self.format)

    def __add__(self, other: Operand) -> Number:
        return self._with("fadd", self, other)

    def __radd__(self, other: Operand) -> Number:
        return self._with("fadd", other, self)

    def __sub__(self, other: Operand) -> Number:
        return self._with("fsub", self, other)

    def __rsub__(self, other: Operand) -> Number:
        return self._with("fsub", other, self)

    def __mul__(self, other: Operand) -> Number:
        return self._with("fmul", self, other)

    def __rmul__(self, other: Operand) -> Number:
        return self._with("fmul", other, self)

    def __truediv__(self, other: Operand) -> Number:
        return self._with("fdiv", self, other)

    def __rtruediv__(self, other: Operand) -> Number:
        return self._with("fdiv", other, self)

    def __neg__(self) -> Number:
        return Number(self.builder, self.builder.fneg(self.value, flags=EXACT), self.format)

    def __abs__(self) -> Number:
        return self._intrinsic("llvm.fabs", self)

    def _compare(self, sign: str, other: Operand) -> Truth:
        right = self._as_number(other).value
        return Truth(self.builder, self.builder.fcmp_ordered(sign, self.value, right, flags=EXACT))

    def __lt__(self, other: Operand) -> Truth:
        return self._compare("<", other)

    def __le__(self, other: Operand) -> Truth:
        return self._compare("<=", other)

    def __gt__(self, other: Operand) -> Truth:
        return self._compare(">", other)

    def __ge__(self, other: Operand) -> Truth:
        return self._compare(">=", other)

    def equals(self, other: Operand) -> Truth:
        """Return whether two numbers are equal; false for NaN."""
        return self._compare("==", other)

    def is_positive(self) -> Truth:
        """Return whether a number is finite and above 0, in one comparison of its bits."""
        infinite = (2 * self.format.bias + 1) << self.format.digits
        below = ir.Constant(self.format.whole, infinite - 1)
        return Truth(self.builder, self.builder.icmp_unsigned("<", (self.bits() - 1).value, below))

    def has_sign(self) -> Truth:
        """Return whether the sign bit is set."""
        zero = ir.Constant(self.format.whole, 0)
        return Truth(self.builder, self.builder.icmp_signed("<", self.bits().value, zero))

    def _intrinsic(self, name: str, *arguments: Number) -> Number:
        real = self.format.real
        form = ir.FunctionType(real, [real] * len(arguments))
        function = self.builder.module.declare_intrinsic(name, [real], form)
        value = self.builder.call(function, [argument.value for argument in arguments])
        return Number(self.builder, value, self.format)

    def times_plus(self, factor: Operand, summand: Operand) -> Number:
        """Return self * factor + summand, rounded once."""
        return self._intrinsic("llvm.fma", self, self._as_number(factor), self._as_number(summand))

    def sqrt(self) -> Number:
        """Return the square root."""
        return self._intrinsic("llvm.sqrt", self)

    def floor(self) -> Number:
        """Return the largest integer not above the number."""
        return self._intrinsic("llvm.floor", self)

    def bits(self) -> Bits:
        """Return the bits."""
        return Bits(self.builder, self.builder.bitcast(self.value, self.format.whole), self.format)

    def with_sign_of(self, other: Number) -> Number:
        """Return the number's magnitude with another's sign."""
        return self._intrinsic("llvm.copysign", self, other)

    def polynomial(self, table: Coefficients | Sequence[float]) -> Number:
        """Return a polynomial of the number: even and odd powers apart, each by Horner's rule."""
        coefficients = table[self.format.name] if isinstance(table, Mapping) else table
        if len(coefficients) < 7:
            return self.horner(coefficients)
        square = self * self
        return square.horner(coefficients[1::2]).times_plus(self, square.horner(coefficients[::2]))

    def horner(self, coefficients: Sequence[float]) -> Number:
        """Return a polynomial with the fewest instructions, one waiting for the other."""
        result = self.constant(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            result = result.times_plus(self, coefficient)
        return result


def select(condition: Truth, yes: Operand, no: Operand) -> Number:
    """Return one of two numbers; both are computed."""
    model = yes if isinstance(yes, Number) else no
    assert isinstance(model, Number)
    left, right = model._as_number(yes), model._as_number(no)
    return Number(model.builder, model.builder.select(condition.value, left.value, right.value), model.format)


def not_above(x: Number, bound: float) -> Number:
    """Return min(x, bound); NaN stays."""
    return select(x > bound, bound, x)


def not_below(x: Number, bound: float) -> Number:
    """Return max(x, bound); NaN stays."""
    return select(x < bound, bound, x)
