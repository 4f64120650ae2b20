"""Memory reuse: workspaces of equal dtype and shape whose lives do not overlap become one."""

from __future__ import annotations

from dataclasses import replace

from graphc.kernel.buffers import accesses
from graphc.kernel.ir import Accumulate, Chunks, Kernel, Library, Load, Loop, Operand, Statement, Store, Value
from graphc.kernel.walk import map_values, walk_statements


def reuse_memory(kernel: Kernel) -> Kernel:
    """Return the kernel with workspaces of equal dtype and shape sharing memory when their lives do not overlap."""
    lives: dict[str, tuple[int, int]] = {}
    for position, statement in enumerate(kernel.body):
        for name in _touched(statement, kernel):
            first = lives.get(name, (position, position))[0]
            lives[name] = (first, position)
    rename: dict[str, str] = {}
    free_from: dict[str, int] = {}
    for name in sorted(lives, key=lambda n: lives[n]):
        buffer = kernel.buffers[name]
        if buffer.role != "workspace":
            continue
        for other, end in free_from.items():
            mate = kernel.buffers[other]
            if end < lives[name][0] and (mate.dtype, mate.shape) == (buffer.dtype, buffer.shape):
                rename[name] = other
                free_from[other] = lives[name][1]
                break
        else:
            free_from[name] = lives[name][1]
    return _renamed(kernel, rename) if rename else kernel


def _touched(statement: Statement, kernel: Kernel) -> set[str]:
    """Return the buffers a statement touches, those under views included."""
    names = set(accesses((statement,)))
    for inner in walk_statements((statement,)):
        if isinstance(inner, Library):
            names.update(operand.buffer for operand in (*inner.operands, *inner.results))
    for name in list(names):
        while kernel.buffers[name].role == "view":
            name = kernel.buffers[name].base
            names.add(name)
    return names


def _renamed(kernel: Kernel, rename: dict[str, str]) -> Kernel:
    """Return the kernel with buffers renamed."""

    def fix(value: Value) -> Value:
        return replace(value, buffer=rename.get(value.buffer, value.buffer)) if isinstance(value, Load) else value

    def operands(items: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple(replace(item, buffer=rename.get(item.buffer, item.buffer)) for item in items)

    def chunks(old: Chunks | None) -> Chunks | None:
        totals = tuple((rename.get(buffer, buffer), op) for buffer, op in old.totals) if old else ()
        return old and replace(old, totals=totals, private=tuple(rename.get(name, name) for name in old.private))

    def block(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(one(map_values(statement, fix)) for statement in body)

    def one(statement: Statement) -> Statement:
        match statement:
            case Loop():
                return replace(statement, body=block(statement.body), chunks=chunks(statement.chunks))
            case Store() | Accumulate():
                return replace(statement, buffer=rename.get(statement.buffer, statement.buffer))
            case Library():
                return replace(statement, results=operands(statement.results), operands=operands(statement.operands))
            case _:
                return statement

    buffers = {
        name: replace(buffer, base=rename.get(buffer.base, buffer.base))
        for name, buffer in kernel.buffers.items()
        if name not in rename
    }
    return replace(kernel, body=block(kernel.body), buffers=buffers)
