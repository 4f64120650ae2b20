"""Source: a kernel as Python text that Numba compiles and a person can read.

The module holds one function. Its arguments are the kernel's inputs, then its constants, results and
workspaces that are arrays; it returns the results that are scalars. Sizes are read off the inputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from graphc.backends.inlining import changing_buffers, count_uses, is_lazy, may_move, without_branch
from graphc.backends.local_text import local_text
from graphc.backends.parentheses import bare, is_atom
from graphc.errors import InternalError
from graphc.graph.dimensions import Count as SizeFound
from graphc.graph.dimensions import Shape, Size, is_open
from graphc.graph.origin import Origin, describe_origin
from graphc.graph.table import OPERATIONS
from graphc.graph.types import INTEGERS, DType, is_float
from graphc.kernel.calls import is_product
from graphc.kernel.ir import (
    Accumulate,
    Allocate,
    Assign,
    Buffer,
    Call,
    Const,
    Count,
    Extent,
    Fail,
    Fold,
    Grow,
    Kernel,
    Let,
    Library,
    Load,
    Loop,
    Name,
    Operand,
    Statement,
    Stop,
    Store,
    Value,
)
from graphc.kernel.names import helpers_in, unique_names
from graphc.kernel.sizes import named_sizes
from graphc.ops.scalar_row import ARGUMENT_NAMES, ScalarOperation

INLINE_WIDTH = 60
"""A value used once is written where it is used if its text is no longer than this."""
FUNCTION = "kernel"
LONGEST_TUPLE = 20
"""Tuples of more entries than this are written with names alone."""
INFIX = {"add": "+", "subtract": "-", "multiply": "*", "floor_divide": "//", "mod": "%"}


@dataclass(slots=True)
class Source:
    """A rendered kernel: its text, and for each line of it the user's ``file:line``."""

    lines: list[str] = field(default_factory=list)
    origins: list[Origin | None] = field(default_factory=list)

    def text(self) -> str:
        """Return the module's text: what is compiled and cached."""
        return "\n".join(self.lines) + "\n"

    def annotated(self) -> str:
        """Return the text with the user's line behind each line that computes."""
        width = max((len(line) for line, origin in zip(self.lines, self.origins, strict=True) if origin), default=0)
        result = []
        for line, origin in zip(self.lines, self.origins, strict=True):
            result.append(f"{line:<{width}}  # {describe_origin(origin)}" if origin else line)
        return "\n".join(result) + "\n"


def array_arguments(kernel: Kernel) -> list[Buffer]:
    """Return the buffers a kernel takes after its inputs: constants, results, workspaces."""
    return [
        buffer
        for role in ("constant", "output", "workspace")
        for buffer in kernel.buffers.values()
        if buffer.role == role
    ]


def returned_values(kernel: Kernel) -> list[Value]:
    """Return the scalar results, in order."""
    return [result for result in kernel.results if not isinstance(result, str)]


def render(kernel: Kernel) -> Source:
    """Return the source of a kernel."""
    return Renderer(kernel).source()


def render_row(op: str, given: tuple[DType, ...], dtype: DType, attributes: tuple[tuple[str, Any], ...]) -> str:
    """Return a Python function ``row`` of numbers that is one scalar row on given dtypes."""
    arguments = tuple(Name(f"x{number}", each) for number, each in enumerate(given))
    text = Renderer(Kernel((), {}, (), ())).value(Call(op, arguments, dtype, attributes))
    return f"def row({', '.join(argument.name for argument in arguments)}):\n    return {text}\n"


class Renderer:
    """One module being written."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.arguments = [entry.name for entry in (*kernel.inputs, *array_arguments(kernel))]
        self.out = Source()
        self.helpers: set[str] = set()
        self.preamble: list[str] = []
        """Lines before the function: what it calls, made when the module is loaded."""
        self.inlined: dict[str, Value] = {}
        self.inlined_origins: dict[str, Origin | None] = {}
        self.size_names = self._name_sizes()
        self.uses = count_uses(self.kernel)
        self.changing = changing_buffers(kernel.body)

    def source(self) -> Source:
        """Return the module."""
        self._write_function()
        body, origins = self.out.lines, self.out.origins
        header = [f"from graphc.backends.runtime import {', '.join(sorted(self.helpers))}", ""] if self.helpers else []
        header += self.preamble
        return Source([*header, *body], [*(None for _ in header), *origins])

    def _write_function(self) -> None:
        """Write the function."""
        self._line(0, f"def {FUNCTION}({', '.join(self.arguments)}):")
        self._sizes_and_views()
        self._block(self.kernel.body, 1)
        self._return()

    def _return(self) -> None:
        """Write the return of the scalar results."""
        returned = self.short([self.value(value) for value in returned_values(self.kernel)], "kernel_result")
        if returned:
            named = [value.name for value in returned_values(self.kernel) if isinstance(value, Name)]
            origin = next((self.inlined_origins[name] for name in named if name in self.inlined), None)
            self._line(1, f"return ({', '.join(returned)},)", origin)
        elif len(self.out.lines) == 1:
            self._line(1, "pass")

    def short(self, texts: list[str], prefix: str) -> list[str]:
        """Return the texts of a tuple's entries; of many as names: Numba reads no long tuple with branches in it."""
        if len(texts) <= LONGEST_TUPLE:
            return texts
        for number, text in enumerate(texts):
            if not text.isidentifier():
                self._line(1, f"{prefix}{number} = {text}")
                texts[number] = f"{prefix}{number}"
        return texts

    def _line(self, depth: int, text: str, origin: Origin | None = None) -> None:
        self.out.lines.append("    " * depth + text)
        self.out.origins.append(origin)

    def _name_sizes(self) -> dict[str, str]:
        """Return a variable name for each named dimension."""
        found = named_sizes(self.kernel)
        wanted = ["count" if isinstance(name, SizeFound) else name for name in found]
        taken = [*self.kernel.buffers, *(entry.name for entry in self.kernel.inputs)]
        return dict(zip(found, unique_names(wanted, taken), strict=True))

    def _sizes_and_views(self) -> None:
        """Write where each size is read from, and the views."""
        written = set()
        for entry in self.kernel.inputs:
            if not isinstance(entry, Buffer):
                continue
            for axis, size in enumerate(entry.shape):
                name = self.size_names.get(str(size))
                if name is not None and name not in written:
                    written.add(name)
                    self._line(1, f"{name} = {entry.name}.shape[{axis}]")
        for buffer in self.kernel.buffers.values():
            if buffer.role == "view" and not any(is_open(size) for size in buffer.shape):
                self._line(1, f"{buffer.name} = {buffer.base}.reshape({self.shape(buffer.shape)})")

    def shape(self, shape: Shape) -> str:
        """Return a shape as a tuple's text."""
        return "(" + ", ".join(self.size(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"

    def size(self, size: Size) -> str:
        """Return a size as an expression of the variables that hold the named ones."""
        if isinstance(size, int):
            return str(size)
        text = str(size)
        for name in sorted(size.names(), key=len, reverse=True):
            if self.size_names[name] != name:
                text = re.sub(rf"\b{name}\b(?!\()", self.size_names[name], text)
        return text if text.isidentifier() else f"({text})"

    def _block(self, body: tuple[Statement, ...], depth: int) -> None:
        """Write the statements of a block."""
        for statement in body:
            match statement:
                case Loop(body=inner):
                    for line in self._loop_head(statement):
                        self._line(depth + (line[0] == " "), line.strip())
                    self._block(inner, depth + 1)
                case Let(name=name, value=value, origin=origin):
                    text = self.value(value)
                    if self.uses.get(name) == 1 and len(text) <= INLINE_WIDTH and may_move(value, depth, self.changing):
                        self.inlined[name], self.inlined_origins[name] = value, origin
                    else:
                        self._line(depth, f"{name} = {text}", origin)
                case _:
                    self._line(depth, self._simple(statement), statement.origin)

    def _loop_head(self, loop: Loop) -> list[str]:
        """Return the first lines of a loop; that of a loop over blocks says where each block ends."""
        extent = self.size(loop.extent)
        if loop.within:
            return [f"for {loop.index} in range({loop.within}, {loop.within}_end):"]
        if loop.step == 1:
            return [f"for {loop.index} in range({extent}):"]
        ends = f" {loop.index}_end = min({loop.index} + {loop.step}, {extent})"
        return [f"for {loop.index} in range(0, {extent}, {loop.step}):", ends]

    def _simple(self, statement: Statement) -> str:
        """Return the text of a statement without a body."""
        match statement:
            case Assign(name=name, value=value):
                return f"{name} = {self.value(value)}"
            case Fold(name=name, op="add", value=value, dtype=dtype) if is_float(dtype):
                self.helpers.add("sum_any_order")
                return f"{name} = sum_any_order({name}, {bare(self.value(value))})"
            case Fold(name=name, op=op, value=value, dtype=dtype):
                return f"{name} = {self.call(op, (Name(name, dtype), value), dtype, dtype, {})}"
            case Store(buffer=buffer, index=index, value=value):
                return f"{self.element(buffer, index)} = {self.value(value)}"
            case Accumulate(buffer=buffer, index=index, op=op, value=value, dtype=dtype):
                target = self.element(buffer, index)
                return f"{target} = {self.call(op, (Load(buffer, index, dtype), value), dtype, dtype, {})}"
            case Library(call=call, results=results, operands=operands, flags=flags, scale=scale):
                self.helpers.add(call)
                arguments = [*map(self.operand, (*operands, *results)), *map(str, flags)]
                arguments += [bare(self.value(scale))] * is_product(statement)
                return f"{call}({', '.join(arguments)})"
            case Stop() | Fail() | Grow() | Count() | Allocate():
                return local_text(self, statement)
            case _:
                raise InternalError(f"no text for {type(statement).__name__}")

    def operand(self, operand: Operand) -> str:
        """Return the text of an array handed to a library."""
        if operand.rows:
            first, end = operand.rows, f"{operand.rows}_end"
            return f"{operand.buffer}[: {end} - {first}]" if operand.local else f"{operand.buffer}[{first}:{end}]"
        return self.element(operand.buffer, operand.index) if operand.index else operand.buffer

    def element(self, buffer: str, index: tuple[Value, ...]) -> str:
        """Return the text of an element of a buffer."""
        return f"{buffer}[{', '.join(bare(self.value(i)) for i in index)}]"

    def value(self, value: Value) -> str:
        """Return the text of a value, in parentheses where it needs them."""
        match value:
            case Const():
                return self.literal(value)
            case Name(name=name):
                return self.value(self.inlined[name]) if name in self.inlined else name
            case Extent(size=size):
                return self.size(size)
            case Load(buffer=buffer, index=index):
                return self.element(buffer, index)
            case Call(op=op, arguments=arguments, dtype=dtype, attributes=attributes):
                given = arguments[-1].dtype if arguments else dtype
                return self.call(op, arguments, given, dtype, dict(attributes))

    def literal(self, constant: Const) -> str:
        """Return a number of its dtype: Python's own for int64, float64 and bool, a typed one for others."""
        value, dtype = constant.value, constant.dtype
        if is_float(dtype):
            number = float(value)
            if number != number or number in (float("inf"), float("-inf")):
                self.helpers.add("nan" if number != number else "inf")
                text = "nan" if number != number else "inf" if number > 0 else "(-inf)"
            else:
                text = repr(number) if number >= 0 and repr(number)[0] != "-" else f"({number!r})"
            return text if dtype == "float64" else self.typed(dtype, text)
        if dtype == "bool":
            return str(bool(value))
        text = str(int(value)) if value >= 0 else f"({int(value)})"
        return text if dtype == "int64" else self.typed(dtype, text)

    def typed(self, dtype: str, text: str) -> str:
        """Return a conversion to a dtype."""
        return f"{self.typed_name(dtype)}({bare(text)})"

    def typed_name(self, dtype: str) -> str:
        """Return the name of a NumPy type."""
        name = "bool_" if dtype == "bool" else dtype
        self.helpers.add(name)
        return name

    def call(self, op: str, arguments: tuple[Value, ...], given: str, dtype: str, attributes: dict[str, object]) -> str:
        """Return the text of a row's code on values."""
        if op == "astype":
            return self.typed(str(attributes["dtype"]), self.value(arguments[0]))
        if dtype == "int64" and op in INFIX and given == "int64":
            return f"({self.value(arguments[0])} {INFIX[op]} {self.value(arguments[1])})"
        row = OPERATIONS[op]
        assert isinstance(row, ScalarOperation)
        texts = {name: self.value(argument) for name, argument in zip(ARGUMENT_NAMES, arguments, strict=False)}
        one, zero = (self.literal(Const(number, given)) for number in (1, 0))
        code = row.code if is_lazy(op, arguments) else without_branch(row.code)
        self.helpers.update(helpers_in(code))
        text = code.format(**texts, one=one, zero=zero)
        if (row.widens and dtype == "float32") or (dtype in INTEGERS and dtype != "int64"):
            return self.typed(dtype, text)
        return text if is_atom(text) else f"({text})"
