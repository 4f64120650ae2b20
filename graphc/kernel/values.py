"""The values of the kernel IR: numbers, names, sizes, elements of buffers, rows applied to values.

Indices are values of dtype int64, built with Python's operators by the movement rows' index maps.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from graphc.graph.dimensions import Dimension
from graphc.graph.types import DType


class Arithmetic:
    """Python's operators on values, folding what is known: index maps are written with these."""

    __slots__ = ()

    def __add__(self, other: Any) -> Value:
        return index_call("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return index_call("add", other, self)

    def __sub__(self, other: Any) -> Value:
        return index_call("subtract", self, other)

    def __rsub__(self, other: Any) -> Value:
        return index_call("subtract", other, self)

    def __mul__(self, other: Any) -> Value:
        return index_call("multiply", self, other)

    def __rmul__(self, other: Any) -> Value:
        return index_call("multiply", other, self)

    def __floordiv__(self, other: Any) -> Value:
        return index_call("floor_divide", self, other)

    def __mod__(self, other: Any) -> Value:
        return index_call("mod", self, other)

    def __lt__(self, other: Any) -> Value:
        return compare("less", self, other)

    def __le__(self, other: Any) -> Value:
        return compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Value:
        return compare("less", other, self)

    def __ge__(self, other: Any) -> Value:
        return compare("less_equal", other, self)

    def equals(self, other: Any) -> Value:
        """Return the comparison for equality (``==`` compares the values themselves)."""
        return compare("equal", self, other)

    def __and__(self, other: Any) -> Value:
        return Call("logical_and", (as_value(self), as_value(other)), "bool")

    __rand__ = __and__


@dataclass(frozen=True, slots=True)
class Const(Arithmetic):
    """A number known when the kernel is made."""

    value: bool | int | float
    dtype: DType

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and (self.dtype, repr(self.value)) == (other.dtype, repr(other.value))

    def __hash__(self) -> int:
        return hash((self.dtype, repr(self.value)))


@dataclass(frozen=True, slots=True)
class Name(Arithmetic):
    """A scalar variable or a loop index."""

    name: str
    dtype: DType = "int64"


@dataclass(frozen=True, slots=True)
class Extent(Arithmetic):
    """A size that is known when the kernel is called."""

    size: Dimension
    dtype: DType = "int64"


@dataclass(frozen=True, slots=True)
class Load(Arithmetic):
    """An element of a buffer."""

    buffer: str
    index: tuple[Value, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Call(Arithmetic):
    """A scalar row applied to values; ``attributes`` are those of the graph's node, if it has any."""

    op: str
    arguments: tuple[Value, ...]
    dtype: DType
    attributes: tuple[tuple[str, Any], ...] = ()


Value: TypeAlias = "Const | Name | Extent | Load | Call"
Index: TypeAlias = "tuple[Value, ...]"
ONE = Const(1.0, "float64")


def zero_of(dtype: DType) -> Const:
    """Return the number 0 of a dtype."""
    return Const(np.zeros((), dtype).item(), dtype)


def as_value(item: Any) -> Value:
    """Return an index operand as a value."""
    if isinstance(item, Dimension):
        return Extent(item)
    if isinstance(item, int):
        return Const(int(item), "int64")
    value: Value = item
    return value


_FOLD: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": operator.floordiv,
    "mod": operator.mod,
}


def index_call(op: str, first: Any, second: Any) -> Value:
    """Return integer arithmetic on two indices, folded where an operand decides it."""
    left, right = as_value(first), as_value(second)
    divides = op in ("floor_divide", "mod")
    if isinstance(left, Const) and isinstance(right, Const) and not (divides and right.value == 0):
        return Const(_FOLD[op](int(left.value), int(right.value)), "int64")
    zero, one = Const(0, "int64"), Const(1, "int64")
    if op in ("add", "subtract") and right == zero:
        return left
    if op == "add" and left == zero:
        return right
    if op == "multiply" and zero in (left, right):
        return zero
    if op in ("multiply", "floor_divide") and right == one:
        return left
    if op == "multiply" and left == one:
        return right
    if op == "mod" and right == one:
        return zero
    return Call(op, (left, right), "int64")


def compare(op: str, left: Any, right: Any) -> Value:
    """Return a comparison of two indices."""
    return Call(op, (as_value(left), as_value(right)), "bool")
