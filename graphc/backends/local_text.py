"""The text of statements about memory whose size only running tells, and of leaving a loop or the kernel."""

from __future__ import annotations

from typing import Protocol

from graphc.graph.dimensions import Shape, Size
from graphc.kernel.ir import Allocate, Count, Fail, Grow, Kernel, Stop, Value

FIRST_ROOM = 16
"""How many steps a tape has room for before it grows."""


class Writer(Protocol):
    """What a renderer offers."""

    kernel: Kernel
    helpers: set[str]

    def value(self, value: Value) -> str: ...

    def size(self, size: Size) -> str: ...

    def shape(self, shape: Shape) -> str: ...

    def typed_name(self, dtype: str) -> str: ...


def local_text(writer: Writer, statement: Stop | Fail | Grow | Count | Allocate) -> str:
    """Return the text of a statement."""
    match statement:
        case Stop(value=value):
            return f"if not {writer.value(value)}: break"
        case Fail(value=value, number=number, limit=limit):
            writer.helpers.add("fail_if")
            return f"fail_if({writer.value(value)}, {number}, {limit})"
        case Grow(buffer=buffer, index=index):
            writer.helpers.add("grown")
            return f"{buffer} = grown({buffer}, {writer.value(index)})"
        case Count(size=size, value=value, grown=grown):
            name = writer.size(size)
            cuts = [f"{buffer} = {buffer}[:{name}]" for buffer in grown]
            return "; ".join([f"{name} = {writer.value(value)}", *cuts])
        case Allocate(buffer=name, grows=grows):
            return f"{name} = {_memory(writer, name, grows)}"


def _memory(writer: Writer, name: str, grows: bool) -> str:
    """Return the expression for a buffer's memory."""
    buffer = writer.kernel.buffers[name]
    if buffer.role == "view":
        return f"{buffer.base}.reshape({writer.shape(buffer.shape)})"
    writer.helpers.add("empty")
    shape = writer.shape((FIRST_ROOM, *buffer.shape[1:]) if grows else buffer.shape)
    return f"empty({shape}, {writer.typed_name(buffer.dtype)})"
