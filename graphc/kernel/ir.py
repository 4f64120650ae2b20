"""The kernel IR: what a graph becomes before it is code. This grammar is all of it.

    Kernel    = (name, inputs, buffers, body, results)
    Statement = Let(name, value) | Assign(name, value) | Fold(name, op, value)
              | Store(buffer, index*, value) | Accumulate(buffer, index*, op, value)
              | Loop(index, extent, body*, step) | Library(call, operands*, flags, scale)
              | Stop(value) | Grow(buffer, index) | Count(size, value) | Allocate(buffer)
    Value     = Load(buffer, index*) | Call(op, value*) | Const(value) | Name(name) | Extent(size)

``Call`` names the same rows as the graph: there is no second set of operations. Let binds a name once;
Assign and Fold update one that a Let began. A scalar is a name; an array is a buffer. Indices are values
of dtype int64, built with Python's operators by the movement rows' index maps. Statements carry the
origin of the node they compute, so that every generated line can name the user's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from graphc.graph.dimensions import Dimension, Shape, Size
from graphc.graph.origin import Origin
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
ONE = Const(1.0, "float64")


@dataclass(frozen=True, slots=True)
class Let:
    """Bind a new name."""

    name: str
    value: Value
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a name bound before another value."""

    name: str
    value: Value
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """Combine a value into an accumulator: ``name = op(name, value)``."""

    name: str
    op: str
    value: Value
    dtype: DType
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """Write an element of a buffer."""

    buffer: str
    index: tuple[Value, ...]
    value: Value
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Accumulate:
    """Combine a value into an element of a buffer: ``buffer[index] = op(buffer[index], value)``."""

    buffer: str
    index: tuple[Value, ...]
    op: str
    value: Value
    dtype: DType
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Chunks:
    """How a loop may run in chunks: the work of an iteration, what each chunk has of its own.

    That is a number for each fold from outside, totals with the operation that accumulates, private buffers.
    """

    work: Size
    folds: tuple[Fold, ...]
    totals: tuple[tuple[str, str], ...]
    private: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """Run the body for each value of the index from 0 to below the extent.

    A step above 1 makes blocks: the index is each block's first row, and a loop ``within`` it runs over
    the block's rows. The iterations of an ``ordered`` loop, a scan's, need what those before them left.
    """

    index: str
    extent: Size
    body: tuple[Statement, ...]
    step: int = 1
    within: str = ""
    ordered: bool = False
    chunks: Chunks | None = None


@dataclass(frozen=True, slots=True)
class Operand:
    """A buffer handed to a library: all of it, the part at leading indices, or the rows of a block.

    A local buffer holds the rows of one block only.
    """

    buffer: str
    index: tuple[Value, ...] = ()
    rows: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class Library:
    """A call of a library routine; flags are literal arguments: transposes, then whether to add to the result.

    What is written or added is ``scale`` times the product.
    """

    call: str
    results: tuple[Operand, ...]
    operands: tuple[Operand, ...]
    flags: tuple[Any, ...] = ()
    origin: Origin | None = None
    scale: Value = ONE


@dataclass(frozen=True, slots=True)
class Stop:
    """Leave the loop around it where a value is false."""

    value: Value
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Grow:
    """Make room for an element of a local buffer whose length is not known yet."""

    buffer: str
    index: Value
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """From here on a size is known; the buffers that grew are cut to it."""

    size: Dimension
    value: Value
    grown: tuple[str, ...]
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Allocate:
    """Here a local buffer begins: memory of its own or, where it grows, a first piece of it; or a view."""

    buffer: str
    grows: bool = False
    origin: Origin | None = None


Statement: TypeAlias = "Let | Assign | Fold | Store | Accumulate | Loop | Library | Stop | Grow | Count | Allocate"


@dataclass(frozen=True, slots=True)
class Buffer:
    """An array: an input, a result, a constant, workspace, or a view of another in a new shape."""

    name: str
    dtype: DType
    shape: Shape
    role: str
    """One of "input", "output", "constant", "workspace", "view", "local".

    A local one has a size that only running tells, so that the kernel allocates it itself.
    """
    base: str = ""
    """The buffer a view looks at."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One native function: its inputs in order, buffers by name, statements, scalar results by position.

    results: for each output of the graph a buffer's name, or the scalar value returned for it.
    """

    inputs: tuple[Buffer | Name, ...]
    buffers: dict[str, Buffer]
    body: tuple[Statement, ...]
    results: tuple[str | Value, ...]
    constants: dict[str, Any] = field(default_factory=dict)

    def with_body(self, body: tuple[Statement, ...]) -> Kernel:
        """Return the kernel with other statements."""
        return replace(self, body=body)


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
