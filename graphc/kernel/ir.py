"""The kernel IR: what a graph becomes before it is code. This grammar is all of it.

    Kernel    = (inputs, buffers, body, results, constants)
    Statement = Let(name, value) | Assign(name, value) | Fold(name, op, value)
              | Store(buffer, index*, value) | Accumulate(buffer, index*, op, value)
              | Loop(index, extent, body*, step) | Library(call, results*, operands*, flags, scale)
              | Stop(value) | Fail(value, number, limit) | Grow(buffer, index) | Count(size, value, grown*)
              | Allocate(buffer)
    Value     = Load(buffer, index*) | Call(op, value*) | Const(value) | Name(name) | Extent(size)

``Call`` names the same rows as the graph: there is no second set of operations. Let binds a name once;
Assign and Fold update one that a Let began. A scalar is a name; an array is a buffer. Indices are values
of dtype int64, built with Python's operators by the movement rows' index maps. Statements carry the
origin of the node they compute, so that every generated line can name the user's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from graphc.graph.dimensions import Dimension, Shape, Size
from graphc.graph.origin import Origin
from graphc.graph.types import DType
from graphc.kernel.values import (
    ONE,
    Arithmetic,
    Call,
    Const,
    Extent,
    Index,
    Load,
    Name,
    Value,
    as_value,
    compare,
    index_call,
    zero_of,
)

__all__ = [
    "ONE", "Accumulate", "Allocate", "Arithmetic", "Assign", "Buffer", "Call", "Chunks", "Const", "Count", "Extent",
    "Fail", "Fold", "Grow", "Index", "Kernel", "Let", "Library", "Load", "Loop", "Name", "Operand", "Statement",
    "Stop", "Store", "Value", "as_value", "compare", "index_call", "zero_of",
]  # fmt: skip


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
    """A call of a library routine; flags are literal arguments.

    Those of a product are transposes, then whether to add to the result; what is written or added is ``scale``
    times the product. LAPACK's routines work in the memory of their results, which hold what they begin with.
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
class Fail:
    """Leave the kernel with an error where a value is true: the loop of that number goes on after its last step."""

    value: Value
    number: int
    limit: int
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


Statement: TypeAlias = (
    "Let | Assign | Fold | Store | Accumulate | Loop | Library | Stop | Fail | Grow | Count | Allocate"
)


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
    threads: bool = True
    """Whether its loops and products may use threads where they have the work."""

    @property
    def bases(self) -> dict[str, str]:
        """The buffer that each view looks at."""
        return {name: buffer.base for name, buffer in self.buffers.items() if buffer.role == "view"}

    def memory(self, name: str) -> str:
        """Return the buffer whose memory a name stands for: what a view looks at, else the buffer itself."""
        while self.buffers[name].role == "view":
            name = self.buffers[name].base
        return name

    def with_body(self, body: tuple[Statement, ...]) -> Kernel:
        """Return the kernel with other statements."""
        return replace(self, body=body)
