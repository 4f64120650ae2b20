"""Long straight-line runs of a kernel, taken out of its source as compact text that native code is made of.

Numba's front end needs about 2 ms for each statement. A run of more than `LONGEST_SOURCE` scalar statements
is therefore written as one call of a block. The text of a block has a line for each step: the number of a
row and its operands, where value n is the n-th input or result and -n is the n-th constant; ``l`` loads and
``s`` stores the element of an array at a known place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Call,
    Const,
    Extent,
    Fold,
    Kernel,
    Let,
    Load,
    Name,
    Statement,
    Store,
    Value,
)
from graphc.kernel.walk import statement_values, values_in, walk_statements

LONGEST_SOURCE = 300
"""Runs of more statements than this are blocks."""

Row = tuple[str, tuple[str, ...], str, tuple[tuple[str, Any], ...]]
"""A scalar row as a block uses it: its name, the dtypes of its arguments and result, its attributes."""


@dataclass(slots=True)
class Block:
    """A run of scalar statements as text, and what it takes and gives.

    inputs: names and sizes it reads, in order; then its arrays are arguments too.
    results: names it gives a value that is used after it, with the numbers of those values.
    """

    inputs: list[Name | Extent] = field(default_factory=list)
    arrays: list[tuple[str, str]] = field(default_factory=list)
    constants: list[tuple[str, str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    code: str = ""

    def definition(self) -> str:
        """Return the Python text of the block's description."""
        types = tuple(entry.dtype for entry in self.inputs)
        dtypes = tuple(dtype for _, dtype in self.arrays)
        return (
            f"{types!r},\n    {dtypes!r},\n    {tuple(self.constants)!r},\n    {tuple(self.rows)!r},\n"
            f'    {tuple(self.numbers)!r},\n    """\\\n{self.code}""",\n'
        )


def split_body(kernel: Kernel) -> list[Statement | Block]:
    """Return a kernel's statements with each long run of scalar ones as a block."""
    parts: list[Statement | Block] = []
    runs = _runs(kernel)
    if not any(long for long, _ in runs):
        return list(kernel.body)
    encoders = [_Encoder(kernel) if long else None for long, _ in runs]
    for encoder, (_, statements) in zip(encoders, runs, strict=True):
        if encoder is not None:
            encoder.encode(statements)
    needed = {value.name for root in kernel.results if not isinstance(root, str) for value in _names(root)}
    for encoder, (_, statements) in zip(reversed(encoders), reversed(runs), strict=True):
        if encoder is None:
            parts.extend(reversed(statements))
            needed.update(_names_read(statements))
        else:
            parts.append(encoder.finish(needed))
            needed.update(entry.name for entry in encoder.block.inputs if isinstance(entry, Name))
    return parts[::-1]


def _runs(kernel: Kernel) -> list[tuple[bool, list[Statement]]]:
    """Return the statements in pieces, with whether each is a long run that a block can hold."""
    fixed = {name for name, buffer in kernel.buffers.items() if all(isinstance(size, int) for size in buffer.shape)}
    runs: list[tuple[bool, list[Statement]]] = []
    for statement in kernel.body:
        scalar = _is_scalar(statement, fixed)
        if not runs or runs[-1][0] != scalar:
            runs.append((scalar, []))
        runs[-1][1].append(statement)
    return [(scalar and len(statements) > LONGEST_SOURCE, statements) for scalar, statements in runs]


def _is_scalar(statement: Statement, fixed: set[str]) -> bool:
    """Tell whether a statement computes one number, from and to places known now."""
    match statement:
        case Let(value=value) | Assign(value=value) | Fold(value=value):
            values: Iterable[Value] = (value,)
        case Store(buffer=buffer, index=index, value=value) | Accumulate(buffer=buffer, index=index, value=value):
            if buffer not in fixed or not _is_known(index):
                return False
            values = (value,)
        case _:
            return False
    return all(
        not isinstance(inner, Load) or (inner.buffer in fixed and _is_known(inner.index))
        for value in values
        for inner in values_in(value)
    )


def _is_known(index: Sequence[Value]) -> bool:
    """Tell whether an index is made of numbers."""
    return all(isinstance(value, Const) and value.value >= 0 for value in index)


def _names(value: Value) -> list[Name]:
    return [inner for inner in values_in(value) if isinstance(inner, Name)]


def _names_read(statements: Iterable[Statement]) -> set[str]:
    """Return the names that statements and everything inside them read or change."""
    found: set[str] = set()
    for statement in walk_statements(list(statements)):
        for value in statement_values(statement):
            found.update(name.name for name in _names(value))
        if isinstance(statement, (Assign, Fold)):
            found.add(statement.name)
    return found


class _Encoder:
    """One block being written."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.block = Block()
        self.rows: dict[Row, int] = {}
        self.constants: dict[Const, int] = {}
        self.inputs: dict[Value, int] = {}
        self.arrays: dict[str, int] = {}
        self.steps: list[tuple[str, list[tuple[str, int]]]] = []
        self.given: dict[str, tuple[str, int]] = {}
        """Where the latest value of each name is: the kind "input", "value" or "constant", and its number."""
        self.made = 0

    def encode(self, statements: Iterable[Statement]) -> None:
        """Write the steps of the statements."""
        for statement in statements:
            match statement:
                case Let(name=name, value=value) | Assign(name=name, value=value):
                    self.given[name] = self.value(value)
                case Fold(name=name, op=op, value=value, dtype=dtype):
                    self.given[name] = self.value(Call(op, (Name(name, dtype), value), dtype))
                case Store(buffer=buffer, index=index, value=value):
                    self.store(buffer, index, value)
                case Accumulate(buffer=buffer, index=index, op=op, value=value, dtype=dtype):
                    self.store(buffer, index, Call(op, (Load(buffer, index, dtype), value), dtype))

    def value(self, root: Value) -> tuple[str, int]:
        """Return where a value is, writing the steps that compute it."""
        if isinstance(root, Call) and not any(isinstance(a, (Call, Load)) for a in root.arguments):
            return self.call(root, [self.leaf(argument) for argument in root.arguments])
        done: list[tuple[str, int]] = []
        stack: list[tuple[Value, bool]] = [(root, False)]
        while stack:
            value, ready = stack.pop()
            if not isinstance(value, Call):
                done.append(self.leaf(value))
            elif ready:
                split = len(done) - len(value.arguments)
                done[split:] = [self.call(value, done[split:])]
            else:
                stack.append((value, True))
                stack.extend((argument, False) for argument in reversed(value.arguments))
        return done[0]

    def leaf(self, value: Value) -> tuple[str, int]:
        """Return where a name, number, size or element is."""
        if isinstance(value, Name):
            found = self.given.get(value.name)
            if found is not None:
                return found
        elif isinstance(value, Const):
            return "constant", self.constants.setdefault(value, len(self.constants))
        elif isinstance(value, Load):
            return self.step(f"l {self.place(value.buffer, value.index)}", [])
        assert isinstance(value, (Name, Extent))
        return "input", self.inputs.setdefault(value, len(self.inputs))

    def call(self, call: Call, operands: list[tuple[str, int]]) -> tuple[str, int]:
        """Write the step of a row."""
        row = (call.op, tuple([argument.dtype for argument in call.arguments]), call.dtype, call.attributes)
        return self.step(str(self.rows.setdefault(row, len(self.rows))), operands)

    def step(self, head: str, operands: list[tuple[str, int]]) -> tuple[str, int]:
        """Write a step that makes a value."""
        self.steps.append((head, operands))
        self.made += 1
        return "value", self.made - 1

    def store(self, buffer: str, index: tuple[Value, ...], value: Value) -> None:
        """Write the step that stores a value."""
        where = self.value(value)
        self.steps.append((f"s {self.place(buffer, index)}", [where]))

    def place(self, buffer: str, index: tuple[Value, ...]) -> str:
        """Return the number of an array and the position of an element in its memory."""
        position = 0
        for size, value in zip(self.kernel.buffers[buffer].shape, index, strict=True):
            assert isinstance(value, Const)
            assert isinstance(size, int)
            position = position * size + int(value.value)
        return f"{self.arrays.setdefault(buffer, len(self.arrays))} {position}"

    def finish(self, needed: set[str]) -> Block:
        """Return the block, its results those of the names in ``needed``."""
        block, first = self.block, len(self.inputs)

        def number(where: tuple[str, int]) -> int:
            kind, position = where
            return position if kind == "input" else first + position if kind == "value" else -1 - position

        block.inputs = [entry for entry in self.inputs if isinstance(entry, (Name, Extent))]
        block.arrays = [(name, self.kernel.buffers[name].dtype) for name in self.arrays]
        block.constants = [(constant.dtype, repr(constant.value)) for constant in self.constants]
        block.rows = list(self.rows)
        block.results = [name for name in self.given if name in needed]
        block.numbers = [number(self.given[name]) for name in block.results]
        lines = [" ".join([head, *[str(number(operand)) for operand in operands]]) for head, operands in self.steps]
        block.code = "\n".join(lines) + "\n"
        return block
