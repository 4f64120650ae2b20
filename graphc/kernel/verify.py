"""Verification: what must hold of every kernel, checked after every pass under GRAPHC_CHECK=1."""

from __future__ import annotations

from graphc.errors import InternalError
from graphc.kernel.calls import adds
from graphc.kernel.ir import Accumulate, Assign, Fold, Kernel, Let, Library, Load, Loop, Name, Statement, Store, Value
from graphc.kernel.walk import statement_values, values_in


def verify(kernel: Kernel, after: str) -> None:
    """Check that names are bound before use, views are of buffers, ranks fit, and all is written before it is read.

    Raises:
        InternalError: one of these does not hold; the message names the pass after which.
    """
    checker = _Checker(kernel, after)
    for buffer in kernel.buffers.values():
        if buffer.role == "view":
            checker.require(buffer.base in kernel.buffers, f"view {buffer.name} is of no buffer")
    checker.block(kernel.body)
    for result in kernel.results:
        if isinstance(result, str):
            checker.require(result in checker.written, f"result {result} is never written")
        else:
            checker.value(result)
    for buffer in kernel.buffers.values():
        if buffer.role == "output":
            checker.require(buffer.name in checker.written, f"output {buffer.name} is never written")


class _Checker:
    """What is bound and written so far."""

    def __init__(self, kernel: Kernel, after: str) -> None:
        self.kernel = kernel
        self.after = after
        self.names = {entry.name for entry in kernel.inputs if isinstance(entry, Name)}
        self.around: set[str] = set()
        given = ("input", "constant")
        self.written = {b.name for b in kernel.buffers.values() if b.role in given or 0 in b.shape}

    def require(self, holds: bool, message: str) -> None:
        """Raise when a condition does not hold."""
        if not holds:
            raise InternalError(f"after {self.after}: {message}")

    def value(self, value: Value) -> None:
        """Check every name and load in a value."""
        for inner in values_in(value):
            if isinstance(inner, Name):
                self.require(inner.name in self.names, f"name {inner.name} is used before it is bound")
            elif isinstance(inner, Load):
                self.access(inner.buffer, len(inner.index), read=True)

    def access(self, name: str, rank: int, read: bool) -> None:
        """Check that a buffer exists, has the rank it is indexed with, and was written if it is read."""
        self.require(name in self.kernel.buffers, f"buffer {name} does not exist")
        self.require(len(self.kernel.buffers[name].shape) == rank, f"buffer {name} is indexed with {rank} indices")
        if read:
            self.require(self.kernel.memory(name) in self.written, f"buffer {name} is read before it is written")

    def block(self, body: tuple[Statement, ...]) -> None:
        """Check the statements of a block in order."""
        for statement in body:
            for value in statement_values(statement):
                self.value(value)
            self.statement(statement)

    def statement(self, statement: Statement) -> None:
        """Check one statement and note what it binds and writes."""
        match statement:
            case Let(name=name):
                self.names.add(name)
            case Assign(name=name) | Fold(name=name):
                self.require(name in self.names, f"name {name} is changed before it is bound")
            case Store(buffer=buffer, index=index):
                self.access(buffer, len(index), read=False)
                self.written.add(self.kernel.memory(buffer))
            case Accumulate(buffer=buffer, index=index):
                self.access(buffer, len(index), read=True)
            case Loop(index=index, body=body, within=within):
                self.require(not within or within in self.names, f"block {within} is not open")
                self.require(index not in self.around, f"loop {index} is inside another of that name")
                self.names.add(index)
                self.around.add(index)
                self.block(body)
                self.around.remove(index)
            case Library(results=results, operands=operands):
                for operand in (*operands, *(results if adds(statement) else ())):
                    name = operand.buffer
                    self.require(self.kernel.memory(name) in self.written, f"operand {name} is not written")
                for operand in results:
                    self.require(operand.buffer in self.kernel.buffers, f"result {operand.buffer} does not exist")
                    self.written.add(self.kernel.memory(operand.buffer))
