"""Walks over the kernel IR: the values in a statement, the statements in a body, and maps over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from graphc.kernel.ir import (
    Accumulate,
    Assign,
    Call,
    Count,
    Fail,
    Fold,
    Grow,
    Let,
    Library,
    Load,
    Loop,
    Statement,
    Stop,
    Store,
    Value,
)  # fmt: skip


def children(value: Value) -> tuple[Value, ...]:
    """Return the values directly inside a value."""
    if isinstance(value, Load):
        return value.index
    return value.arguments if isinstance(value, Call) else ()


def values_in(value: Value) -> Iterator[Value]:
    """Yield a value and every value inside it."""
    stack = [value]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def map_value(value: Value, function: Callable[[Value], Value]) -> Value:
    """Return a value with ``function`` applied to every value inside it, then to itself."""
    if isinstance(value, Load):
        value = replace(value, index=tuple(map_value(i, function) for i in value.index))
    elif isinstance(value, Call):
        value = replace(value, arguments=tuple(map_value(argument, function) for argument in value.arguments))
    return function(value)


def map_values(statement: Statement, function: Callable[[Value], Value]) -> Statement:
    """Return a statement other than a loop with ``function`` applied to every value in it."""
    match statement:
        case Let() | Assign() | Fold() | Stop() | Fail() | Count():
            return replace(statement, value=map_value(statement.value, function))
        case Store() | Accumulate():
            index = tuple(map_value(i, function) for i in statement.index)
            return replace(statement, index=index, value=map_value(statement.value, function))
        case Library():
            results, operands = (
                tuple(replace(each, index=tuple(map_value(i, function) for i in each.index)) for each in side)
                for side in (statement.results, statement.operands)
            )
            return replace(statement, results=results, operands=operands, scale=map_value(statement.scale, function))
        case _:
            return statement


def statement_values(statement: Statement) -> tuple[Value, ...]:
    """Return the values a statement reads directly, its indices too; not those of its body."""
    match statement:
        case Let(value=value) | Assign(value=value) | Fold(value=value):
            return (value,)
        case Store(index=index, value=value) | Accumulate(index=index, value=value):
            return (*index, value)
        case Stop(value=value) | Fail(value=value) | Count(value=value):
            return (value,)
        case Grow(index=place):
            return (place,)
        case Library(results=results, operands=operands, scale=scale):
            return (*(i for operand in (*results, *operands) for i in operand.index), scale)
        case _:
            return ()


def walk_statements(body: tuple[Statement, ...] | list[Statement]) -> Iterator[Statement]:
    """Yield every statement, loops before their bodies."""
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        yield statement
        if isinstance(statement, Loop):
            stack.extend(reversed(statement.body))
