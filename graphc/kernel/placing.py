"""Placing: statements with the memory of some buffers replaced by that of others, or by parts of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from graphc.kernel.ir import Accumulate, Chunks, Library, Load, Loop, Operand, Statement, Store, Value
from graphc.kernel.read import Part
from graphc.kernel.walk import map_values

Accessor = TypeVar("Accessor", Load, Store, Accumulate, Operand)
"""What names a buffer and an index in it."""


def placed(statement: Statement, parts: Mapping[str, Part]) -> Statement:
    """Return a statement, and those inside it, with each buffer named in ``parts`` replaced by what is found there."""

    def moved(item: Accessor) -> Accessor:
        if item.buffer not in parts:
            return item
        part: Part = parts[item.buffer]
        return replace(item, buffer=part.buffer, index=(*part.lead, *item.index))

    def fix(value: Value) -> Value:
        return moved(value) if isinstance(value, Load) else value

    statement = map_values(statement, fix)
    match statement:
        case Loop(body=body, chunks=chunks):
            body = tuple(placed(inner, parts) for inner in body)
            return replace(statement, body=body, chunks=chunks and _chunks(chunks, parts))
        case Store():
            return moved(statement)
        case Accumulate():
            return moved(statement)
        case Library(results=results, operands=operands):
            return replace(statement, results=tuple(map(moved, results)), operands=tuple(map(moved, operands)))
        case _:
            return statement


def _chunks(chunks: Chunks, parts: Mapping[str, Part]) -> Chunks:
    """Return what chunks fold into and what each has of its own, as whole buffers of other names."""
    names = {name: part.buffer for name, part in parts.items()}
    totals = tuple((names.get(buffer, buffer), op) for buffer, op in chunks.totals)
    return replace(chunks, totals=totals, private=tuple(names.get(name, name) for name in chunks.private))
