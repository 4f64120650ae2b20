"""Buffers: stores nobody loads are dropped, arrays shrink to what one iteration needs."""

from __future__ import annotations

from dataclasses import replace

from graphc.kernel.accesses import Accesses
from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Fold,
    Kernel,
    Let,
    Library,
    Load,
    Loop,
    Name,
    Operand,
    Statement,
    Store,
    Value,
)
from graphc.kernel.walk import map_values, statement_values, values_in, walk_statements


def drop_dead(kernel: Kernel) -> Kernel:
    """Return the kernel without stores to workspace nobody reads and names nobody uses, on the way to a result."""
    loaded, named = _used(kernel)
    dead = {name for name in kernel.buffers if _is_workspace(kernel, name) and kernel.memory(name) not in loaded}
    kernel = kernel.with_body(_without_dead(kernel.body, dead, named))
    used = loaded | _written(kernel)
    buffers = {n: b for n, b in kernel.buffers.items() if b.role in ("input", "output") or n in used}
    constants = {n: v for n, v in kernel.constants.items() if n in buffers}
    return replace(kernel, buffers=buffers, constants=constants)


def _is_workspace(kernel: Kernel, name: str) -> bool:
    """Tell whether a name stands for workspace, directly or as a view of it."""
    return kernel.buffers[kernel.memory(name)].role == "workspace"


def _used(kernel: Kernel) -> tuple[set[str], set[str]]:
    """Return the buffers (through views too) and the names that what is kept reads, found backwards from results."""
    loaded: set[str] = set()
    named: set[str] = set()
    written, named_by, pending = _writers(kernel)
    while pending:
        for value in values_in(pending.pop()):
            if isinstance(value, Load):
                name = value.buffer
                while name and name not in loaded:
                    loaded.add(name)
                    pending.extend(written.pop(name, ()))
                    name = kernel.buffers[name].base
            elif isinstance(value, Name) and value.name not in named:
                named.add(value.name)
                pending.extend(named_by.pop(value.name, ()))
    return loaded, named


def _writers(kernel: Kernel) -> tuple[dict[str, list[Value]], dict[str, list[Value]], list[Value]]:
    """Return what is read to write each workspace and to bind each name, and what is read in any case."""
    written: dict[str, list[Value]] = {}
    named_by: dict[str, list[Value]] = {}
    always = [value for value in kernel.results if not isinstance(value, str)]
    for statement in walk_statements(kernel.body):
        values = statement_values(statement)
        match statement:
            case Store(buffer=buffer) | Accumulate(buffer=buffer) if _is_workspace(kernel, buffer):
                written.setdefault(kernel.memory(buffer), []).extend(values)
            case Let(name=name) | Assign(name=name) | Fold(name=name):
                named_by.setdefault(name, []).extend(values)
            case Library(operands=operands, results=results):
                always.extend(values)
                for each in (*operands, *results):
                    always.append(Load(each.buffer, each.index, kernel.buffers[each.buffer].dtype))
            case _:
                always.extend(values)
    return written, named_by, always


def _written(kernel: Kernel) -> set[str]:
    """Return the buffers that are written."""
    return {s.buffer for s in walk_statements(kernel.body) if isinstance(s, (Store, Accumulate))}


def _without_dead(body: tuple[Statement, ...], dead: set[str], named: set[str]) -> tuple[Statement, ...]:
    """Return a block without dead stores, unused names and empty loops."""
    kept: list[Statement] = []
    for statement in body:
        match statement:
            case Store(buffer=buffer) | Accumulate(buffer=buffer) if buffer in dead:
                continue
            case Let(name=name) | Assign(name=name) | Fold(name=name) if name not in named:
                continue
            case Loop(body=inner):
                rest = _without_dead(inner, dead, named)
                if rest:
                    kept.append(statement if rest == inner else replace(statement, body=rest))
            case _:
                kept.append(statement)
    return tuple(kept)


def shrink(kernel: Kernel) -> Kernel:
    """Return the kernel with every workspace that lives within one iteration stored without that axis."""
    viewed = set(kernel.bases.values())
    candidates = {n for n, b in kernel.buffers.items() if b.role == "workspace"} - viewed
    drops: dict[str, set[int]] = {name: set() for name in candidates}
    _find_drops(kernel.body, candidates, drops)
    if not any(drops.values()):
        return kernel
    buffers = dict(kernel.buffers)
    scalars: set[str] = set()
    for name, positions in drops.items():
        old = buffers[name]
        shape = tuple(size for axis, size in enumerate(old.shape) if axis not in positions)
        buffers[name] = replace(old, shape=shape)
        if positions and not shape:
            scalars.add(name)
            del buffers[name]
    return replace(kernel, body=_dropped(kernel.body, drops, scalars), buffers=buffers)


def _find_drops(body: tuple[Statement, ...], candidates: set[str], drops: dict[str, set[int]]) -> None:
    """Find, loop by loop, the axes of buffers that only ever hold the loop's own index."""
    everywhere = Accesses(*body)
    for statement in body:
        if not isinstance(statement, Loop):
            continue
        inside = Accesses(*statement.body)
        local = {n for n in candidates & inside.buffers if len(inside.of(n)) == len(everywhere.of(n))}
        for name in local:
            common = (
                set[int]()
                if statement.ordered
                else set.intersection(
                    *({p for p, v in enumerate(index or ()) if v == Name(statement.index)} for index in inside.of(name))
                )
            )
            drops[name].update(sorted(common)[:1])
        _find_drops(statement.body, local if statement.ordered else {n for n in local if drops[n]}, drops)


def _dropped(body: tuple[Statement, ...], drops: dict[str, set[int]], scalars: set[str]) -> tuple[Statement, ...]:
    """Return a block with the dropped axes gone, and buffers without axes turned into names."""

    def fix(value: Value) -> Value:
        if not isinstance(value, Load):
            return value
        if value.buffer in scalars:
            return Name(value.buffer, value.dtype)
        return replace(value, index=_kept(value.index, drops.get(value.buffer, set())))

    result: list[Statement] = []
    for statement in body:
        statement = map_values(statement, fix)
        match statement:
            case Loop(body=inner):
                result.append(replace(statement, body=_dropped(inner, drops, scalars)))
            case Store(buffer=buffer, value=value, origin=origin) if buffer in scalars:
                result.append(Let(buffer, value, origin))
            case Accumulate(buffer=buffer, op=op, value=value, dtype=dtype, origin=origin) if buffer in scalars:
                result.append(Fold(buffer, op, value, dtype, origin))
            case Library(operands=operands, results=results):
                result.append(replace(statement, operands=_without(operands, drops), results=_without(results, drops)))
            case Store() | Accumulate():
                kept = _kept(statement.index, drops.get(statement.buffer, set()))
                result.append(replace(statement, index=kept))
            case _:
                result.append(statement)
    return tuple(result)


def _without(operands: tuple[Operand, ...], drops: dict[str, set[int]]) -> tuple[Operand, ...]:
    """Return what a library is handed, dropped axes gone."""
    return tuple(replace(each, index=_kept(each.index, drops.get(each.buffer, set()))) for each in operands)


def _kept(index: tuple[Value, ...], positions: set[int]) -> tuple[Value, ...]:
    return tuple(value for position, value in enumerate(index) if position not in positions)
